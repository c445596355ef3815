// Rows of an environment's log, as writes append them.
import type { Session } from '../engine/client.js';
import { insertInto, statement } from '../engine/statement.js';
import { type Change, agentSecretRevisions as log } from '../engine/tables.js';

/** What every write brings for its log row. */
export interface LogEntry {
  change: Change;
  at: Date;
  accountId: string;
  tokenId: string | null;
  /** Of the value this write sets; null when it sets none. */
  valueDigest: Uint8Array | null;
  /** When the secret was deleted, if this write leaves it deleted. */
  deletedAt: Date | null;
  /** The revision that had set the value which this write erases. */
  destroyedRevision: bigint | null;
  /** Place in its change set, from 0, and that set's size; null for a write of its own. */
  setPosition: number | null;
  setSize: number | null;
  /** Digest of the row's content; the hash adds the environment revision and the previous hash. */
  entryDigest: Uint8Array;
}

export interface LogEntryInsertion extends Omit<LogEntry, 'entryDigest'> {
  environmentId: string;
  environmentRevision: bigint;
  agentSecretId: string;
  revision: bigint;
  /** Where this write sets a value. */
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

/** Appends one row; the caller holds the environment's lock and advances it. */
export async function insertLogEntry(db: Session, entry: LogEntryInsertion): Promise<void> {
  await db.rows(INSERT, entry);
}
