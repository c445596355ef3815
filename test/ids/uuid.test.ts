// Ids as text: what is printed is what the bytes say, and ids made one after the other sort that way.
import fc from 'fast-check';
import { UUID } from 'uuidv7';
import { expect, test } from 'vitest';
import { bucketOf } from '../../src/ids/bucket.js';
import { newId, newIdIn } from '../../src/ids/new-id.js';
import { uuidFrom, uuidText } from '../../src/ids/uuid.js';

test('the text tells every byte, and is read as the same id again', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const text = uuidText(bytes);
      expect(text).toBe(UUID.ofInner(bytes.slice()).toString());
      expect(uuidFrom(text.toUpperCase())).toBe(text);
    }),
  );
});

test('fresh ids are UUIDs of version 7, all different, in the order they were made', () => {
  const ids = Array.from({ length: 5_000 }, newId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.toSorted()).toEqual(ids);
  expect(ids.every((id) => UUID.parse(id).getVersion() === 7)).toBe(true);
});

test('an id of what belongs to an environment carries its bucket behind the version, and is random behind that', () => {
  const environmentId = '0198c0de-0000-7000-8000-00000000abcd';
  // printf %s 0198c0de-0000-7000-8000-00000000abcd | sha256sum
  expect(bucketOf(environmentId)).toBe(0x89a);
  expect(bucketOf(environmentId.toUpperCase())).toBe(bucketOf(environmentId));
  const began = Date.now();
  const ids = Array.from({ length: 5_000 }, () => newIdIn(environmentId));
  expect(new Set(ids.map((id) => id.slice(19))).size).toBe(ids.length);
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-789a-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBeGreaterThanOrEqual(began);
  }
  /** How often each bit is set. */
  const set = new Array<number>(62).fill(0);
  for (const id of ids) {
    const random = BigInt(`0x${id.slice(19).replace('-', '')}`);
    for (let bit = 0; bit < set.length; bit += 1)
      set[bit] = (set[bit] as number) + Number((random >> BigInt(bit)) & 1n);
  }
  expect(Math.min(...set)).toBeGreaterThan(2_100);
  expect(Math.max(...set)).toBeLessThan(2_900);
});

test('environments spread over all buckets', () => {
  const buckets = new Set(Array.from({ length: 60_000 }, () => bucketOf(newId())));
  expect(buckets.size).toBe(4_096);
});
