// Statement batching: requests of any callers in the same iteration of the event loop are sent as one statement.
import DataLoader from 'dataloader';
import type { Session } from './client.js';

/**
 * By default, the number of batches of one kind that run at a time. It leaves a connection for all other statements.
 */
const CONCURRENCY = 3;
/** The most keys in a batch: each row may contain a type and a value. */
const MAX_BATCH_SIZE = 64;
/** A batch that takes longer no longer holds others back: it may wait for a lock, or the database may not respond. */
const SLOW_MS = 500;

/**
 * Passes keys to `run` in batches; `run` returns the rows in the order of the keys. At most `concurrency` batches run
 * at a time, not counting slow ones; keys that are requested in the meantime form the next batch. Nothing is cached.
 * Inside a transaction each key is passed on alone.
 */
export function batchStatements<Key, Row>(
  run: (db: Session, keys: readonly Key[]) => Promise<(Row | undefined)[]>,
  concurrency = CONCURRENCY,
): (db: Session, key: Key) => Promise<Row | undefined> {
  const loaders = new WeakMap<Session, DataLoader<Key, Row | undefined>>();
  return (db, key) => {
    if (!db.isShared) return run(db, [key]).then(([row]) => row);
    let loader = loaders.get(db);
    if (!loader) {
      loader = newLoader((keys) => run(db, keys), concurrency);
      loaders.set(db, loader);
    }
    return loader.load(key);
  };
}

function newLoader<Key, Row>(run: (keys: readonly Key[]) => Promise<Row[]>, concurrency: number): DataLoader<Key, Row> {
  let inFlight = 0;
  /** Batches that wait until another one has ended, oldest first. */
  const queued = new Set<() => void>();
  function startNext(): void {
    inFlight -= 1;
    const [next] = queued;
    if (inFlight < concurrency) next?.();
  }
  async function runBatch(keys: readonly Key[]): Promise<Row[]> {
    // A slow batch is no longer counted as in flight, so that the next one can start.
    let isSlow = false;
    const timer = setTimeout(() => {
      isSlow = true;
      startNext();
    }, SLOW_MS);
    try {
      return await run(keys);
    } finally {
      clearTimeout(timer);
      if (!isSlow) startNext();
    }
  }
  function enqueue(dispatch: () => void): void {
    function start(): void {
      queued.delete(start);
      inFlight += 1;
      dispatch();
    }
    queued.add(start);
  }
  return new DataLoader(runBatch, {
    cache: false,
    maxBatchSize: MAX_BATCH_SIZE,
    batchScheduleFn(dispatch) {
      if (inFlight >= concurrency) return enqueue(dispatch);
      // Counted before it starts, because several batches may be scheduled in the same iteration of the event loop.
      inFlight += 1;
      setImmediate(dispatch);
    },
  });
}
