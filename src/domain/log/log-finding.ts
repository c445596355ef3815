// The problems that the verification of a log can report.
import type { VerifiedEntryRow } from '../../store/log/log-verification.js';

export type FindingKind =
  | 'edited'
  | 'removed'
  | 'inserted'
  | 'reordered'
  /** A current secret disagrees with the log. */
  | 'secret'
  /** A value is missing, cannot be decrypted, or does not match the digest in the log. */
  | 'value'
  | 'keys'
  /** The environment's own row disagrees with the log. */
  | 'environment'
  /** The environment's name, owner or deletion is not what the service wrote. */
  | 'facts'
  /** The log is not, or is no longer, the one whose head was exported. */
  | 'head';

/** The first problem that the verification found. It never contains any part of a value. */
export class LogFinding extends Error {
  readonly isIntact = false;
  readonly kind: FindingKind;
  /** The first row with the problem; null when the problem belongs to no single row. */
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
