// Verifies JWTs of an external OIDC issuer: signature (with the issuer's published keys), issuer, audience, times.
import { createLocalJWKSet, type JWTVerifyGetKey, errors as joseErrors, jwtVerify } from 'jose';
import type { OidcConfig } from '../../config/oidc.js';
import type { LoginVerifier } from '../../domain/access/login.js';
import { AppError } from '../../errors/errors.js';
import { unavailable, withCause } from '../../errors/refusals.js';

/** Asymmetric algorithms only: `none` and shared secrets (HMAC) do not prove that the issuer signed the token. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** `typ` of ID and access tokens. Issuers also sign other tokens, such as logout tokens, which are no credentials. */
const TYPES = /^((application\/)?(at\+)?jwt)$/i;

/** Keys are fetched again after this time, because the issuer may have withdrawn one. */
const KEYS_MAX_AGE_MS = 600_000;
/** Minimum time between two fetches, so that tokens with invented key ids cause no load on the issuer. */
const MIN_FETCH_INTERVAL_MS = 10_000;
/** Minimum time between a failed fetch and the next one. */
const MIN_RETRY_INTERVAL_MS = 1_000;
const FETCH_TIMEOUT_MS = 3_000;

export function createLoginVerifier(config: OidcConfig): LoginVerifier {
  const { issuer, audience, accountClaim, scopesClaim, clockTolerance } = config;
  const keys = issuerKeys(() => fetchKeys(config));
  const options = { issuer, audience, clockTolerance, algorithms: ALGORITHMS, requiredClaims: ['exp'] };
  return async (jwt) => {
    try {
      const { payload, protectedHeader } = await jwtVerify(jwt, keys, options);
      if (protectedHeader.typ !== undefined && !TYPES.test(protectedHeader.typ)) return undefined;
      const claim = (name: string) => (Object.hasOwn(payload, name) ? payload[name] : undefined);
      return {
        account: claim(accountClaim),
        subject: payload.sub,
        scopes: scopesClaim === undefined ? null : scopesFrom(claim(scopesClaim)),
        expiresAt: new Date((payload.exp as number) * 1_000),
      };
    } catch (error) {
      if (error instanceof AppError) throw error;
      // Callers must not learn why a token is invalid, so all reasons have the same outcome.
      return undefined;
    }
  };
}

/** Scopes from a list of strings, or from a string separated by spaces (OAuth's `scope`); none from anything else. */
function scopesFrom(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ');
  return Array.isArray(claim) ? claim.filter((word) => typeof word === 'string') : [];
}

/** A cache of the issuer's keys, filled on demand. Old keys stay valid while the issuer is not reachable. */
function issuerKeys(fetchKeySet: () => Promise<JWTVerifyGetKey>): JWTVerifyGetKey {
  let keys: JWTVerifyGetKey | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let lastAttemptAt = Number.NEGATIVE_INFINITY;
  let lastError: unknown;
  let inFlight: Promise<void> | undefined;

  /** Fetches the keys, unless that was tried just before. Never rejects; a failure is stored in `lastError`. */
  function refresh(): Promise<void> | undefined {
    const minInterval = lastError === undefined ? MIN_FETCH_INTERVAL_MS : MIN_RETRY_INTERVAL_MS;
    if (inFlight || performance.now() - lastAttemptAt < minInterval) return inFlight;
    lastAttemptAt = performance.now();
    inFlight = fetchKeySet()
      .then(
        (fetched) => {
          keys = fetched;
          fetchedAt = performance.now();
          lastError = undefined;
        },
        (error: unknown) => {
          lastError = error;
        },
      )
      .finally(() => {
        inFlight = undefined;
      });
    return inFlight;
  }

  return async (header, token) => {
    if (performance.now() - fetchedAt >= KEYS_MAX_AGE_MS) await refresh();
    if (!keys) throw keysUnreachable(lastError);
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof joseErrors.JWKSNoMatchingKey)) throw error;
      // The issuer may have published a new key since the last fetch.
      await refresh();
      if (lastError !== undefined) throw keysUnreachable(lastError);
      return keys(header, token);
    }
  };
}

/** Why the issuer's keys could not be fetched; only for the log. */
class IssuerTrouble extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'IssuerTrouble';
    this.code = code;
  }
}

function keysUnreachable(cause: unknown): AppError {
  return withCause(unavailable('The keys of the login issuer are not reachable, try again later'), cause);
}

async function fetchKeys({ issuer, jwksUrl }: OidcConfig): Promise<JWTVerifyGetKey> {
  const url = jwksUrl ?? (await discover(issuer));
  const set = await fetchJson(url);
  try {
    return createLocalJWKSet(set as never);
  } catch (cause) {
    throw new IssuerTrouble('NO_KEY_SET', `${url} answers no JSON Web Key Set`, cause);
  }
}

/** The URL of the keys, from the issuer's discovery document. */
async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { issuer: declaredIssuer, jwks_uri: jwksUrl } = ((await fetchJson(url)) ?? {}) as Record<string, unknown>;
  if (declaredIssuer !== issuer)
    throw new IssuerTrouble('WRONG_ISSUER', `${url} is not the configuration of OIDC_ISSUER`);
  const keepsHttps = (text: string) => !issuer.startsWith('https:') || text.startsWith('https:');
  if (typeof jwksUrl !== 'string' || !URL.canParse(jwksUrl) || !keepsHttps(jwksUrl)) {
    throw new IssuerTrouble('NO_JWKS_URI', `${url} names no acceptable jwks_uri`);
  }
  return jwksUrl;
}

async function fetchJson(url: string): Promise<unknown> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  try {
    const response = await fetch(url, { headers: { accept: 'application/json' }, redirect: 'error', signal });
    if (response.status !== 200)
      throw new IssuerTrouble(`HTTP_${response.status}`, `${url} answered ${response.status}`);
    return await response.json();
  } catch (error) {
    if (error instanceof IssuerTrouble) throw error;
    const { code } = ((error as Error).cause ?? {}) as { code?: unknown };
    throw new IssuerTrouble(typeof code === 'string' ? code : 'NO_ANSWER', `${url} is not reachable`, error);
  }
}
