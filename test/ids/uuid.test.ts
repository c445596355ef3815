// Ids as text: what is printed is what the bytes say, and ids made one after the other sort that way.
import fc from 'fast-check';
import { UUID } from 'uuidv7';
import { expect, test } from 'vitest';
import { newId } from '../../src/ids/new-id.js';
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
