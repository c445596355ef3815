// Deduplicates reads for change streams: streams that read the same part of the log at the same time share one query.

import type { Database } from '../../store/engine/client.js';
import { findChainedChanges, findLogPoint } from '../../store/secrets/agent-secret-revision.js';
import type { ChangesPage, ReadChanges } from '../request/services.js';

/**
 * One write wakes all streams of the environment, and all of them read the same rows. A query that has already started
 * is never shared with a later caller, because it may have missed the very change that the caller was woken for. Later
 * callers share the next query instead.
 */
export function shareChangeReads(db: Database, limit: number): ReadChanges {
  const inFlight = new Map<string, Promise<unknown>>();
  const queued = new Map<string, Promise<ChangesPage>>();
  return (environmentId, after) => {
    const key = `${environmentId} ${after}`;
    const queuedRead = queued.get(key);
    if (queuedRead) return queuedRead;
    const read = (inFlight.get(key) ?? nextEventLoopIteration()).then(() => {
      queued.delete(key);
      const page = readPage(db, { environmentId, after, limit });
      const settled = page
        .catch(() => {})
        .then(() => {
          if (inFlight.get(key) === settled) inFlight.delete(key);
        });
      inFlight.set(key, settled);
      return page;
    });
    queued.set(key, read);
    return read;
  };
}

async function readPage(
  db: Database,
  asked: { environmentId: string; after: bigint; limit: number },
): Promise<ChangesPage> {
  const rows = await findChainedChanges(db, asked);
  // The log has no row of revision 0.
  if (rows[0] || asked.after === 0n) return { rows, hashBefore: rows[0]?.hashBefore ?? null };
  // Without a row nothing has told it. Read afterwards, so that it is not older than the rows that are not there.
  const point = await findLogPoint(db, asked.environmentId, asked.after);
  return { rows, hashBefore: point?.hash ?? null };
}

/** Resolves after all streams that were woken in this iteration of the event loop have made their request. */
function nextEventLoopIteration(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
