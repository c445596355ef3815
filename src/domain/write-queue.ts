// At most one write per environment in flight per process: writers of one environment wait here, on each other's promise,
// instead of holding the pool's connections while they wait for the environment's row lock.
import { unavailable } from '../errors.js';

export interface WriteQueue {
  /** Runs `write` after every earlier write of the environment has ended; UNAVAILABLE when too many wait already. */
  run<T>(environmentId: string, write: () => Promise<T>): Promise<T>;
}

export function createWriteQueue(maxWaiting = 1_000): WriteQueue {
  const queues = new Map<string, { tail: Promise<unknown>; waiting: number }>();
  return {
    async run(environmentId, write) {
      const queue = queues.get(environmentId) ?? { tail: Promise.resolve(), waiting: 0 };
      if (queue.waiting >= maxWaiting) throw unavailable('Too many writes are waiting for this environment');
      queues.set(environmentId, queue);
      queue.waiting += 1;
      const turn = queue.tail.then(write);
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
