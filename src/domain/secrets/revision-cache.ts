// Secrets as this process has shown them last, and to whom, without values: enough to check and seal a new value without
// reading first. Nothing is decided by it: the write itself looks whether all is as it was, access included.
import { LRUCache } from 'lru-cache';
import type { CachedRevision, RevisionCache } from '../request/services.js';

const MAX_ENTRIES = 10_000;
/** Characters of paths and types. */
const MAX_CHARACTERS = 2 * 1024 * 1024;

export function createRevisionCache(): RevisionCache {
  const cache = new LRUCache<string, { accountId: string; secret: CachedRevision }>({
    max: MAX_ENTRIES,
    maxSize: MAX_CHARACTERS,
    maxEntrySize: MAX_CHARACTERS / 16,
    sizeCalculation: ({ secret }) => secret.path.length + secret.secretType.length + 1,
  });
  function find(accountId: string, id: string, revision: bigint): CachedRevision | undefined {
    const cached = cache.get(id);
    return cached?.secret.revision === revision && cached.accountId === accountId ? cached.secret : undefined;
  }
  return {
    find,
    note(accountId, { id, environmentId, path, secretType, revision, createdAt, createdBy }) {
      if (find(accountId, id, revision)) return;
      cache.set(id, { accountId, secret: { id, environmentId, path, secretType, revision, createdAt, createdBy } });
    },
    forget: (id) => void cache.delete(id),
  };
}
