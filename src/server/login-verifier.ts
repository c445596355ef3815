// JWTs of an external issuer: signature, issuer, audience and time, checked against the keys that the issuer publishes.
import { createLocalJWKSet, type JWTVerifyGetKey, errors as joseErrors, jwtVerify } from 'jose';
import type { OidcConfig } from '../config/oidc.js';
import type { LoginVerifier } from '../domain/access/login.js';
import { AppError } from '../errors/errors.js';
import { unavailable } from '../errors/refusals.js';

/** Signatures that only the issuer can make; a shared secret, or none, is no signature. */
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
/** ID tokens and access tokens. Others that issuers sign, such as logout tokens, let nobody in. */
const TYPES = /^((application\/)?(at\+)?jwt)$/i;

/** Milliseconds after which keys are fetched again: an issuer may withdraw one. */
const KEYS_FRESH_FOR = 600_000;
/** The least between two fetches, so that tokens with made-up key ids are no load on the issuer. */
const FETCHED_EVERY = 10_000;
/** The same after a fetch that has failed. */
const TRIED_EVERY = 1_000;
const FETCH_TIMEOUT = 3_000;

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
        scopes: scopesClaim === undefined ? null : wordsOf(claim(scopesClaim)),
        expiresAt: new Date((payload.exp as number) * 1_000),
      };
    } catch (error) {
      if (error instanceof AppError) throw error;
      // Whatever is wrong with it, a caller is told the same.
      return undefined;
    }
  };
}

/** A list of strings, or words in one as OAuth's `scope` has them; anything else says nothing. */
function wordsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ');
  return Array.isArray(claim) ? claim.filter((word) => typeof word === 'string') : [];
}

/** The issuer's keys, fetched when they are needed. Keys once fetched are good while the issuer cannot be reached. */
function issuerKeys(fetchThem: () => Promise<JWTVerifyGetKey>): JWTVerifyGetKey {
  let keys: JWTVerifyGetKey | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let trouble: unknown;
  let underway: Promise<void> | undefined;

  /** Unless that has just been tried. Never rejects: `trouble` says what is wrong. */
  function refresh(): Promise<void> | undefined {
    const pause = trouble === undefined ? FETCHED_EVERY : TRIED_EVERY;
    if (underway || performance.now() - triedAt < pause) return underway;
    triedAt = performance.now();
    underway = fetchThem()
      .then(
        (fetched) => {
          keys = fetched;
          fetchedAt = performance.now();
          trouble = undefined;
        },
        (error: unknown) => {
          trouble = error;
        },
      )
      .finally(() => {
        underway = undefined;
      });
    return underway;
  }

  return async (header, token) => {
    if (performance.now() - fetchedAt >= KEYS_FRESH_FOR) await refresh();
    if (!keys) throw unreachable(trouble);
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof joseErrors.JWKSNoMatchingKey)) throw error;
      // The issuer may have a new key by now.
      await refresh();
      if (trouble !== undefined) throw unreachable(trouble);
      return keys(header, token);
    }
  };
}

/** What is wrong with the issuer, for the log. */
class IssuerTrouble extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'IssuerTrouble';
    this.code = code;
  }
}

function unreachable(trouble: unknown): AppError {
  const refusal = unavailable('The keys of the login issuer are not reachable, try again later');
  refusal.cause = trouble;
  return refusal;
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

/** Where the issuer says its keys are. */
async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { issuer: told, jwks_uri: jwksUrl } = ((await fetchJson(url)) ?? {}) as Record<string, unknown>;
  if (told !== issuer) throw new IssuerTrouble('WRONG_ISSUER', `${url} is not the configuration of OIDC_ISSUER`);
  const isAsSafe = (text: string) => !issuer.startsWith('https:') || text.startsWith('https:');
  if (typeof jwksUrl !== 'string' || !URL.canParse(jwksUrl) || !isAsSafe(jwksUrl)) {
    throw new IssuerTrouble('NO_JWKS_URI', `${url} names no acceptable jwks_uri`);
  }
  return jwksUrl;
}

async function fetchJson(url: string): Promise<unknown> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT);
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
