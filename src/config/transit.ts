// Configuration of a Transit server (Vault, OpenBao) that holds the master key.
import { EnvError, makeValidator } from 'envalid';
import { isWebUrl } from './values.js';

export interface TransitConfig {
  readonly url: string;
  readonly mount: string;
  readonly key: string;
  readonly namespace: string | undefined;
  /** Exactly one of `token` and `tokenFile` is set. */
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
}

export const httpUrl = makeValidator<string>((input) => {
  if (!isWebUrl(input)) {
    throw new EnvError('expected a URL such as https://vault.example.com:8200');
  }
  return input.replace(/\/+$/, '');
});

/** Names in a URL path, limited to characters that need no escaping. */
export const pathName = makeValidator<string>((input) => {
  if (!/^\w([\w.-]*\w)?(\/\w([\w.-]*\w)?)*$/.test(input)) {
    throw new EnvError('expected letters, digits, dots, dashes or underscores');
  }
  return input;
});

export interface TransitVariables {
  TRANSIT_URL: string | undefined;
  TRANSIT_MOUNT: string;
  TRANSIT_KEY: string | undefined;
  TRANSIT_TOKEN: string | undefined;
  TRANSIT_TOKEN_FILE: string | undefined;
  TRANSIT_NAMESPACE: string | undefined;
}

export function transitFrom(clean: TransitVariables): TransitConfig | undefined {
  if (clean.TRANSIT_URL === undefined || clean.TRANSIT_KEY === undefined) return undefined;
  return Object.freeze({
    url: clean.TRANSIT_URL,
    mount: clean.TRANSIT_MOUNT,
    key: clean.TRANSIT_KEY,
    namespace: clean.TRANSIT_NAMESPACE,
    token: clean.TRANSIT_TOKEN,
    tokenFile: clean.TRANSIT_TOKEN_FILE,
  });
}

/** Missing or contradictory variables. Uses the raw variables, because envalid throws when an invalid one is read. */
export function transitProblems(given: NodeJS.ProcessEnv): string[] {
  const problems: string[] = [];
  if (given.MASTER_KEY_PROVIDER !== 'transit' && !given.TRANSIT_URL) return problems;
  if (!given.TRANSIT_URL) problems.push('TRANSIT_URL: required to use Transit');
  if (!given.TRANSIT_KEY) problems.push('TRANSIT_KEY: required to use Transit');
  if (given.TRANSIT_TOKEN && given.TRANSIT_TOKEN_FILE) {
    problems.push('TRANSIT_TOKEN: give it or TRANSIT_TOKEN_FILE, not both');
  }
  if (!given.TRANSIT_TOKEN && !given.TRANSIT_TOKEN_FILE) {
    problems.push('TRANSIT_TOKEN: required to use Transit, unless TRANSIT_TOKEN_FILE is given');
  }
  return problems;
}
