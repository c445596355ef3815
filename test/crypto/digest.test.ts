// What value digests promise: equal exactly for equal values, keyed, and absence unlike any value.
import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSameDigest, valueDigest } from '../../src/crypto/digest.js';

const key = createSecretKey(Buffer.alloc(32, 1));
const hex = (plaintext: string | null, under = key) => Buffer.from(valueDigest(under, plaintext)).toString('hex');
const text = fc.string({ unit: 'binary' });

test('equal texts have equal digests of 32 bytes, different texts different ones', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(valueDigest(key, a)).toHaveLength(32);
      expect(hex(a) === hex(b)).toBe(a === b);
    }),
  );
});

test('two digests are the same when every byte is, and those of different lengths never', () => {
  const digest = valueDigest(key, 'text');
  expect(isSameDigest(digest, Buffer.from(digest))).toBe(true);
  for (let at = 0; at < digest.length; at += 1) {
    const other = Buffer.from(digest);
    other[at] = (other[at] as number) ^ 1;
    expect(isSameDigest(digest, other)).toBe(false);
  }
  expect(isSameDigest(digest, digest.subarray(1))).toBe(false);
  expect(isSameDigest(digest, new Uint8Array())).toBe(false);
});

test('an absent value has a digest no text has', () => {
  for (const plaintext of ['', 'null', '\0', 'absent', 'agent-secrets-gateway:value-digest:1:absent\0']) {
    expect(hex(plaintext)).not.toBe(hex(null));
  }
  fc.assert(fc.property(text, (plaintext) => hex(plaintext) !== hex(null)));
});

test('without the key a digest cannot be computed: another key gives another digest', () => {
  const other = createSecretKey(randomBytes(32));
  for (const plaintext of [null, '', '"hunter2"']) expect(hex(plaintext, other)).not.toBe(hex(plaintext));
});

test('digests never change between releases: chains written today verify for good', () => {
  expect(hex(null)).toBe('fa1dadbbfda551773a6426e7053234716bc110153a885e23b764484d596aa6db');
  expect(hex('"hunter2"')).toBe('248e3349f498a0c1d580d75f9a29005c8d3e44ad884b18b99fb09bfef095046d');
});

test('a text with lone surrogates is refused instead of sharing the digest of another', () => {
  expect(() => valueDigest(key, 'canary\ud800')).toThrow(TypeError);
  expect(() => valueDigest(key, 'canary\ud800')).not.toThrow(/canary/);
});
