// Authentication: selects the credential of a request and finds the actor it belongs to.
import { parse as parseCookies } from 'hono/utils/cookie';
import type { Actor } from '../../domain/request/actor.js';
import type { CredentialCache } from '../../domain/request/services.js';
import type { FailedCredentials } from './failed-credentials.js';

/** The form of every token. Strings of any other form are not looked up. */
const TOKEN = /^[A-Za-z0-9_-]{16,}$/;
/** A signed JWT of an external issuer. A JWT with an empty signature does not match. */
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const MAX_JWT_LENGTH = 8_192;
const SESSION_COOKIE = 'GOLEM_SESSION';

export interface Credentials {
  bearers: CredentialCache;
  /** Undefined if no issuer is configured; JWTs are then ignored. */
  logins: CredentialCache | undefined;
}

export interface Attempts {
  /** Undefined if they are not limited. */
  failed: FailedCredentials | undefined;
  address(): string;
}

/**
 * The caller, or undefined without a valid credential. A well-formed cookie takes precedence over the Authorization
 * header, even if its token is unknown; a malformed cookie is ignored. JWTs are accepted in the header only. Rejects
 * with RATE_LIMITED if the client has sent too many credentials that are not valid.
 */
export function authenticate(
  headers: Headers,
  credentials: Credentials,
  { failed, address }: Attempts,
): Actor | undefined | Promise<Actor | undefined> {
  const given = credentialIn(headers, credentials);
  if (!given) return undefined;
  const { cache, secret } = given;
  if (!failed) return cache.authenticate(secret);
  return cache.trusted(secret) ?? failed.watch(address(), secret, async () => cache.authenticate(secret));
}

function credentialIn(
  headers: Headers,
  { bearers, logins }: Credentials,
): { cache: CredentialCache; secret: string } | undefined {
  const cookie = tokenFromCookie(headers.get('cookie'));
  if (cookie !== undefined) return { cache: bearers, secret: cookie };
  const secret = /^bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1];
  if (secret === undefined) return undefined;
  if (TOKEN.test(secret)) return { cache: bearers, secret };
  const isLogin = secret.length <= MAX_JWT_LENGTH && JWT.test(secret);
  return isLogin && logins ? { cache: logins, secret } : undefined;
}

function tokenFromCookie(header: string | null): string | undefined {
  if (!header?.includes(SESSION_COOKIE)) return undefined;
  const token = parseCookies(header, SESSION_COOKIE)[SESSION_COOKIE];
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}
