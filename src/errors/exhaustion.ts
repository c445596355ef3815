// What the operating system refuses because this process or machine has run out of something: it passes.
import type { AppError } from './errors.js';
import { unavailable, withCause } from './refusals.js';

/** The codes of files, sockets, buffers and memory that are used up. */
export const EXHAUSTION = /^(EMFILE|ENFILE|ENOBUFS|ENOMEM|EADDRNOTAVAIL)$/;

/** UNAVAILABLE if the error, or one of its causes, says that something is used up; else undefined. */
export function exhaustionIn(error: unknown): AppError | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if (!EXHAUSTION.test(String((current as NodeJS.ErrnoException).code))) continue;
    return withCause(unavailable('The service has too many files or connections open, try again later'), current);
  }
  return undefined;
}
