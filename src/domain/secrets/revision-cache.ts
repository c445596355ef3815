// Caches the secrets last returned by this process, without values, so that a new value can be checked and encrypted
// without reading first. The cache decides nothing: the write itself verifies that all, including access, is unchanged.
import { LRUCache } from 'lru-cache';
import type { CachedRevision, RevisionCache } from '../request/services.js';

const MAX_ENTRIES = 10_000;
/** Maximum length of all cached paths and types together. */
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
