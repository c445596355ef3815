// Configuration of logins by an external OIDC issuer.
import { EnvError, makeValidator } from 'envalid';
import { isWebUrl } from './values.js';

export interface OidcConfig {
  /** Spelled exactly as in the `iss` claim of the tokens. */
  readonly issuer: string;
  readonly audience: string;
  /** Undefined means the `jwks_uri` of the issuer's discovery document. */
  readonly jwksUrl: string | undefined;
  /** Name of the claim whose value is the id or name of an account. */
  readonly accountClaim: string;
  /** Name of the claim whose value lists the scopes of the login; undefined means all that the account may do. */
  readonly scopesClaim: string | undefined;
  /** Maximum difference between the issuer's clock and ours, in seconds. */
  readonly clockTolerance: number;
}

/** Not normalized, with or without a slash at the end: tokens contain the issuer in exactly one spelling. */
export const issuerUrl = makeValidator<string>((input) => {
  if (!isWebUrl(input)) {
    throw new EnvError('expected a URL such as https://login.example.com');
  }
  return input;
});

/** URL of the issuer's keys; it may have a query. */
export const keysUrl = makeValidator<string>((input) => {
  if (!isWebUrl(input, { mayHaveQuery: true })) {
    throw new EnvError('expected a URL such as https://login.example.com/keys');
  }
  return input;
});

export interface OidcVariables {
  OIDC_ISSUER: string | undefined;
  OIDC_AUDIENCE: string | undefined;
  OIDC_JWKS_URL: string | undefined;
  OIDC_ACCOUNT_CLAIM: string;
  OIDC_SCOPES_CLAIM: string | undefined;
  OIDC_CLOCK_TOLERANCE_SECONDS: number;
}

export function oidcFrom(clean: OidcVariables): OidcConfig | undefined {
  if (clean.OIDC_ISSUER === undefined || clean.OIDC_AUDIENCE === undefined) return undefined;
  return Object.freeze({
    issuer: clean.OIDC_ISSUER,
    audience: clean.OIDC_AUDIENCE,
    jwksUrl: clean.OIDC_JWKS_URL,
    accountClaim: clean.OIDC_ACCOUNT_CLAIM,
    scopesClaim: clean.OIDC_SCOPES_CLAIM,
    clockTolerance: clean.OIDC_CLOCK_TOLERANCE_SECONDS,
  });
}

const NAMES = [
  'OIDC_AUDIENCE',
  'OIDC_JWKS_URL',
  'OIDC_ACCOUNT_CLAIM',
  'OIDC_SCOPES_CLAIM',
  'OIDC_CLOCK_TOLERANCE_SECONDS',
] as const satisfies (keyof OidcVariables)[];

/** Missing variables, and settings that would allow others to forge logins. */
export function oidcProblems(given: NodeJS.ProcessEnv): string[] {
  const problems: string[] = [];
  if (given.OIDC_ISSUER) {
    // Without an audience, tokens that the issuer made for any other service would be accepted.
    if (!given.OIDC_AUDIENCE) problems.push('OIDC_AUDIENCE: required where OIDC_ISSUER is given');
  } else {
    const names = NAMES.filter((name) => given[name]);
    if (names.length > 0) problems.push(`OIDC_ISSUER: required to use ${names.join(', ')}`);
  }
  for (const name of ['OIDC_ISSUER', 'OIDC_JWKS_URL'] as const) {
    const url = given[name] !== undefined && URL.canParse(given[name]) ? new URL(given[name]) : undefined;
    const isLoopback = url && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
    if (given.NODE_ENV === 'production' && url?.protocol === 'http:' && !isLoopback) {
      problems.push(`${name}: expected https in production; whoever is on the way could put in keys of their own`);
    }
  }
  return problems;
}
