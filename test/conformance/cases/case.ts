// What a case is, and the words that most of them share.
import type { Secrets } from '../target/secrets.js';
import { type Expected, refusal, textRefusal } from '../verdict/expected.js';
import type { Declared, Trial } from '../verdict/trial.js';

export interface Case {
  /** `group/what-it-is-about`; permanent, because reports are compared. */
  id: string;
  /** The section of the contract that it holds. */
  section: string;
  /** What holds, as a sentence. */
  title: string;
  /** A token of somebody else, without which the case is skipped. */
  needs?: 'strangerToken' | 'viewerToken';
  run(t: Trial, surroundings: Surroundings): Promise<void>;
}

export interface Surroundings {
  secrets: Secrets;
  seed: number;
  /** How many times random cases try. */
  effort: number;
  /** Tokens of others, where they were given. */
  strangerToken: string | undefined;
  viewerToken: string | undefined;
  ownToken: string;
}

export const UNKNOWN_ID = '00000000-0000-4000-8000-0000c0f0c0f0';

export const STR = '"secretType":{"type":"Str"}';

/** A request that is refused before anybody looks at what it is about: the original's framework answers in text. */
export function malformed(message?: RegExp): { contract: Expected; declared: Declared } {
  return {
    contract: refusal(400, 'INVALID_REQUEST', message),
    declared: { number: 1, golem: textRefusal(400) },
  };
}

export const unauthorised: { contract: Expected; declared: Declared } = {
  contract: refusal(401, 'AUTH_UNAUTHORIZED'),
  declared: { number: 1, golem: textRefusal(401) },
};
