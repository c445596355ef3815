// Secrets as this process has shown them last, and to whom, without values: enough to check and seal a new value without
// reading first. Nothing is decided by it: the write itself looks whether all is as it was, access included.
import { LRUCache } from 'lru-cache';
import type { AgentSecret } from './agent-secret.js';

/** What a revision of a secret, once it is there, never changes. */
export type SeenSecret = Pick<
  AgentSecret,
  'id' | 'environmentId' | 'path' | 'secretType' | 'revision' | 'valueRevision' | 'createdAt' | 'createdBy'
>;

export interface SeenSecrets {
  note(accountId: string, secret: SeenSecret): void;
  /** Undefined unless this revision is the last one that was shown, and this account the last it was shown to. */
  find(accountId: string, id: string, revision: bigint): SeenSecret | undefined;
}

const MAX_SEEN = 10_000;
/** Characters of paths and types. */
const MAX_TEXT = 2 * 1024 * 1024;

export function createSeenSecrets(): SeenSecrets {
  const seen = new LRUCache<string, SeenSecret & { accountId: string }>({
    max: MAX_SEEN,
    maxSize: MAX_TEXT,
    maxEntrySize: MAX_TEXT / 16,
    sizeCalculation: ({ path, secretType }) => path.length + secretType.length + 1,
  });
  function find(accountId: string, id: string, revision: bigint): SeenSecret | undefined {
    const secret = seen.get(id);
    return secret?.revision === revision && secret.accountId === accountId ? secret : undefined;
  }
  return {
    find,
    note(accountId, secret) {
      const { id, environmentId, path, secretType, revision, valueRevision, createdAt, createdBy } = secret;
      if (find(accountId, id, revision)) return;
      seen.set(id, { id, environmentId, path, secretType, revision, valueRevision, createdAt, createdBy, accountId });
    },
  };
}
