// The services of a process, as the domain's verbs use them. Each is an interface here, so that this room depends on none
// of the rooms that implement it; `start/services.ts` puts the implementations together.
import type { KeyCache } from '../../crypto/environment-keys.js';
import type { KeyProvider } from '../../crypto/key-provider.js';
import type { Logger } from '../../logging/logger.js';
import type { WriteQueue } from '../../scheduling/write-queue.js';
import type { Database } from '../../store/engine/client.js';
import type { AgentSecretRevisionRow } from '../../store/secrets/agent-secret-revision.js';
import type { Actor, RequestFacts } from './actor.js';

/** Shared by all requests of a process. Nothing in it is the only copy of anything. */
export interface Services {
  readonly db: Database;
  readonly keyProvider: KeyProvider;
  readonly keys: KeyCache;
  readonly writes: WriteQueue;
  readonly revisions: RevisionCache;
  readonly feed: ChangeFeed;
  readonly bearers: CredentialCache;
  readonly reads: ReadAudit;
  readonly log: Logger;
}

/** Credentials that the process has verified a moment ago. Implemented by `access/credential-cache.ts`. */
export interface CredentialCache {
  /** The caller a credential belongs to; undefined for anything but a valid one. */
  authenticate(secret: string): Actor | undefined | Promise<Actor | undefined>;
  /** Forgets every credential, after a revocation in this process. */
  clear(): void;
}

/** What a secret keeps for life, and a revision that it had. */
export interface CachedRevision {
  id: string;
  environmentId: string;
  path: string;
  secretType: string;
  revision: bigint;
  createdAt: Date;
  createdBy: string;
}

/** The revisions that the process has shown last. Implemented by `secrets/revision-cache.ts`. */
export interface RevisionCache {
  note(accountId: string, secret: CachedRevision): void;
  /** Undefined unless this revision was the last one to be shown, and this account the last one to see it. */
  find(accountId: string, id: string, revision: bigint): CachedRevision | undefined;
  forget(id: string): void;
}

/** A page of an environment's changes behind a revision, as it is after the call. */
export type ReadChanges = (environmentId: string, after: bigint) => Promise<AgentSecretRevisionRow[]>;

/** One waiting stream. */
export interface Watch {
  /** Forgets earlier wake-ups. Called before looking at the log, so that no wake-up between looking and waiting is lost. */
  arm(): void;
  /** Wakes again as soon as the database answers. Called when looking at the log has failed. */
  lookAgain(): void;
  /** Waits until there may be something new: true, or false once closed. Rejects with the reason when the stream must end. */
  next(): Promise<boolean>;
  /** False once closed. Throws the reason when the stream must end. */
  isOpen(): boolean;
  close(): void;
}

/** Streams that wait for changes. Implemented by `changes/change-feed.ts`. */
export interface ChangeFeed {
  /** Wakes every stream that waits for this environment's changes. */
  announce(environmentId: string): void;
  /** RATE_LIMITED when the account has too many streams already, UNAVAILABLE when this process has, or is stopping. */
  watch(actor: Actor, environmentId: string, knownRevision: bigint): Watch;
  /** Changes behind a revision: one page at most. */
  read: ReadChanges;
  /** Ends every stream, for a process that stops. */
  close(): Promise<void>;
}

/** An opened value: the secret, and the revision it was read at. */
export interface OpenedValue {
  environmentId: string;
  id: string;
  revision: bigint;
}

/** The record of opened values. Implemented by `reads/read-audit.ts`. */
export interface ReadAudit {
  /**
   * Records that a value was opened for a caller. A promise when the value must not be shown before it resolves. UNAVAILABLE
   * when the record cannot be written (strict), or when none could be written for too long.
   */
  record(request: RequestFacts, opened: OpenedValue): undefined | Promise<void>;
  /** The same for several values of one environment. */
  recordAll(
    request: RequestFacts,
    environmentId: string,
    opened: readonly Omit<OpenedValue, 'environmentId'>[],
  ): undefined | Promise<unknown>;
  /** Writes what is waiting, or UNAVAILABLE. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
