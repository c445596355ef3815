// Which errors of the database driver are outages, and what callers are told about them.
import { constants } from 'node:os';
import { AppError } from '../../errors/errors.js';
import { EXHAUSTION } from '../../errors/exhaustion.js';
import { unavailable, withCause } from '../../errors/refusals.js';
import { READ_ONLY } from './read-only.js';

/** What is the matter with the database, as words behind "the database". */
export type Trouble = (typeof TROUBLES)[number][1] | typeof UNREACHABLE;

const UNREACHABLE = 'is not reachable';

/** By SQLSTATE, or by the code of an error of the operating system or the driver. */
const TROUBLES = [
  [new RegExp(`^${READ_ONLY}$`), 'is read-only just now'],
  [/^53100$/, 'is out of space'],
  [/^53[34]00$/, 'has too many connections'],
  [/^53...$/, 'is short of memory or other resources'],
  [/^57P03$/, 'is not ready yet'],
  [/^(57014|55P03)$/, 'does not answer in time'],
  // Of this machine or process, not of the database.
  [EXHAUSTION, 'cannot be reached: too many files or connections are open here'],
  [/^(08...|57P0[1245]|CONNECT.*|ENOTFOUND|EAI_.*)$/, UNREACHABLE],
  // TLS that fails behind the handshake. It succeeds again when the certificate is renewed.
  [/^(ERR_TLS_.*|ERR_SSL_.*|CERT_.*|UNABLE_TO_.*|SELF_SIGNED_.*|DEPTH_ZERO_.*)$/, UNREACHABLE],
] as const;

/** Undefined if the error does not say that the database is unavailable. */
export function troubleOf(error: unknown): Trouble | undefined {
  const { code, severity, message } = (error ?? {}) as Partial<Record<string, unknown>>;
  if (message === 'PGlite is closed') return UNREACHABLE;
  if (typeof code !== 'string') return undefined;
  const known = TROUBLES.find(([codes]) => codes.test(code));
  // FATAL ends the database session, or prevents it from starting: the statement is not the cause. Nor is it the cause
  // of what the operating system refuses.
  return known?.[1] ?? (severity === 'FATAL' || isSystemError(code) ? UNREACHABLE : undefined);
}

function isSystemError(code: string): boolean {
  return code in constants.errno;
}

/** Whether an error means that the connection is lost. */
export function isConnectionLoss(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return severity === 'FATAL' || /^(57P0[1-4]|CONNECTION_.*)$/.test(String(code)) || isSystemError(String(code));
}

/** An outage is an expected error; every other error of the driver is a bug and is left unchanged. */
export function translate(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const trouble = troubleOf(error);
  if (trouble !== undefined) return withCause(unavailable(`The database ${trouble}, try again later`), error);
  if (hasGivenWay(error))
    return withCause(unavailable('Too many writes meet in the same place, try again later'), error);
  return error;
}

/** The error of the database driver, which `translate` may have wrapped. */
export function causeOf(error: unknown): unknown {
  return error instanceof AppError ? error.cause : error;
}

/** Whether Postgres has ended it for the sake of others, in a deadlock or a conflict of serialisation: it has had no effect. */
export function hasGivenWay(error: unknown): boolean {
  return /^(40P01|40001)$/.test(String((causeOf(error) as { code?: unknown } | null)?.code));
}

/** Does work that has to be all or nothing, and does it once more if it had to give way. */
export async function withOneRetry<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!hasGivenWay(error)) throw error;
    return work();
  }
}
