// Authentication: selects the credential of a request and finds the actor it belongs to.
import { parse as parseCookies } from 'hono/utils/cookie';
import type { Actor, RequestFacts } from '../../domain/request/actor.js';
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
  /** Called for each credential that is not valid. */
  onFailed(): void;
  /** Undefined if they are not limited. */
  failed: FailedCredentials | undefined;
  address(): string;
}

interface Given {
  cache: CredentialCache;
  secret: string;
}

/**
 * The caller, or undefined without a valid credential. In REST a well-formed cookie takes precedence over the
 * Authorization header, even if its token is unknown. At `/graphql` the header comes first, and the cookie counts where
 * the header has no valid credential: a page that sends a header means it, while cookies go along by themselves.
 * Malformed ones are ignored, and JWTs are accepted in the header only. Rejects with RATE_LIMITED if the client has sent
 * too many credentials that are not valid.
 */
export function authenticate(
  headers: Headers,
  credentials: Credentials,
  attempts: Attempts,
  door: RequestFacts['door'],
): Actor | undefined | Promise<Actor | undefined> {
  const header = inHeader(headers, credentials);
  const cookie = inCookie(headers, credentials);
  if (door !== 'graphql') return callerOf(cookie ?? header, attempts);
  const first = callerOf(header ?? cookie, attempts);
  if (!header || !cookie || header.secret === cookie.secret) return first;
  return first instanceof Promise ? first.then((actor) => actor ?? callerOf(cookie, attempts)) : first;
}

function callerOf(
  given: Given | undefined,
  { failed, address, onFailed }: Attempts,
): Actor | undefined | Promise<Actor | undefined> {
  if (!given) return undefined;
  const { cache, secret } = given;
  const trusted = cache.trusted(secret);
  if (trusted) return trusted;
  const lookUp = async () => {
    const actor = await cache.authenticate(secret);
    if (!actor) onFailed();
    return actor;
  };
  return failed ? failed.watch(address(), secret, lookUp) : lookUp();
}

/** Whether a credential came with the request, whether or not it is one. */
export function isCredentialSent(headers: Headers): boolean {
  return headers.has('authorization') || (headers.get('cookie')?.includes(`${SESSION_COOKIE}=`) ?? false);
}

function inHeader(headers: Headers, { bearers, logins }: Credentials): Given | undefined {
  const secret = /^bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1];
  if (secret === undefined) return undefined;
  if (TOKEN.test(secret)) return { cache: bearers, secret };
  const isLogin = secret.length <= MAX_JWT_LENGTH && JWT.test(secret);
  return isLogin && logins ? { cache: logins, secret } : undefined;
}

function inCookie(headers: Headers, { bearers }: Credentials): Given | undefined {
  const secret = tokenFromCookie(headers.get('cookie'));
  return secret === undefined ? undefined : { cache: bearers, secret };
}

function tokenFromCookie(header: string | null): string | undefined {
  if (!header?.includes(SESSION_COOKIE)) return undefined;
  const token = parseCookies(header, SESSION_COOKIE)[SESSION_COOKIE];
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}
