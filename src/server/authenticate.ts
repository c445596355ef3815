// Authentication: selects the credential of a request and finds the actor it belongs to.
import { parse as parseCookies } from 'hono/utils/cookie';
import type { Actor } from '../domain/request/actor.js';
import type { CredentialCache } from '../domain/request/services.js';

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

/**
 * The caller, or undefined without a valid credential. A well-formed cookie takes precedence over the Authorization
 * header, even if its token is unknown; a malformed cookie is ignored. JWTs are accepted in the header only.
 */
export function authenticate(
  headers: Headers,
  { bearers, logins }: Credentials,
): Actor | undefined | Promise<Actor | undefined> {
  const cookie = tokenFromCookie(headers.get('cookie'));
  if (cookie !== undefined) return bearers.authenticate(cookie);
  const given = /^bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1];
  if (given === undefined) return undefined;
  if (TOKEN.test(given)) return bearers.authenticate(given);
  const isLogin = given.length <= MAX_JWT_LENGTH && JWT.test(given);
  return isLogin ? logins?.authenticate(given) : undefined;
}

function tokenFromCookie(header: string | null): string | undefined {
  if (!header?.includes(SESSION_COOKIE)) return undefined;
  const token = parseCookies(header, SESSION_COOKIE)[SESSION_COOKIE];
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}
