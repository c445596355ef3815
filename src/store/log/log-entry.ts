// The rows that writes append to an environment's log.
import type { Session } from '../engine/client.js';
import { insertInto, statement } from '../engine/statement.js';
import { type Change, agentSecretRevisions as log } from '../engine/tables.js';

/** What every write supplies for its log row. */
export interface LogEntry {
  change: Change;
  at: Date;
  accountId: string;
  tokenId: string | null;
  /** The digest of the value that this write sets; null when it sets none. */
  valueDigest: Uint8Array | null;
  /** When the secret was deleted, if this write leaves it deleted. */
  deletedAt: Date | null;
  /** The revision that had set the value which this write erases. */
  destroyedRevision: bigint | null;
  /** The position in a change set, from 0, and the size of the set; both are null for a single write. */
  setPosition: number | null;
  setSize: number | null;
  /** The digest of the row's content. The row's hash also covers the environment revision and the previous hash. */
  entryDigest: Uint8Array;
}

export interface LogEntryInsertion extends Omit<LogEntry, 'entryDigest'> {
  environmentId: string;
  environmentRevision: bigint;
  agentSecretId: string;
  revision: bigint;
  /** The value if this write sets one, otherwise null. */
  sealedValue: Uint8Array | null;
  valueRevision: bigint | null;
  hash: Uint8Array;
}

/** All of a log row's columns. */
export const LOG_ROW = {
  environmentId: log.environmentId,
  environmentRevision: log.environmentRevision,
  agentSecretId: log.agentSecretId,
  revision: log.revision,
  change: log.change,
  sealedValue: log.sealedValue,
  valueRevision: log.valueRevision,
  valueDigest: log.valueDigest,
  deletedAt: log.deletedAt,
  destroyedRevision: log.destroyedRevision,
  setPosition: log.setPosition,
  setSize: log.setSize,
  at: log.at,
  accountId: log.accountId,
  tokenId: log.tokenId,
  hash: log.hash,
} satisfies Record<keyof LogEntryInsertion, unknown>;

const INSERT = statement<LogEntryInsertion>()({}, insertInto(log, LOG_ROW));

/** Appends one row. The caller must hold the environment's lock, and advance the environment's revision. */
export async function insertLogEntry(db: Session, entry: LogEntryInsertion): Promise<void> {
  await db.rows(INSERT, entry);
}
