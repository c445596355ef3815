// Runs the writes of one environment one after the other within this process. Waiting writes are queued here instead of
// occupying connections of the pool while they wait for the environment's row lock.
import { unavailable } from '../errors/refusals.js';

export interface WriteQueue {
  /**
   * Runs `write` after all earlier writes of the environment have ended. Rejects with UNAVAILABLE when too many writes
   * are queued, or when this one has waited too long.
   */
  run<T>(environmentId: string, write: () => Promise<T>): Promise<T>;
  /** Writes of all environments that run or wait. */
  waiting(): number;
}

/**
 * `maxWaiting`: how many writes of one environment may be queued, including the running one. `maxWaitMs`: a write that
 * could only start later than this is rejected, so that it is not performed long after its caller has given up.
 */
export function createWriteQueue(maxWaiting = 1_000, maxWaitMs = 15_000): WriteQueue {
  const queues = new Map<string, { tail: Promise<unknown>; waiting: number }>();
  let all = 0;
  return {
    waiting: () => all,
    async run(environmentId, write) {
      const queue = queues.get(environmentId) ?? { tail: Promise.resolve(), waiting: 0 };
      if (queue.waiting >= maxWaiting) throw unavailable('Too many writes are waiting for this environment');
      queues.set(environmentId, queue);
      queue.waiting += 1;
      all += 1;
      const queuedAt = performance.now();
      const result = queue.tail.then(() => {
        if (performance.now() - queuedAt > maxWaitMs)
          throw unavailable('Writes of this environment take too long just now');
        return write();
      });
      queue.tail = result.catch(() => {});
      try {
        return await result;
      } finally {
        queue.waiting -= 1;
        all -= 1;
        if (queue.waiting === 0) queues.delete(environmentId);
      }
    },
  };
}
