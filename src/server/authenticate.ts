// Request → Actor: which credential counts, and whose it is.
import { parse as parseCookies } from 'hono/utils/cookie';
import type { Actor } from '../domain/request/actor.js';
import type { CredentialCache } from '../domain/request/services.js';

/** Every token has this form; what has not is no token, and is not looked up. */
const TOKEN = /^[A-Za-z0-9_-]{16,}$/;
/** A signed login of an external issuer; one without a signature is none. */
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const MAX_JWT_LENGTH = 8_192;
const SESSION_COOKIE = 'GOLEM_SESSION';

export interface Credentials {
  bearers: CredentialCache;
  /** Undefined where no issuer is configured: then a JWT is as good as none. */
  logins: CredentialCache | undefined;
}

/**
 * The caller, or undefined without a valid credential. A cookie of valid form wins over the header even when its token is
 * unknown; one of invalid form is as good as none. A login comes in the header only.
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
