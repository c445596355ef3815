// What is asked for in the same turn of the event loop, by whomever, as one statement.
import DataLoader from 'dataloader';
import type { Session } from './client.js';

/** How many statements of a kind are under way at most, unless told otherwise: about as many as there are connections. */
const AT_ONCE = 4;
/** What one statement takes at most: each may hold a type and a value of the largest size. */
const MOST = 64;

/**
 * Hands keys to `run` together, which answers in their order. At most `atOnce` runs are under way: what is asked for
 * meanwhile goes together next. Nothing is kept. Inside a transaction each key goes alone.
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
  const held: (() => void)[] = [];
  async function counted(keys: readonly Key[]): Promise<Row[]> {
    underWay += 1;
    try {
      return await run(keys);
    } finally {
      underWay -= 1;
      held.shift()?.();
    }
  }
  return new DataLoader(counted, {
    cache: false,
    maxBatchSize: MOST,
    batchScheduleFn: (dispatch) => void (underWay < atOnce ? setImmediate(dispatch) : held.push(dispatch)),
  });
}
