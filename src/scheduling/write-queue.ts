// At most one write per environment in flight per process: writers of one environment wait here, on each other's promise,
// instead of holding the pool's connections while they wait for the environment's row lock.
import { unavailable } from '../errors/refusals.js';

export interface WriteQueue {
  /** Runs `write` after every earlier write of the environment has ended; UNAVAILABLE when too many wait, or too long. */
  run<T>(environmentId: string, write: () => Promise<T>): Promise<T>;
}

/** `maxWaitMs`: a write whose turn comes later than that is refused, not done long after its caller has left. */
export function createWriteQueue(maxWaiting = 1_000, maxWaitMs = 15_000): WriteQueue {
  const queues = new Map<string, { tail: Promise<unknown>; waiting: number }>();
  return {
    async run(environmentId, write) {
      const queue = queues.get(environmentId) ?? { tail: Promise.resolve(), waiting: 0 };
      if (queue.waiting >= maxWaiting) throw unavailable('Too many writes are waiting for this environment');
      queues.set(environmentId, queue);
      queue.waiting += 1;
      const since = performance.now();
      const turn = queue.tail.then(() => {
        if (performance.now() - since > maxWaitMs)
          throw unavailable('Writes of this environment take too long just now');
        return write();
      });
      queue.tail = turn.catch(() => {});
      try {
        return await turn;
      } finally {
        queue.waiting -= 1;
        if (queue.waiting === 0) queues.delete(environmentId);
      }
    },
  };
}
