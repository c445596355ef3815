// What every verb of the domain gets first: the process's services and who is asking.
import { v7 } from 'uuid';
import type { KeyCache } from '../crypto/environment-keys.js';
import type { KeyProvider } from '../crypto/key-provider.js';
import { forbidden, unauthorized } from '../errors.js';
import type { Logger } from '../log.js';
import type { Database } from '../store/client.js';
import type { ChangeFeed } from './change-feed.js';
import type { ReadAudit } from './read-audit.js';
import type { BearerCache } from './token.js';
import type { WriteQueue } from './write-queue.js';

/** Shared by all requests of a process; nothing here is the only copy of anything. */
export interface Services {
  readonly db: Database;
  readonly keyProvider: KeyProvider;
  readonly keys: KeyCache;
  readonly writes: WriteQueue;
  readonly feed: ChangeFeed;
  readonly bearers: BearerCache;
  readonly reads: ReadAudit;
  readonly log: Logger;
}

/** The authenticated caller. */
export interface Actor {
  readonly accountId: string;
  readonly tokenId: string | null;
  /** Account role admin: may manage accounts and plans, and nothing else by itself. */
  readonly isAdmin: boolean;
}

export interface Context {
  readonly services: Services;
  /** Undefined when no valid credential came with the request. */
  readonly actor: Actor | undefined;
  readonly requestId: string;
  readonly door: 'graphql' | 'rest' | 'operator';
}

/** The caller, or AUTH_UNAUTHORIZED. */
export function actorOf(ctx: Context): Actor {
  if (!ctx.actor) throw unauthorized();
  return ctx.actor;
}

/** The caller if it has the account role admin, or AUTH_FORBIDDEN. */
export function adminOf(ctx: Context, action: string): Actor {
  const actor = actorOf(ctx);
  if (!actor.isAdmin) throw forbidden(`The action ${action} needs the account role admin`);
  return actor;
}

/** A fresh id: UUID v7, so that ids sort by the time they were made. */
export function newId(): string {
  return v7();
}
