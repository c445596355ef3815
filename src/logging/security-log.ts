// Events that somebody who watches over the service wants to know: counted all of them, and logged without a line for
// each, because whoever causes them may cause thousands.
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
/** Sources with a line of their own in a period. All others share one, because an attacker may have any number of addresses. */
const MAX_SOURCES = 1_000;

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
  const repeated = new Map<string, number>();
  return {
    note(event, facts) {
      counts.set(event, (counts.get(event) ?? 0) + 1);
      const own = `${event} ${facts.accountId ?? ''} ${facts.address ?? ''}`;
      const isOwn = repeated.has(own) || repeated.size < MAX_SOURCES;
      const source = isOwn ? own : event;
      const known = repeated.get(source);
      repeated.set(source, known === undefined ? 0 : known + 1);
      if (known !== undefined) return;
      log.warn({ security: event, ...facts }, isOwn ? WORDS[event] : `${WORDS[event]}, from many sources`);
      const { address, accountId } = isOwn ? facts : {};
      setTimeout(() => {
        const again = repeated.get(source) ?? 0;
        repeated.delete(source);
        if (again > 0) log.warn({ security: event, address, accountId, again, seconds: 60 }, `${WORDS[event]}, again`);
      }, PERIOD_MS).unref();
    },
    counts: () => counts,
  };
}
