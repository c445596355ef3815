// The logger of the application. It logs events and ids, never a secret value, a token or the parameters of a query.
import { type DestinationStream, destination, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import { textLines } from './text-lines.js';

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled'>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export const LOG_FORMATS = ['json', 'text'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LoggerOptions {
  format?: LogFormat;
  to?: DestinationStream;
  /** These fields are on every line. */
  base?: { pid: number } | null;
}

/** Logs lines to standard error, because standard output is reserved for text that is meant for people. */
export function createLogger(level: LogLevel, { format, to, base = null }: LoggerOptions = {}): Logger {
  const out = to ?? destination({ dest: 2, sync: true });
  return pino(
    {
      level,
      base,
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'text' ? textLines(out) : out,
  );
}

/**
 * What may be logged about an unexpected error: not `detail`, `where` and `parameters`, where Postgres puts row data.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, constraint_name: constraint, table_name: table, routine } = error as unknown as Record<string, unknown>;
  const isDatabaseError = routine !== undefined || table !== undefined || constraint !== undefined;
  return {
    type: error.name,
    // The message of a database error may quote a value that Postgres could not parse; the error's code is sufficient.
    message: isDatabaseError ? 'database error' : error.message,
    code,
    constraint,
    table,
    routine,
    // Only the stack frames: the message that precedes them may span several lines.
    stack: error.stack
      ?.split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('at ')),
    cause: error.cause === undefined ? undefined : describeError(error.cause),
  };
}

/** The SQLSTATE of a database error or the code of a driver error. It says what went wrong, never with which values. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : undefined;
}

/** What a pooler says in its own words (08P01). It names settings, users and databases, never a value. */
export function poolerWordsOf(error: unknown): string | undefined {
  const { code, message, routine } = (error ?? {}) as { code?: unknown; message?: unknown; routine?: unknown };
  // Postgres itself tells the routine, and may quote what it could not read.
  return code === '08P01' && routine === undefined ? String(message).slice(0, 200) : undefined;
}
