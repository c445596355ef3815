// What every verb of the domain gets first: the process's services and who is asking.
import { randomFillSync } from 'node:crypto';
import { V7Generator } from 'uuidv7';
import type { KeyCache } from '../../crypto/environment-keys.js';
import type { KeyProvider } from '../../crypto/key-provider.js';
import { forbidden, unauthorized } from '../../errors/errors.js';
import { uuidText } from '../../ids/uuid.js';
import type { Logger } from '../../logging/logger.js';
import type { WriteQueue } from '../../scheduling/keyed-queue.js';
import type { Database } from '../../store/engine/client.js';
import type { BearerCache } from '../access/token.js';
import type { ChangeFeed } from '../changes/change-feed.js';
import type { ReadAudit } from '../reads/read-audit.js';
import type { SeenSecrets } from '../secrets/revision-cache.js';
import { type Grant, isAccountWide, type Scope } from './grant.js';

/** Shared by all requests of a process; nothing here is the only copy of anything. */
export interface Services {
  readonly db: Database;
  readonly keyProvider: KeyProvider;
  readonly keys: KeyCache;
  readonly writes: WriteQueue;
  readonly seen: SeenSecrets;
  readonly feed: ChangeFeed;
  readonly bearers: BearerCache;
  readonly reads: ReadAudit;
  readonly log: Logger;
}

/** The authenticated caller. */
export interface Actor {
  readonly accountId: string;
  readonly tokenId: string | null;
  /** Of a login: who it is for its issuer. */
  readonly subject?: string | undefined;
  /** Account role admin, and a credential for the whole account: manages accounts and plans, and nothing else by itself. */
  readonly isAdmin: boolean;
  /** What the credential is good for. */
  readonly grant: Grant;
  /** When the credential ends by itself, for what lasts longer than a request. Absent or null: never. */
  readonly expiresAt?: Date | null;
}

/** Whether the credential has ended by itself. */
export function hasEnded({ expiresAt }: Actor): boolean {
  return expiresAt != null && expiresAt.getTime() <= Date.now();
}

export interface Context {
  readonly services: Services;
  /** Undefined when no valid credential came with the request. */
  readonly actor: Actor | undefined;
  readonly requestId: string;
  /** `stream`: REST without values. */
  readonly door: 'graphql' | 'rest' | 'stream' | 'operator';
}

/** The caller, or AUTH_UNAUTHORIZED. */
export function actorOf(ctx: Context): Actor {
  if (!ctx.actor) throw unauthorized();
  return ctx.actor;
}

/** The caller if it has the account role admin, and a credential with the scope if one is named, or AUTH_FORBIDDEN. */
export function adminOf(ctx: Context, action: string, scope?: Scope): Actor {
  const actor = actorOf(ctx);
  if (!actor.isAdmin || (scope !== undefined && !actor.grant.scopes.has(scope))) {
    throw forbidden(`The action ${action} needs the account role admin, and a token that may use it`);
  }
  return actor;
}

/** The caller if its credential may change what the account has, or AUTH_FORBIDDEN. */
export function managerOf(ctx: Context, action: string): Actor {
  const actor = actorOf(ctx);
  if (!actor.grant.scopes.has('admin') || !isAccountWide(actor.grant)) {
    throw forbidden(`The token does not allow the action ${action}`);
  }
  return actor;
}

/** Drawn for many ids at once: a call for each would cost as much as the rest of it. */
const random = new Uint32Array(1_024);
let used = random.length;
const ids = new V7Generator({
  nextUint32() {
    if (used === random.length) {
      randomFillSync(random);
      used = 0;
    }
    return random[used++] as number;
  },
});

/** A fresh id: UUID v7, so that ids sort by the time they were made. */
export function newId(): string {
  return uuidText(ids.generate().bytes);
}
