// Deduplicates reads for change streams: streams that read the same part of the log at the same time share one query.

import type { Database } from '../../store/engine/client.js';
import { type AgentSecretRevisionRow, findChanges } from '../../store/secrets/agent-secret-revision.js';
import type { ReadChanges } from '../request/services.js';

/**
 * One write wakes all streams of the environment, and all of them read the same rows. A query that has already started
 * is never shared with a later caller, because it may have missed the very change that the caller was woken for. Later
 * callers share the next query instead.
 */
export function shareChangeReads(db: Database, limit: number): ReadChanges {
  const inFlight = new Map<string, Promise<unknown>>();
  const queued = new Map<string, Promise<AgentSecretRevisionRow[]>>();
  return (environmentId, after) => {
    const key = `${environmentId} ${after}`;
    const queuedRead = queued.get(key);
    if (queuedRead) return queuedRead;
    const read = (inFlight.get(key) ?? nextEventLoopIteration()).then(() => {
      queued.delete(key);
      const rows = findChanges(db, { environmentId, after, limit });
      const settled = rows
        .catch(() => {})
        .then(() => {
          if (inFlight.get(key) === settled) inFlight.delete(key);
        });
      inFlight.set(key, settled);
      return rows;
    });
    queued.set(key, read);
    return read;
  };
}

/** Resolves after all streams that were woken in this iteration of the event loop have made their request. */
function nextEventLoopIteration(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
