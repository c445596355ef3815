// Events that somebody who watches over the service wants to know: counted all of them, and logged without a line for
// each, because whoever causes them may cause thousands.
import type { Logger } from './logger.js';
import { Repetitions } from './repetitions.js';

const WORDS = {
  failed_credential: 'credentials that are not valid',
  revoked_token: 'a revoked or expired token is in use',
  refused_action: 'an action was refused',
  address_limit: 'the limit of requests of an address is reached',
  account_limit: 'the limit of requests of an account is reached',
  credential_limit: 'an address has to wait after credentials that were not valid',
  stream_limit: 'the limit of streams is reached',
};
export type SecurityEvent = keyof typeof WORDS;

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

/** The first event of a kind and a source is logged at once, those of the following minute as one count. */
export function createSecurityLog(log: Logger): SecurityLog {
  const counts = new Map((Object.keys(WORDS) as SecurityEvent[]).map((event) => [event, 0]));
  const repetitions = new Repetitions(PERIOD_MS);
  return {
    note(event, facts) {
      counts.set(event, (counts.get(event) ?? 0) + 1);
      const own = `${event} ${facts.accountId ?? ''} ${facts.address ?? ''}`;
      const isOwn = repetitions.has(own) || repetitions.size < MAX_SOURCES;
      const { address, accountId } = isOwn ? facts : {};
      repetitions.note(
        isOwn ? own : event,
        () => log.warn({ security: event, ...facts }, isOwn ? WORDS[event] : `${WORDS[event]}, from many sources`),
        (again) =>
          log.warn(
            { security: event, address, accountId, again, seconds: PERIOD_MS / 1_000 },
            `${WORDS[event]}, again`,
          ),
      );
    },
    counts: () => counts,
  };
}
