// Caches verified credentials for a few seconds, so that not every request has to look its credential up again.
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Actor, hasEnded } from '../request/actor.js';
import type { CredentialCache } from '../request/services.js';

/**
 * How long, in seconds, a verified credential is trusted. A revocation or role change in another process takes effect
 * within this time.
 */
const TRUST_SECONDS = 3;
const MAX_ENTRIES = 10_000;
/** How often the cache reads the clock. Reading it in every millisecond would cost more than the look-ups. */
const CLOCK_RESOLUTION_MS = 100;

/**
 * Calls `identify` for unknown credentials and caches the result under the credential's hash. Invalid credentials are
 * not cached.
 */
export function createCredentialCache(
  identify: (secret: string, secretHash: Buffer) => Promise<Actor | undefined>,
  max = MAX_ENTRIES,
): CredentialCache {
  const trusted = new LRUCache<string, Actor>({
    max,
    ttl: TRUST_SECONDS * 1_000 - CLOCK_RESOLUTION_MS,
    ttlResolution: CLOCK_RESOLUTION_MS,
  });

  /** Look-ups in progress, so that concurrent requests with the same credential share one look-up. */
  const lookUpsInFlight = new Map<string, Promise<Actor | undefined>>();
  /** Counts the calls of `clear`. A look-up that started before such a call must not be cached after it. */
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

  function trustedActor(key: string): Actor | undefined {
    const actor = trusted.get(key);
    return actor && !hasEnded(actor) ? actor : undefined;
  }

  return {
    trusted: (secret) => trustedActor(hash('sha256', secret, 'hex')),
    authenticate(secret) {
      const key = hash('sha256', secret, 'hex');
      return trustedActor(key) ?? lookUp(secret, key);
    },
    clear() {
      generation += 1;
      trusted.clear();
      lookUpsInFlight.clear();
    },
    get generation() {
      return generation;
    },
  };
}

/**
 * A plain hash is enough: tokens consist of 256 random bits, so they cannot be found from the hash by trial and error.
 */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
