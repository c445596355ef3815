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

/** Exit code 0: success; 1: the work failed; 2: the command line arguments are invalid. */
export async function runCommand({ usage, purpose, work }: Command): Promise<void> {
  try {
    process.stdout.write(`${(await work()) ?? usage.trimEnd()}\n`);
  } catch (error) {
    const isUsage =
      error instanceof UsageError || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
    process.stderr.write(
      isUsage ? `${(error as Error).message}\n\n${usage}` : `${explainFailure(error, `Cannot ${purpose}`)}\n`,
    );
    process.exitCode = isUsage ? 2 : 1;
  }
}
