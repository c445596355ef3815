// Request → Actor: which credential counts, and whose it is.
import { parse as parseCookies } from 'hono/utils/cookie';
import type { Actor } from './domain/context.js';
import type { BearerCache } from './domain/token.js';

/** Every token has this form; what has not is no token, and is not looked up. */
const TOKEN = /^[A-Za-z0-9_-]{16,}$/;
const SESSION_COOKIE = 'GOLEM_SESSION';

/**
 * The caller, or undefined without a valid credential. A cookie of valid form wins over the header even when its token is
 * unknown; one of invalid form is as good as none.
 */
export function authenticate(headers: Headers, bearers: BearerCache): Actor | undefined | Promise<Actor | undefined> {
  const token = tokenFromCookie(headers.get('cookie')) ?? tokenFromHeader(headers.get('authorization'));
  return token === undefined ? undefined : bearers.authenticate(token);
}

function tokenFromCookie(header: string | null): string | undefined {
  if (!header?.includes(SESSION_COOKIE)) return undefined;
  const token = parseCookies(header, SESSION_COOKIE)[SESSION_COOKIE];
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}

function tokenFromHeader(header: string | null): string | undefined {
  const token = header === null ? undefined : /^bearer +(\S+) *$/i.exec(header)?.[1];
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}
