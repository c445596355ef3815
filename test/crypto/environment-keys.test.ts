// What an environment's keys promise: bound to their place, complete or refused, wiped after use.
import { describe, expect, test } from 'vitest';
import {
  keyContext,
  newEnvironmentKeys,
  newStoredKey,
  openEnvironmentKeys,
  type StoredKey,
} from '../../src/crypto/environment-keys.js';
import type { KeyProvider } from '../../src/crypto/key-provider.js';
import { generateKeyring, localKeyProvider, parseKeyring } from '../../src/crypto/local-keyring.js';
import { SealError } from '../../src/crypto/sealing.js';

const provider = localKeyProvider(parseKeyring(generateKeyring()));

function keyNamed(stored: readonly StoredKey[], purpose: string, version = 1): StoredKey {
  const found = stored.find((key) => key.purpose === purpose && key.version === version);
  if (!found) throw new Error(`no ${purpose} key ${version}`);
  return found;
}

/** A provider that shows every plain key that passed through it. */
function watched(): { provider: KeyProvider; seen: Uint8Array[]; before: string[] } {
  const seen: Uint8Array[] = [];
  const before: string[] = [];
  const note = (bytes: Uint8Array) => {
    seen.push(bytes);
    before.push(Buffer.from(bytes).toString('hex'));
    return bytes;
  };
  return {
    seen,
    before,
    provider: {
      ...provider,
      wrap: (dataKey, context) => provider.wrap(note(dataKey), context),
      unwrap: async (wrapped, context) => note(await provider.unwrap(wrapped, context)),
    },
  };
}

describe('keys of an environment', () => {
  test('a new environment gets its first data key and its digest key, both different', async () => {
    const stored = await newEnvironmentKeys(provider, 'e1');
    expect(stored.map(({ purpose, version }) => `${purpose}:${version}`)).toEqual(['data:1', 'digest:1']);
    const keys = await openEnvironmentKeys(provider, 'e1', stored);
    expect(keys.current).toBe(keys.data(1));
    expect(Buffer.from(keys.current.bytes).equals(keys.digest.export())).toBe(false);
    expect(keys.digest.symmetricKeySize).toBe(32);
  });

  test('plain key bytes are zeroed once they are wrapped or unwrapped', async () => {
    const watch = watched();
    const stored = await newEnvironmentKeys(watch.provider, 'e1');
    await openEnvironmentKeys(watch.provider, 'e1', stored);
    expect(watch.seen).toHaveLength(4);
    for (const bytes of watch.seen) expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(new Set(watch.before).size).toBe(2);
    expect(watch.before).not.toContain('00'.repeat(32));
  });

  test('plain key bytes are zeroed when wrapping fails too', async () => {
    let seen: Uint8Array | undefined;
    const failing: KeyProvider = {
      ...provider,
      wrap: async (dataKey) => {
        seen = dataKey;
        throw new Error('down');
      },
    };
    await expect(newStoredKey(failing, 'e1', 'data', 1)).rejects.toThrow('down');
    expect(seen?.every((byte) => byte === 0)).toBe(true);
  });

  test('the newest data key is the current one, older ones stay available', async () => {
    const stored = await newEnvironmentKeys(provider, 'e1');
    const second = await newStoredKey(provider, 'e1', 'data', 2);
    const keys = await openEnvironmentKeys(provider, 'e1', [second, ...stored]);
    expect(keys.current.version).toBe(2);
    expect(keys.data(1).version).toBe(1);
    expect(keys.data(2).version).toBe(2);
    expect(() => keys.data(3)).toThrow(SealError);
  });

  test('a missing version is named', async () => {
    const keys = await openEnvironmentKeys(provider, 'e1', await newEnvironmentKeys(provider, 'e1'));
    const subject = { environmentId: 'e1', keyVersion: 9 };
    expect(() => keys.data(9)).toThrow(new SealError('environment e1: data key version 9 is missing', subject));
  });

  test('a wrapped key moved to another environment, purpose or version is refused', async () => {
    const stored = await newEnvironmentKeys(provider, 'e1');
    const data = keyNamed(stored, 'data');
    const digest = keyNamed(stored, 'digest');
    const moved: [string, StoredKey[]][] = [
      ['e2', stored],
      ['e1', [data, { ...data, purpose: 'digest' }]],
      ['e1', [{ ...digest, purpose: 'data' }, digest]],
      ['e1', [{ ...data, version: 2 }, digest]],
    ];
    for (const [environmentId, keys] of moved) {
      await expect(openEnvironmentKeys(provider, environmentId, keys)).rejects.toThrow(SealError);
    }
  });

  test('contexts differ for every environment, purpose and version', () => {
    expect(keyContext('e1', 'data', 2)).toBe('environment:e1:data:2');
    expect(keyContext('e1', 'digest', 1)).toBe('environment:e1:digest:1');
  });

  test('an environment without a data key or a digest key is refused', async () => {
    const stored = await newEnvironmentKeys(provider, 'e1');
    const open = (keys: StoredKey[]) => openEnvironmentKeys(provider, 'e1', keys);
    await expect(open([])).rejects.toThrow('environment e1: it has no data key');
    await expect(open([keyNamed(stored, 'digest')])).rejects.toThrow('environment e1: it has no data key');
    await expect(open([keyNamed(stored, 'data')])).rejects.toThrow('environment e1: it has no digest key');
  });

  test('a key of another size, or a version no sealed value can name, is refused', async () => {
    const digest = keyNamed(await newEnvironmentKeys(provider, 'e1'), 'digest');
    const { masterKeyId, bytes } = await provider.wrap(Buffer.alloc(16, 1), 'environment:e1:data:1');
    const short: StoredKey = { purpose: 'data', version: 1, masterKeyId, wrapped: bytes };
    await expect(openEnvironmentKeys(provider, 'e1', [short, digest])).rejects.toThrow(
      'key of "environment:e1:data:1": it is not 32 bytes long',
    );
    const far = await newStoredKey(provider, 'e1', 'data', 2 ** 32);
    await expect(openEnvironmentKeys(provider, 'e1', [far, digest])).rejects.toThrow('out of range');
  });
});
