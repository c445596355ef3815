// What is wrong with a log, as its verification tells it.
import type { VerifiedEntryRow } from '../../store/log/log-verification.js';

export type FindingKind =
  | 'edited'
  | 'removed'
  | 'inserted'
  | 'reordered'
  /** A current secret is not what the log says. */
  | 'secret'
  /** A value is missing, does not open, or is another one than the log's digest says. */
  | 'value'
  | 'keys'
  /** The environment's own row is not what the log says. */
  | 'environment'
  /** The log is not, or not any more, the one whose head was exported. */
  | 'head';

/** The first thing found wrong, never with any part of a value. */
export class LogFinding extends Error {
  readonly isIntact = false;
  readonly kind: FindingKind;
  /** The first bad row; null when it is no single one. */
  readonly environmentRevision: bigint | null;

  constructor(kind: FindingKind, environmentRevision: bigint | null, message: string) {
    super(message);
    this.kind = kind;
    this.environmentRevision = environmentRevision;
  }
}

export function badValue(row: VerifiedEntryRow, valueRevision: bigint, what: string): LogFinding {
  const value = `the value of revision ${valueRevision} of the secret ${row.agentSecretId}`;
  return new LogFinding('value', row.environmentRevision, `${value} ${what}`);
}
