// Explains a row of the log whose hash does not match its content and the row before it: what has probably been done to
// the log there.
import type { Session } from '../../store/engine/client.js';
import { findLogEntries, type VerifiedEntryRow } from '../../store/log/log-verification.js';
import { chainHash, entryDigest, genesisHash } from './log-entry.js';

/** Undefined when the current secret is missing, because the row's hash also covers the secret's path and type. */
export function digestOfRow(row: VerifiedEntryRow): Uint8Array | undefined {
  const { path, secretType } = row;
  return path === null || secretType === null ? undefined : entryDigest({ ...row, path, secretType });
}

/**
 * Whether the row, with its stored content and hash, was written at this revision and directly after a row with this
 * hash.
 */
export function isChained(
  row: VerifiedEntryRow,
  previousHash: Uint8Array,
  revision = row.environmentRevision,
): boolean {
  return hashesTo(row, previousHash, revision, row.hash);
}

function hashesTo(row: VerifiedEntryRow, previousHash: Uint8Array, revision: bigint, hash: Uint8Array): boolean {
  const digest = digestOfRow(row);
  return digest !== undefined && Buffer.compare(chainHash(previousHash, revision, digest), hash) === 0;
}

export type Mismatch =
  | { what: 'inserted' | 'edited' }
  /** Rows before this one were deleted, and the rows after them were renumbered. */
  | { what: 'removed' }
  /** The row was written at another revision, `home`. */
  | { what: 'reordered'; home: bigint }
  /** No row of the secret matches its hash. So the path or type of the current secret was changed, not the log. */
  | { what: 'secret-edited' };

/** The largest number of rows removed at once that is still recognised as a removal and not taken for an edit. */
const MAX_REMOVED_ROWS = 1_000;

/**
 * Works out what has happened to the first row that does not match. `previousHash` is the hash of the row before it.
 */
export async function explainMismatch(db: Session, row: VerifiedEntryRow, previousHash: Uint8Array): Promise<Mismatch> {
  const { environmentId, environmentRevision: storedRevision } = row;
  let hashBefore = genesisHash(environmentId);
  const rowsOfSecret = { fitting: 0, all: 0 };
  for await (const page of findLogEntries(db, environmentId)) {
    for (const other of page) {
      if (other.environmentRevision !== storedRevision) {
        if (wasWrittenAt(row, hashBefore, other)) return { what: 'reordered', home: other.environmentRevision };
        if (other.agentSecretId === row.agentSecretId) {
          rowsOfSecret.all += 1;
          if (isChained(other, hashBefore)) rowsOfSecret.fitting += 1;
        }
      }
      hashBefore = other.hash;
    }
  }
  const nextRow = await findNextRow(db, row);
  if (nextRow && isChained(nextRow, previousHash, storedRevision)) return { what: 'inserted' };
  if (nextRow && isRenumbered(nextRow, row)) return { what: 'removed' };
  return { what: rowsOfSecret.all > 0 && rowsOfSecret.fitting === 0 ? 'secret-edited' : 'edited' };
}

async function findNextRow(db: Session, row: VerifiedEntryRow): Promise<VerifiedEntryRow | undefined> {
  for await (const page of findLogEntries(db, row.environmentId, row.environmentRevision)) return page[0];
  return undefined;
}

/** Whether the row after this one was written at a later revision than the one it has now. */
function isRenumbered(nextRow: VerifiedEntryRow, row: VerifiedEntryRow): boolean {
  for (let shift = 1n; shift <= MAX_REMOVED_ROWS; shift += 1n) {
    if (isChained(nextRow, row.hash, nextRow.environmentRevision + shift)) return true;
  }
  return false;
}

/**
 * Whether the row was written at the position of `other`, after a row with the hash `hashBefore`. The row may have been
 * moved together with its hash, or only its content was moved.
 */
function wasWrittenAt(row: VerifiedEntryRow, hashBefore: Uint8Array, other: VerifiedEntryRow): boolean {
  const revision = other.environmentRevision;
  return (
    hashesTo(row, hashBefore, revision, other.hash) ||
    hashesTo(row, hashBefore, revision, row.hash) ||
    // The row was swapped with the row before it, which is now stored here.
    hashesTo(row, other.hash, revision, row.hash)
  );
}
