// What is asked for in the same turn of the event loop, by whomever, as one statement.
import DataLoader from 'dataloader';
import type { Session } from './client.js';

/** How many statements of a kind are under way at most, unless told otherwise: a connection is left for all others. */
const AT_ONCE = 3;
/** What one statement takes at most: each may hold a type and a value. */
const MOST = 64;
/** A statement that takes so long no longer keeps others back: the database may not answer, or it may wait for a lock. */
const SLOW_MS = 500;

/**
 * Hands keys to `run` together, which answers in their order. At most `atOnce` runs are under way, unless they
 * take long: what is asked for meanwhile goes together next. Nothing is kept. Inside a transaction each key goes alone.
 */
export function batchStatements<Key, Row>(
  run: (db: Session, keys: readonly Key[]) => Promise<(Row | undefined)[]>,
  atOnce = AT_ONCE,
): (db: Session, key: Key) => Promise<Row | undefined> {
  const loaders = new WeakMap<Session, DataLoader<Key, Row | undefined>>();
  return (db, key) => {
    if (!db.isShared) return run(db, [key]).then(([row]) => row);
    let loader = loaders.get(db);
    if (!loader) {
      loader = newLoader((keys) => run(db, keys), atOnce);
      loaders.set(db, loader);
    }
    return loader.load(key);
  };
}

function newLoader<Key, Row>(run: (keys: readonly Key[]) => Promise<Row[]>, atOnce: number): DataLoader<Key, Row> {
  let underWay = 0;
  /** Oldest first. */
  const held = new Set<() => void>();
  function goOn(): void {
    underWay -= 1;
    const [next] = held;
    if (underWay < atOnce) next?.();
  }
  async function counted(keys: readonly Key[]): Promise<Row[]> {
    // One that stands still keeps nobody waiting any longer: it does not count any more.
    let isSlow = false;
    const timer = setTimeout(() => {
      isSlow = true;
      goOn();
    }, SLOW_MS);
    try {
      return await run(keys);
    } finally {
      clearTimeout(timer);
      if (!isSlow) goOn();
    }
  }
  function hold(dispatch: () => void): void {
    function go(): void {
      held.delete(go);
      underWay += 1;
      dispatch();
    }
    held.add(go);
  }
  return new DataLoader(counted, {
    cache: false,
    maxBatchSize: MOST,
    batchScheduleFn(dispatch) {
      if (underWay >= atOnce) return hold(dispatch);
      // Before it begins: several may be asked for in the same turn.
      underWay += 1;
      setImmediate(dispatch);
    },
  });
}
