// Slows down clients that try credentials which are not valid, by address and before the database is asked.
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { AppError } from '../../errors/errors.js';

/** Failures of an address are forgotten this long after the last one. */
const WINDOW_MS = 10 * 60_000;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;
const MAX_ADDRESSES = 10_000;
/** A credential that was valid is let in for this long, whatever its address has done. */
const KNOWN_MS = 60 * 60_000;
const MAX_KNOWN = 10_000;

interface Failures {
  count: number;
  /** No unknown credential is looked at before this time. */
  refusedUntil: number;
}

export interface FailedCredentials {
  /** Rejects with RATE_LIMITED, without calling `lookUp`, if the address has failed too often and has to wait. */
  watch<T>(address: string, credential: string, lookUp: () => Promise<T | undefined>): Promise<T | undefined>;
}

/**
 * An address may fail `free` times. From then on it has to wait after each failure, twice as long as before and a minute
 * at most, and is looked at once in that time. Many clients may share the address, so credentials that were valid in
 * the last hour do not have to wait: whoever guesses does not have them. `now` must never go back. `onRefused` is told
 * the address that has to wait.
 */
export function limitFailedCredentials(
  free: number,
  now: () => number = () => performance.now(),
  onRefused: (address: string) => void = () => {},
): FailedCredentials {
  const clock = { perf: { now }, ttlResolution: 0 };
  const failures = new LRUCache<string, Failures>({ ...clock, max: MAX_ADDRESSES, ttl: WINDOW_MS });
  const known = new LRUCache<string, true>({ ...clock, max: MAX_KNOWN, ttl: KNOWN_MS });

  function delayAfter(count: number): number {
    return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(count - free, 16));
  }

  function admit(address: string): void {
    const failed = failures.get(address);
    if (!failed || failed.count < free) return;
    const wait = failed.refusedUntil - now();
    if (wait > 0) {
      onRefused(address);
      throw new AppError('RATE_LIMITED', 'Too many requests with a credential that is not valid', {
        retryAfter: Math.ceil(wait / 1_000),
      });
    }
    // Those that come at the same time must not all be looked at.
    failed.refusedUntil = now() + delayAfter(failed.count);
  }

  function noteFailure(address: string): void {
    const count = (failures.get(address)?.count ?? 0) + 1;
    failures.set(address, { count, refusedUntil: count < free ? 0 : now() + delayAfter(count) });
  }

  return {
    async watch(address, credential, lookUp) {
      const key = hash('sha256', credential, 'hex');
      const wasKnown = known.has(key);
      if (!wasKnown) admit(address);
      const found = await lookUp();
      if (found === undefined) {
        known.delete(key);
        noteFailure(address);
        return undefined;
      }
      known.set(key, true);
      // Somebody has found the right credential. A known one proves nothing: an attacker may have one of its own.
      if (!wasKnown) failures.delete(address);
      return found;
    },
  };
}
