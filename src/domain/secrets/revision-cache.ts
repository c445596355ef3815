// Secrets as this process has shown them last, and to whom, without values: enough to check and seal a new value without
// reading first. Nothing is decided by it: the write itself looks whether all is as it was, access included.
import { LRUCache } from 'lru-cache';
import type { AgentSecret } from './agent-secret.js';

/** What a secret keeps for life, and the revision it had. */
export type SeenSecret = Pick<
  AgentSecret,
  'id' | 'environmentId' | 'path' | 'secretType' | 'revision' | 'createdAt' | 'createdBy'
>;

export interface SeenSecrets {
  note(accountId: string, secret: SeenSecret): void;
  /** Undefined unless this revision is the last one that was shown, and this account the last it was shown to. */
  find(accountId: string, id: string, revision: bigint): SeenSecret | undefined;
  forget(id: string): void;
}

const MAX_SEEN = 10_000;
/** Characters of paths and types. */
const MAX_TEXT = 2 * 1024 * 1024;

export function createSeenSecrets(): SeenSecrets {
  const seen = new LRUCache<string, { accountId: string; secret: SeenSecret }>({
    max: MAX_SEEN,
    maxSize: MAX_TEXT,
    maxEntrySize: MAX_TEXT / 16,
    sizeCalculation: ({ secret }) => secret.path.length + secret.secretType.length + 1,
  });
  function find(accountId: string, id: string, revision: bigint): SeenSecret | undefined {
    const last = seen.get(id);
    return last?.secret.revision === revision && last.accountId === accountId ? last.secret : undefined;
  }
  return {
    find,
    note(accountId, { id, environmentId, path, secretType, revision, createdAt, createdBy }) {
      if (find(accountId, id, revision)) return;
      seen.set(id, { accountId, secret: { id, environmentId, path, secretType, revision, createdAt, createdBy } });
    },
    forget: (id) => void seen.delete(id),
  };
}
