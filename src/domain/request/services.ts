// The services of a process, as the operations of the domain use them. They are interfaces here, so that this folder
// does not depend on the folders that implement them; `start/services.ts` assembles the implementations.
import type { KeyCache } from '../../crypto/environment-keys.js';
import type { KeyProvider } from '../../crypto/key-provider.js';
import type { Logger } from '../../logging/logger.js';
import type { SecurityLog } from '../../logging/security-log.js';
import type { ByteBudget } from '../../scheduling/byte-budget.js';
import type { WriteQueue } from '../../scheduling/write-queue.js';
import type { Database } from '../../store/engine/client.js';
import type { SecretReadColumns } from '../../store/reads/read-audit.js';
import type { ChainedRevisionRow } from '../../store/secrets/agent-secret-revision.js';
import type { Actor, RequestFacts } from './actor.js';

/** Shared by all requests of a process. No service holds the only copy of any data. */
export interface Services {
  readonly db: Database;
  readonly keyProvider: KeyProvider;
  readonly keys: KeyCache;
  readonly writes: WriteQueue;
  readonly revisions: RevisionCache;
  readonly feed: ChangeFeed;
  readonly bearers: CredentialCache;
  readonly reads: ReadAudit;
  /** Bytes that operations hold from reading until their answers are sent. */
  readonly memory: ByteBudget;
  readonly log: Logger;
  readonly security: SecurityLog;
}

/** Caches credentials that the process has verified a moment ago. Implemented by `access/credential-cache.ts`. */
export interface CredentialCache {
  /** The caller to whom a credential belongs, if it was verified a moment ago. */
  trusted(secret: string): Actor | undefined;
  /** The caller to whom a credential belongs; undefined when the credential is not valid. */
  authenticate(secret: string): Actor | undefined | Promise<Actor | undefined>;
  /** Forgets every credential, after a revocation in this process. */
  clear(): void;
  /** How often credentials were forgotten. */
  readonly generation: number;
}

/** The immutable fields of a secret, and one revision that it had. */
export interface CachedRevision {
  id: string;
  environmentId: string;
  path: string;
  secretType: string;
  revision: bigint;
  createdAt: Date;
  createdBy: string;
}

/** Caches the revisions that the process has returned last. Implemented by `secrets/revision-cache.ts`. */
export interface RevisionCache {
  note(accountId: string, secret: CachedRevision): void;
  /**
   * Undefined unless this revision is the last one that was returned for the secret, and this account was the last to
   * receive it.
   */
  find(accountId: string, id: string, revision: bigint): CachedRevision | undefined;
  forget(id: string): void;
}

/** A page of changes, and the hash of the log's row before it; null when the log has no such row. */
export interface ChangesPage {
  rows: ChainedRevisionRow[];
  hashBefore: Uint8Array | null;
}
/** One page of an environment's changes after a revision. The result is at least as new as the call. */
export type ReadChanges = (environmentId: string, after: bigint) => Promise<ChangesPage>;

/** One open change stream that waits for news. */
export interface Watch {
  /**
   * Forgets earlier wake-ups. It is called before the log is read, so that no wake-up between reading and waiting is
   * lost.
   */
  arm(): void;
  /**
   * Waits until there may be new changes: until the log's head is another than `told`, which is the hash of the log up to
   * what the stream has told. Resolves to true, or to false once closed. Rejects with the reason when the
   * stream must end.
   */
  next(told: Uint8Array): Promise<boolean>;
  /** False once closed. Throws the reason when the stream must end. */
  isOpen(): boolean;
  close(): void;
}

/** The streams that wait for changes. Implemented by `changes/change-feed.ts`. */
export interface ChangeFeed {
  /**
   * Wakes the streams that wait for this environment's changes, here and in other processes: all whose callers were checked
   * lately.
   */
  announce(environmentId: string): void;
  /**
   * Opens a stream. Throws RATE_LIMITED when the account has too many streams, and UNAVAILABLE when the process has too
   * many or is stopping.
   */
  watch(actor: Actor, environmentId: string): Watch;
  /** Reads changes after a revision, at most one page. */
  read: ReadChanges;
  /** How many streams are open. */
  open(): number;
  /** When an environment has last changed, here or in a process that has told it: milliseconds since 1970, or 0. */
  lastChangeAt(): number;
  /** Ends every stream, because the process stops. */
  close(): Promise<void>;
}

/** An opened value: the secret, and the revision at which it was read. */
export interface OpenedValue {
  environmentId: string;
  id: string;
  revision: bigint;
}

/** The audit log of opened values. Implemented by `reads/read-audit.ts`. */
export interface ReadAudit {
  /**
   * Records that a value was opened for a caller. Returns a promise when the value must not be shown before it
   * resolves. Fails with UNAVAILABLE when the record cannot be written (mode `strict`), or when records could not be
   * written for too long.
   */
  record(request: RequestFacts, opened: OpenedValue): undefined | Promise<void>;
  /** The same for several values of one environment. */
  recordAll(
    request: RequestFacts,
    environmentId: string,
    opened: readonly Omit<OpenedValue, 'environmentId'>[],
  ): undefined | Promise<unknown>;
  /** Writes all pending records. Rejects with UNAVAILABLE when that fails. */
  flush(): Promise<void>;
  /** How many openings are not recorded in the database yet, and how long the oldest has waited. */
  backlog(): { openings: number; oldestMs: number };
  /** The records that may not be in the database yet. */
  pending(): SecretReadColumns[];
}
