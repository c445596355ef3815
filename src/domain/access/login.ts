// Logins of an external issuer: which account a verified one means, and what it is good for.

import { uuidFrom } from '../../ids/uuid.js';
import type { Session } from '../../store/engine/client.js';
import { findAccount, findAccountByName } from '../../store/tenancy/account.js';
import type { Actor } from '../request/actor.js';
import { EVERYTHING, type Grant, isScope } from '../request/grant.js';
import { isName } from '../request/name.js';
import type { CredentialCache } from '../request/services.js';
import { createCredentialCache } from './credential-cache.js';

/** What an issuer has vouched for. */
export interface Login {
  /** The configured claim as it came: an account's id or name. */
  account: unknown;
  /** Who logged in, as the issuer names them. */
  subject: string | undefined;
  /** The words of the configured claim; null where none is configured: everything the account may. */
  scopes: readonly string[] | null;
  expiresAt: Date;
}

/** Verifies a signed login; undefined for one that does not count. Rejects with UNAVAILABLE while that cannot be told. */
export type LoginVerifier = (jwt: string) => Promise<Login | undefined>;

export function createLoginCache(db: Session, verify: LoginVerifier): CredentialCache {
  return createCredentialCache(async (jwt) => {
    const login = await verify(jwt);
    return login && actorFrom(db, login);
  });
}

async function actorFrom(
  db: Session,
  { account: claimedAccount, subject, scopes, expiresAt }: Login,
): Promise<Actor | undefined> {
  const account = await findClaimedAccount(db, claimedAccount);
  if (!account) return undefined;
  const isAdmin = account.roles.includes('admin');
  return { accountId: account.id, tokenId: null, subject, isAdmin, grant: grantOf(scopes), expiresAt };
}

/** What looks like an id is one: an account that is named like another's id is not meant by it. */
async function findClaimedAccount(db: Session, claimedAccount: unknown) {
  if (typeof claimedAccount !== 'string') return undefined;
  const id = uuidFrom(claimedAccount);
  if (id !== undefined) return findAccount(db, id);
  return isName(claimedAccount) ? findAccountByName(db, claimedAccount) : undefined;
}

/** Words that are no scope of ours are nothing to us. */
function grantOf(scopes: readonly string[] | null): Grant {
  if (scopes === null) return EVERYTHING;
  return { scopes: new Set(['metadata', ...scopes.filter(isScope)]), environmentId: null, pathPrefixes: null };
}
