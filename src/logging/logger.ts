// The one logger. It writes what happened and to whom, never a value, a token or a query's parameters.
import { type DestinationStream, destination, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled'>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines on standard error, so that standard output belongs to what a person should read. `base`: on every line. */
export function createLogger(
  level: LogLevel,
  to: DestinationStream = destination({ dest: 2, sync: true }),
  base: { pid: number } | null = null,
): Logger {
  return pino({ level, base, timestamp: stdTimeFunctions.isoTime, serializers: { err: describeError } }, to);
}

/** What may be said about an unexpected error: Postgres puts row contents into `detail`, `where` and `parameters`. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, constraint_name: constraint, table_name: table, routine } = error as unknown as Record<string, unknown>;
  const isDatabaseError = routine !== undefined || table !== undefined || constraint !== undefined;
  return {
    type: error.name,
    // A database error's message may quote a value that it could not read; its code says enough.
    message: isDatabaseError ? 'database error' : error.message,
    code,
    constraint,
    table,
    routine,
    // Frames only: the message before them may have several lines.
    stack: error.stack
      ?.split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('at ')),
    cause: error.cause === undefined ? undefined : describeError(error.cause),
  };
}

/** A database's SQLSTATE or a driver's code: says what went wrong, never with which values. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : undefined;
}
