// Logins from an external issuer: the account to which a verified login belongs, and what the login allows.

import { uuidFrom } from '../../ids/uuid.js';
import type { Session } from '../../store/engine/client.js';
import { findAccount, findAccountByName } from '../../store/tenancy/account.js';
import type { Actor } from '../request/actor.js';
import { EVERYTHING, type Grant, isScope } from '../request/grant.js';
import { isName } from '../request/name.js';
import type { CredentialCache } from '../request/services.js';
import { createCredentialCache } from './credential-cache.js';

/** The verified claims of a login. */
export interface Login {
  /** The value of the configured account claim, unchecked: an account's id or name. */
  account: unknown;
  /** The user who logged in, as the issuer names the subject. */
  subject: string | undefined;
  /**
   * The words of the configured scope claim. Null when no such claim is configured: the login then allows everything
   * that the account may do.
   */
  scopes: readonly string[] | null;
  expiresAt: Date;
}

/**
 * Verifies a signed login. Undefined when it is not valid. Rejects with UNAVAILABLE while its validity cannot be
 * determined.
 */
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

/**
 * A claim that looks like an id is only ever treated as an id. Otherwise an account could be named like the id of
 * another account.
 */
async function findClaimedAccount(db: Session, claimedAccount: unknown) {
  if (typeof claimedAccount !== 'string') return undefined;
  const id = uuidFrom(claimedAccount);
  if (id !== undefined) return findAccount(db, id);
  return isName(claimedAccount) ? findAccountByName(db, claimedAccount) : undefined;
}

/** Ignores words that are not scopes of this service. */
function grantOf(scopes: readonly string[] | null): Grant {
  if (scopes === null) return EVERYTHING;
  return { scopes: new Set(['metadata', ...scopes.filter(isScope)]), environmentId: null, pathPrefixes: null };
}
