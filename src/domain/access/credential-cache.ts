// Callers a process has just seen: a credential is trusted for a few seconds without asking again whose it is.
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Actor, hasEnded } from '../request/actor.js';
import type { CredentialCache } from '../request/services.js';

/** Seconds for which a credential once seen is trusted; what ends it otherwise is effective within these. */
const TRUST_SECONDS = 3;
const MAX_ENTRIES = 10_000;
/** How seldom the cache looks at the clock; every millisecond costs more than the look-ups. */
const CLOCK_RESOLUTION_MS = 100;

/** Asks `identify` whose a credential is and trusts the answer, by the credential's hash. Unknown ones are not remembered. */
export function createCredentialCache(
  identify: (secret: string, secretHash: Buffer) => Promise<Actor | undefined>,
  max = MAX_ENTRIES,
): CredentialCache {
  const trusted = new LRUCache<string, Actor>({
    max,
    ttl: TRUST_SECONDS * 1_000 - CLOCK_RESOLUTION_MS,
    ttlResolution: CLOCK_RESOLUTION_MS,
  });

  /** Look-ups under way, so that many requests with one credential are one. */
  const lookUpsInFlight = new Map<string, Promise<Actor | undefined>>();
  /** Counts the calls of `clear`: what was read before one is not remembered after it. */
  let generation = 0;

  async function read(secret: string, key: string): Promise<Actor | undefined> {
    const startGeneration = generation;
    const actor = await identify(secret, Buffer.from(key, 'hex'));
    if (actor && startGeneration === generation) trusted.set(key, actor);
    return actor;
  }

  function lookUp(secret: string, key: string): Promise<Actor | undefined> {
    const inFlight = lookUpsInFlight.get(key);
    if (inFlight) return inFlight;
    const request = read(secret, key).finally(() => {
      if (lookUpsInFlight.get(key) === request) lookUpsInFlight.delete(key);
    });
    lookUpsInFlight.set(key, request);
    return request;
  }

  return {
    authenticate(secret) {
      const key = hash('sha256', secret, 'hex');
      const actor = trusted.get(key);
      return actor && !hasEnded(actor) ? actor : lookUp(secret, key);
    },
    clear() {
      generation += 1;
      trusted.clear();
      lookUpsInFlight.clear();
    },
  };
}

/** Tokens are 256 random bits, so a plain hash cannot be searched backwards. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
