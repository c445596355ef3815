// What the local keyring promises: clear refusals free of key material, and wraps that open in their place only.
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  generateKeyring,
  type Keyring,
  KeyringError,
  localKeyProvider,
  parseKeyring,
} from '../../src/crypto/local-keyring.js';

const MATERIAL = Buffer.from('canary-key-material-of-32-bytes!').toString('base64');
const OTHER = randomBytes(32).toString('base64');

function file(fields: Record<string, unknown>): string {
  return JSON.stringify({ version: 1, current: 'k-1', keys: { 'k-1': MATERIAL }, ...fields });
}

async function refusalOf(act: () => unknown): Promise<KeyringError> {
  try {
    await act();
  } catch (error) {
    expect(error).toBeInstanceOf(KeyringError);
    return error as KeyringError;
  }
  throw new Error('expected a refusal');
}

describe('parseKeyring', () => {
  test('reads several keys and which one is current', () => {
    const keyring = parseKeyring(file({ current: 'k-2', keys: { 'k-1': MATERIAL, 'k-2': OTHER } }));
    expect(keyring.current).toBe('k-2');
    expect([...keyring.keys.keys()]).toEqual(['k-1', 'k-2']);
    expect(keyring.keys.get('k-1')?.export().toString('base64')).toBe(MATERIAL);
  });

  test('a keyring that is printed shows no key', () => {
    expect(inspect(parseKeyring(file({})), { depth: 9, showHidden: true })).not.toMatch(/canary|Y2FuYXJ5/);
  });

  const idRule = 'expected 1 to 32 letters, digits, dots, dashes or underscores';
  const keyRule = 'the key "k-1" is malformed; expected the padded base64 of exactly 32 bytes';
  test.each([
    ['empty', '', 'it is not valid JSON; restore it from your backup'],
    ['not JSON', `{"keys": {"k-1": "${MATERIAL}"`, 'it is not valid JSON; restore it from your backup'],
    ['the bare key', MATERIAL, 'it is not valid JSON; restore it from your backup'],
    ['a list', `["${MATERIAL}"]`, 'it is not a JSON object; expected "version", "current" and "keys"'],
    ['a string', `"${MATERIAL}"`, 'it is not a JSON object; expected "version", "current" and "keys"'],
    ['null', 'null', 'it is not a JSON object; expected "version", "current" and "keys"'],
    ['no version', file({ version: undefined }), 'its "version" is missing or unknown; expected "version": 1'],
    ['a later version', file({ version: 2 }), 'its "version" is missing or unknown; expected "version": 1'],
    [
      'an unknown field',
      file({ [MATERIAL]: 1 }),
      'it has an unknown field; expected only "version", "current" and "keys"',
    ],
    ['no keys', file({ keys: undefined }), '"keys" is not an object; expected key ids with one base64 key each'],
    [
      'a list of keys',
      file({ keys: [MATERIAL] }),
      '"keys" is not an object; expected key ids with one base64 key each',
    ],
    ['empty keys', file({ keys: {} }), '"keys" is empty; add at least one key'],
    ['an empty id', file({ keys: { '': MATERIAL } }), `an id in "keys" is malformed; ${idRule}`],
    ['key and id swapped', file({ keys: { [MATERIAL]: 'k-1' } }), `an id in "keys" is malformed; ${idRule}`],
    [
      'an unpadded key as id',
      file({ keys: { [MATERIAL.slice(0, 43)]: 'k-1' } }),
      `an id in "keys" is malformed; ${idRule}`,
    ],
    ['an id with a colon', file({ keys: { 'k:1': MATERIAL } }), `an id in "keys" is malformed; ${idRule}`],
    ['a short key', file({ keys: { 'k-1': MATERIAL.slice(4) } }), keyRule],
    ['a long key', file({ keys: { 'k-1': `AAAA${MATERIAL}` } }), keyRule],
    ['an unpadded key', file({ keys: { 'k-1': MATERIAL.slice(0, 43) } }), keyRule],
    ['a key with a line break', file({ keys: { 'k-1': `${MATERIAL}\n` } }), keyRule],
    ['a key in hex', file({ keys: { 'k-1': Buffer.from(MATERIAL, 'base64').toString('hex') } }), keyRule],
    ['a key that is a number', file({ keys: { 'k-1': 7 } }), keyRule],
    ['no current', file({ current: undefined }), '"current" names no key of "keys"; set it to one of k-1'],
    ['the key as current', file({ current: MATERIAL }), '"current" names no key of "keys"; set it to one of k-1'],
    ['another current', file({ current: '__proto__' }), '"current" names no key of "keys"; set it to one of k-1'],
  ])('refuses in one clear line without key material: %s', async (_, text, expected) => {
    const error = await refusalOf(() => parseKeyring(text, 'MASTER_KEYS'));
    expect(error.message).toBe(`MASTER_KEYS: ${expected}`);
    expect(error.reason).toBe('malformed');
    expect(error.cause).toBeUndefined();
    expect(error.message).not.toContain('\n');
    expect(inspect(error, { showHidden: true })).not.toMatch(/canary|Y2FuYXJ5|63616e617279/);
  });

  test('any text is a keyring or a KeyringError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => parseKeyring(text)).toThrow(KeyringError);
      }),
    );
  });
});

describe('generateKeyring', () => {
  test('makes a fresh, current 256-bit key each time, in a file that parses', () => {
    const texts = [generateKeyring(), generateKeyring()];
    const [a, b] = texts.map((text) => parseKeyring(text)) as [Keyring, Keyring];
    expect(a.current).toMatch(/^k-[0-9a-f]{8}$/);
    expect(a.keys.get(a.current)?.symmetricKeySize).toBe(32);
    expect(texts[0]).not.toBe(texts[1]);
    expect(a.keys.get(a.current)?.equals(b.keys.get(b.current) as never)).toBe(false);
  });
});

describe('localKeyProvider', () => {
  const both = { 'k-1': MATERIAL, 'k-2': OTHER };
  const provider = localKeyProvider(parseKeyring(file({ keys: both })));
  const dataKey = randomBytes(32);

  test('unwraps what it wrapped, in the same context', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.string(), async (bytes, context) => {
        const wrapped = await provider.wrap(bytes, context);
        expect(wrapped.masterKeyId).toBe('k-1');
        expect([...(await provider.unwrap(wrapped, context))]).toEqual([...bytes]);
        const plain = { ...wrapped, bytes: Uint8Array.from(wrapped.bytes) };
        expect([...(await provider.unwrap(plain, context))]).toEqual([...bytes]);
      }),
    );
  });

  test('refuses any other context', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (context, other) => {
        fc.pre(context !== other);
        const wrapped = await provider.wrap(dataKey, context);
        const error = await refusalOf(() => provider.unwrap(wrapped, other));
        expect(error.reason).toBe('unwrap-refused');
      }),
    );
    const wrapped = await provider.wrap(dataKey, '\ud800');
    await refusalOf(() => provider.unwrap(wrapped, '\ud801'));
  });

  test('refuses every flipped bit and every other length', async () => {
    const { masterKeyId, bytes } = await provider.wrap(dataKey, 'c');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const tampered = Uint8Array.from(bytes);
      tampered[bit >> 3] = (tampered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await refusalOf(() => provider.unwrap({ masterKeyId, bytes: tampered }, 'c'));
    }
    for (let length = 0; length < bytes.length; length += 1) {
      await refusalOf(() => provider.unwrap({ masterKeyId, bytes: bytes.subarray(0, length) }, 'c'));
    }
  });

  test('after a change of the current key, old wraps open and new ones use the new key', async () => {
    const rotated = localKeyProvider(parseKeyring(file({ current: 'k-2', keys: both })));
    const old = await provider.wrap(dataKey, 'c');
    expect(Buffer.from(await rotated.unwrap(old, 'c')).equals(dataKey)).toBe(true);
    expect(await rotated.currentKeyId()).toBe('k-2');
    expect((await rotated.wrap(dataKey, 'c')).masterKeyId).toBe('k-2');
  });

  test('a master key that is not there is named', async () => {
    const wrapped = await provider.wrap(dataKey, 'c');
    const lost = localKeyProvider(parseKeyring(file({ current: 'k-2', keys: { 'k-2': OTHER } })));
    const error = await refusalOf(() => lost.unwrap(wrapped, 'c'));
    expect(error.reason).toBe('unknown-master-key');
    expect(error.message).toBe(
      'master key "k-1": it is not in the keyring; put the key with this id back into the key file',
    );
    await refusalOf(() => localKeyProvider({ current: 'k-9', keys: new Map() }));
  });

  test('another key under the same id, or a relabelled wrap, is refused and named', async () => {
    const wrapped = await provider.wrap(dataKey, 'environment:e:data:1');
    const replaced = localKeyProvider(parseKeyring(file({ keys: { 'k-1': OTHER } })));
    const error = await refusalOf(() => replaced.unwrap(wrapped, 'environment:e:data:1'));
    expect(error.message).toContain('master key "k-1": it does not unwrap the key of "environment:e:data:1"');
    await refusalOf(() => provider.unwrap({ ...wrapped, masterKeyId: 'k-2' }, 'environment:e:data:1'));
    // Same key under two ids: only the id it was wrapped under opens it.
    const twins = localKeyProvider(parseKeyring(file({ keys: { 'k-1': MATERIAL, 'k-3': MATERIAL } })));
    await refusalOf(() => twins.unwrap({ ...wrapped, masterKeyId: 'k-3' }, 'environment:e:data:1'));
  });

  test('wrapping twice gives different bytes', async () => {
    const [a, b] = await Promise.all([provider.wrap(dataKey, 'c'), provider.wrap(dataKey, 'c')]);
    expect(Buffer.from(a.bytes).equals(b.bytes)).toBe(false);
    expect(a.bytes).toHaveLength(61);
  });
});
