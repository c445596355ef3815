// What many streams ask of the log at the same time is read once.

import type { Database } from '../../store/engine/client.js';
import { type AgentSecretRevisionRow, findChanges } from '../../store/secrets/agent-secret-revision.js';
import type { ReadChanges } from '../request/services.js';

/**
 * One write wakes everybody who waits for it, and all of them ask for the same. A read that has begun is shared with nobody
 * who asks later, for it may have missed what they were woken for: they share the one behind it.
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

/** Behind everything that has just been woken. */
function nextEventLoopIteration(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
