// A row whose hash is not what the row before it and its own content make: what has probably been done to the log there.
import type { Session } from '../../store/engine/client.js';
import { findLogEntries, type VerifiedEntryRow } from '../../store/log/log-verification.js';
import { chainHash, entryDigest, genesisHash } from './log-entry.js';

/** Undefined when the secret is gone, whose path and type the row's hash covers. */
export function digestOfRow(row: VerifiedEntryRow): Uint8Array | undefined {
  const { path, secretType } = row;
  return path === null || secretType === null ? undefined : entryDigest({ ...row, path, secretType });
}

/** Whether the row as it stands was written at this revision, behind a row with this hash. */
export function isChained(row: VerifiedEntryRow, behind: Uint8Array, revision = row.environmentRevision): boolean {
  return hasHash(row, behind, revision, row.hash);
}

function hasHash(row: VerifiedEntryRow, behind: Uint8Array, revision: bigint, hash: Uint8Array): boolean {
  const digest = digestOfRow(row);
  return digest !== undefined && Buffer.compare(chainHash(behind, revision, digest), hash) === 0;
}

export type Mismatch =
  | { what: 'inserted' | 'edited' }
  /** Rows that stood before this one are gone, and what follows was numbered anew. */
  | { what: 'removed' }
  /** The row was written at another revision. */
  | { what: 'reordered'; home: bigint }
  /** No row of the secret fits: not the log, but the path or type of the current secret was changed. */
  | { what: 'secret-edited' };

/** Rows removed at once that are still told from an edit. */
const MAX_REMOVED = 1_000;

/** Works out what has happened to the first row that does not fit behind `behind`, the hash of the row before it. */
export async function explainMismatch(db: Session, row: VerifiedEntryRow, behind: Uint8Array): Promise<Mismatch> {
  const { environmentId, environmentRevision: place } = row;
  let stored = genesisHash(environmentId);
  const others = { fitting: 0, all: 0 };
  for await (const page of findLogEntries(db, environmentId)) {
    for (const other of page) {
      if (other.environmentRevision !== place) {
        if (isHome(row, stored, other)) return { what: 'reordered', home: other.environmentRevision };
        if (other.agentSecretId === row.agentSecretId) {
          others.all += 1;
          if (isChained(other, stored)) others.fitting += 1;
        }
      }
      stored = other.hash;
    }
  }
  const following = await findFollowing(db, row);
  if (following && isChained(following, behind, place)) return { what: 'inserted' };
  if (following && isRenumbered(following, row)) return { what: 'removed' };
  return { what: others.all > 0 && others.fitting === 0 ? 'secret-edited' : 'edited' };
}

async function findFollowing(db: Session, row: VerifiedEntryRow): Promise<VerifiedEntryRow | undefined> {
  for await (const page of findLogEntries(db, row.environmentId, row.environmentRevision)) return page[0];
  return undefined;
}

/** Whether the row behind this one was written some revisions later than where it stands. */
function isRenumbered(following: VerifiedEntryRow, row: VerifiedEntryRow): boolean {
  for (let by = 1n; by <= MAX_REMOVED; by += 1n) {
    if (isChained(following, row.hash, following.environmentRevision + by)) return true;
  }
  return false;
}

/** Whether the row was written where `other` stands, behind `stored`: moved with its hash, or only in its content. */
function isHome(row: VerifiedEntryRow, stored: Uint8Array, other: VerifiedEntryRow): boolean {
  const revision = other.environmentRevision;
  return (
    hasHash(row, stored, revision, other.hash) ||
    hasHash(row, stored, revision, row.hash) ||
    // Exchanged with the row before, which stands here now.
    hasHash(row, other.hash, revision, row.hash)
  );
}
