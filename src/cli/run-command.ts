// Runs an operator command: prints its result, and nothing else, to standard output and errors to standard error, and
// sets the exit code.
import { explainFailure } from '../start/start-failure.js';

export interface Command {
  /** The usage text, which begins with `Usage:`. */
  usage: string;
  /** What the command does, for the message that it cannot be done, for example "create a token". */
  purpose: string;
  /** Resolves with the text to print, or with undefined when the arguments request the usage text. */
  work(): Promise<string | undefined>;
}

/** The command line arguments are invalid. */
export class UsageError extends Error {}

export async function runCommand({ work, ...told }: Command): Promise<void> {
  try {
    process.stdout.write(`${(await work()) ?? told.usage.trimEnd()}\n`);
  } catch (error) {
    process.stderr.write(messageOf(error, told));
    process.exitCode = exitCodeOf(error);
  }
}

/** 1: the work failed; 2: the command line arguments are invalid. Success is 0. */
export function exitCodeOf(error: unknown): 1 | 2 {
  return isUsageError(error) ? 2 : 1;
}

export function messageOf(error: unknown, { usage, purpose }: Omit<Command, 'work'>): string {
  return isUsageError(error)
    ? `${(error as Error).message}\n\n${usage}`
    : `${explainFailure(error, `Cannot ${purpose}`)}\n`;
}

function isUsageError(error: unknown): boolean {
  return error instanceof UsageError || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
}
