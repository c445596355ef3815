// Events that somebody who watches over the service wants to know: counted all of them, and logged without a line for
// each, because whoever causes them may cause thousands.
import { LRUCache } from 'lru-cache';
import type { Logger } from './logger.js';

export const SECURITY_EVENTS = [
  'failed_credential',
  'revoked_token',
  'refused_action',
  'address_limit',
  'account_limit',
  'credential_limit',
  'stream_limit',
] as const;
export type SecurityEvent = (typeof SECURITY_EVENTS)[number];

/** Who has caused it: ids and addresses, nothing else. */
export interface SecurityFacts {
  address?: string;
  accountId?: string;
  tokenId?: string | null;
  requestId?: string;
}

export interface SecurityLog {
  note(event: SecurityEvent, facts: SecurityFacts): void;
  counts(): Iterable<[SecurityEvent, number]>;
}

const PERIOD_MS = 60_000;
const MAX_SOURCES = 10_000;

const WORDS: Record<SecurityEvent, string> = {
  failed_credential: 'credentials that are not valid',
  revoked_token: 'a revoked or expired token is in use',
  refused_action: 'an action was refused',
  address_limit: 'the limit of requests of an address is reached',
  account_limit: 'the limit of requests of an account is reached',
  credential_limit: 'an address has to wait after credentials that were not valid',
  stream_limit: 'the limit of streams is reached',
};

/** The first event of a kind and a source is logged at once, those of the following minute as one count. */
export function createSecurityLog(log: Logger): SecurityLog {
  const counts = new Map<SecurityEvent, number>(SECURITY_EVENTS.map((event) => [event, 0]));
  const repeated = new LRUCache<string, { again: number }>({ max: MAX_SOURCES });
  return {
    note(event, facts) {
      counts.set(event, (counts.get(event) ?? 0) + 1);
      const source = `${event} ${facts.accountId ?? ''} ${facts.address ?? ''}`;
      const known = repeated.get(source);
      if (known) {
        known.again += 1;
        return;
      }
      const state = { again: 0 };
      repeated.set(source, state);
      log.warn({ security: event, ...facts }, WORDS[event]);
      setTimeout(() => {
        if (repeated.peek(source) === state) repeated.delete(source);
        const { address, accountId } = facts;
        const { again } = state;
        if (again > 0) log.warn({ security: event, address, accountId, again, seconds: 60 }, `${WORDS[event]}, again`);
      }, PERIOD_MS).unref();
    },
    counts: () => counts,
  };
}
