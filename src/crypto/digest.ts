// Keyed digests of values for the hash-chained log: equal for equal values, but useless for guessing without the key.
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { toUSVString } from 'node:util';

// Neither prefix is the beginning of the other, so no text has the digest of an absent value.
const ABSENT = 'agent-secrets-gateway:value-digest:1:absent\0';
const PRESENT = 'agent-secrets-gateway:value-digest:1:present\0';

/**
 * HMAC-SHA-256 of a value's canonical text, or of its absence, under the environment's digest key.
 *
 * The key is never replaced, because the chain could not be verified across a replacement.
 */
export function valueDigest(digestKey: KeyObject, plaintext: string | null): Uint8Array {
  const hmac = createHmac('sha256', digestKey);
  if (plaintext === null) return hmac.update(ABSENT).digest();
  if (toUSVString(plaintext) !== plaintext) {
    throw new TypeError('a text with lone surrogates has no digest: UTF-8 cannot keep them apart');
  }
  return hmac.update(PRESENT).update(plaintext, 'utf8').digest();
}

/** Whether two digests are equal. The time it takes does not depend on how many of their bytes are. */
export function isSameDigest(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

const KEYS = 'agent-secrets-gateway:keys-id:1\0';

/** Names a data key and a digest key as a pair. It says nothing about either. */
export function keysId(digestKey: KeyObject, dataKeyId: Uint8Array): Uint8Array {
  return createHmac('sha256', digestKey).update(KEYS).update(dataKeyId).digest().subarray(0, 16);
}

const REQUEST = 'agent-secrets-gateway:request-digest:1\0';

/**
 * HMAC-SHA-256 of a request's text under the environment's digest key. It is keyed because requests contain values,
 * which might be guessed from a plain hash.
 */
export function requestDigest(digestKey: KeyObject, request: string): Uint8Array {
  return createHmac('sha256', digestKey).update(REQUEST).update(request, 'utf8').digest();
}

const FACTS = 'agent-secrets-gateway:environment-facts:1\0';

/** HMAC-SHA-256 of what is known about an environment beside its log, under its digest key. */
export function factsMac(digestKey: KeyObject, facts: string): Uint8Array {
  return createHmac('sha256', digestKey).update(FACTS).update(facts, 'utf8').digest();
}
