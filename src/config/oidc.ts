// The part of the configuration that lets an external issuer's logins in.
import { EnvError, makeValidator } from 'envalid';
import { isWebUrl } from './values.js';

export interface OidcConfig {
  /** As its tokens spell it. */
  readonly issuer: string;
  readonly audience: string;
  /** Undefined: where the issuer's discovery document says. */
  readonly jwksUrl: string | undefined;
  /** Whose value is an account's id or name. */
  readonly accountClaim: string;
  /** Whose value lists what the login is good for; undefined: everything its account may. */
  readonly scopesClaim: string | undefined;
  /** Seconds that the issuer's clock and ours may differ. */
  readonly clockTolerance: number;
}

/** Taken as it is, with or without a slash at its end: tokens name the issuer in exactly one spelling. */
export const issuerUrl = makeValidator<string>((input) => {
  if (!isWebUrl(input)) {
    throw new EnvError('expected a URL such as https://login.example.com');
  }
  return input;
});

/** Where keys are fetched; it may have a query. */
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

/** What is missing for logins, or would let others make them. */
export function oidcProblems(given: NodeJS.ProcessEnv): string[] {
  const problems: string[] = [];
  if (given.OIDC_ISSUER) {
    // Without it any token of the issuer would do, whomever it was made for.
    if (!given.OIDC_AUDIENCE) problems.push('OIDC_AUDIENCE: required where OIDC_ISSUER is given');
  } else {
    const names = NAMES.filter((name) => given[name]);
    if (names.length > 0) problems.push(`OIDC_ISSUER: required to use ${names.join(', ')}`);
  }
  for (const name of ['OIDC_ISSUER', 'OIDC_JWKS_URL'] as const) {
    const url = given[name] !== undefined && URL.canParse(given[name]) ? new URL(given[name]) : undefined;
    const isNear = url && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
    if (given.NODE_ENV === 'production' && url?.protocol === 'http:' && !isNear) {
      problems.push(`${name}: expected https in production; whoever is on the way could put in keys of their own`);
    }
  }
  return problems;
}
