// Reads of one row each that are asked for in the same turn of the event loop, by whomever, as one statement.
import DataLoader from 'dataloader';
import type { Session } from './client.js';

/** Rows that one statement answers at most: each may hold a type and a value of the largest size. */
const MOST = 64;

/** Answers each key with its row of `find`, which answers rows in the order of its keys. Nothing is kept. */
export function gather<Key, Row>(
  find: (db: Session, keys: readonly Key[]) => Promise<(Row | undefined)[]>,
): (db: Session, key: Key) => Promise<Row | undefined> {
  const loaders = new WeakMap<Session, DataLoader<Key, Row | undefined>>();
  return (db, key) => {
    let loader = loaders.get(db);
    if (!loader) {
      loader = new DataLoader((keys) => find(db, keys) as Promise<(Row | undefined)[]>, {
        cache: false,
        maxBatchSize: MOST,
        batchScheduleFn: setImmediate,
      });
      loaders.set(db, loader);
    }
    return loader.load(key);
  };
}
