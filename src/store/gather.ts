// What is asked for in the same turn of the event loop, by whomever, as one statement.
import DataLoader from 'dataloader';
import type { Session } from './client.js';

/** How many statements of a kind are under way at most, unless told otherwise: a connection is left for all others. */
const AT_ONCE = 3;
/** What one statement takes at most: each may hold a type and a value. */
const MOST = 64;
/** Then it goes all the same: the database may not answer, and whoever waits for a connection is told so in time. */
const HELD_MS = 1_000;

/**
 * Hands keys to `run` together, which answers in their order. At most `atOnce` runs are under way, unless they
 * take long: what is asked for meanwhile goes together next. Nothing is kept. Inside a transaction each key goes alone.
 */
export function gather<Key, Row>(
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
  async function counted(keys: readonly Key[]): Promise<Row[]> {
    try {
      return await run(keys);
    } finally {
      underWay -= 1;
      const [next] = held;
      if (underWay < atOnce) next?.();
    }
  }
  function hold(dispatch: () => void): void {
    function go(): void {
      clearTimeout(timer);
      held.delete(go);
      underWay += 1;
      dispatch();
    }
    const timer = setTimeout(go, HELD_MS);
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
