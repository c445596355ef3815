// How every operator command ends: its result alone on standard output, what went wrong on standard error, an exit code.
import { explainFailure } from '../start/start-failure.js';

export interface Command {
  /** Begins with `Usage:`. */
  usage: string;
  /** What is told to be impossible when the work fails, for example "create a token". */
  purpose: string;
  /** Answers what is printed; undefined when the arguments ask for the usage. */
  work(): Promise<string | undefined>;
}

/** The command was called wrongly. */
export class UsageError extends Error {}

/** Exit code 0: done; 1: it could not be done; 2: it was called wrongly. */
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
