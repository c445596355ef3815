// What the key cache promises: no waiting when warm, one load for many, bounded, never stale by accident.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  createKeyCache,
  type EnvironmentKeys,
  newEnvironmentKeys,
  newStoredKey,
  type StoredKey,
} from '../../src/crypto/environment-keys.js';
import { generateKeyring, localKeyProvider, parseKeyring } from '../../src/crypto/local-keyring.js';
import { SealError } from '../../src/crypto/sealing.js';

const provider = localKeyProvider(parseKeyring(generateKeyring()));

describe('the key cache', () => {
  /** Stored keys by environment, and loads that wait until they are let through. */
  function store() {
    const rows = new Map<string, StoredKey[]>();
    const calls: string[] = [];
    const gates: (() => void)[] = [];
    let gated = false;
    async function load(environmentId: string): Promise<StoredKey[]> {
      calls.push(environmentId);
      const waits = gated;
      const read = rows.get(environmentId) ?? (await newEnvironmentKeys(provider, environmentId));
      rows.set(environmentId, read);
      if (waits) await new Promise<void>((pass) => gates.push(pass));
      return read;
    }
    async function rotate(environmentId: string, version: number): Promise<void> {
      const next = await newStoredKey(provider, environmentId, 'data', version);
      rows.set(environmentId, [...(rows.get(environmentId) ?? []), next]);
    }
    async function openGate(): Promise<void> {
      while (gates.length === 0) await new Promise(setImmediate);
      gates.shift()?.();
    }
    const gate = (on: boolean) => {
      gated = on;
    };
    return { load, calls, rotate, gate, openGate };
  }

  test('answers without a promise once an environment is loaded, and loads it once', async () => {
    const { load, calls } = store();
    const cache = createKeyCache({ provider, load, max: 4 });
    const first = cache.keysOf('e1');
    expect(first).toBeInstanceOf(Promise);
    const keys = await first;
    expect(cache.keysOf('e1')).toBe(keys);
    expect(calls).toEqual(['e1']);
  });

  test('concurrent readers share one load', async () => {
    const { load, calls } = store();
    const cache = createKeyCache({ provider, load, max: 4 });
    const all = await Promise.all(Array.from({ length: 50 }, () => cache.keysOf('e1')));
    expect(new Set(all).size).toBe(1);
    expect(calls).toEqual(['e1']);
  });

  /** What is left when all garbage is gone. */
  async function collected(): Promise<NodeJS.MemoryUsage> {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    // A reference is kept to the end of the turn that has looked at it, buffers go a collection later.
    for (let turn = 0; turn < 3; turn += 1) {
      await new Promise(setImmediate);
      collect();
    }
    return process.memoryUsage();
  }

  test('keeps nothing of the keys that newer ones have replaced', async () => {
    const { load } = store();
    const cache = createKeyCache({ provider, load, max: 4 });
    const first = new WeakRef(await cache.keysOf('e1'));
    for (let n = 0; n < 3; n += 1) await cache.reload('e1');
    await collected();
    expect(first.deref()).toBeUndefined();
    expect(cache.keysOf('e1')).not.toBeInstanceOf(Promise);
  });

  test('overwrites the bytes of a key that leaves it, once nobody holds the key any more', async () => {
    const { load, rotate } = store();
    const cache = createKeyCache({ provider, load, max: 1 });
    const bytesOf = (keys: EnvironmentKeys) => keys.current.bytes;
    const isOverwritten = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);
    const kept = bytesOf(await cache.keysOf('e1'));
    await rotate('e1', 2);
    await cache.reload('e1');
    await collected();
    expect(isOverwritten(kept), 'the newer keys hold it, too').toBe(false);
    let holder: EnvironmentKeys | undefined = await cache.keysOf('e1');
    await cache.keysOf('e2');
    await collected();
    expect(isOverwritten(kept), 'a request under way holds it').toBe(false);
    expect(holder.data(1).bytes).toBe(kept);
    holder = undefined;
    await collected();
    expect(isOverwritten(kept)).toBe(true);
  });

  test('keeps of what the driver has read only the keys’ own bytes', async () => {
    const { load } = store();
    // As drivers cut small answers out of larger buffers.
    const cut = (bytes: Uint8Array) => {
      const piece = new Uint8Array(64 * 1024).subarray(0, bytes.length);
      piece.set(bytes);
      return piece;
    };
    const read = async (environmentId: string) =>
      (await newEnvironmentKeys(provider, environmentId)).map((key) => ({ ...key, wrapped: cut(key.wrapped) }));
    const cache = createKeyCache({ provider, load: read, max: 100 });
    await createKeyCache({ provider, load, max: 1 }).keysOf('warm');
    const before = await collected();
    for (let n = 0; n < 100; n += 1) await cache.keysOf(`e${n}`);
    const { arrayBuffers } = await collected();
    expect(arrayBuffers - before.arrayBuffers).toBeLessThan(1024 * 1024);
    expect(cache.keysOf('e0')).not.toBeInstanceOf(Promise);
  });

  test('keeps at most `max` environments, the least recently used goes first', async () => {
    const { load } = store();
    const cache = createKeyCache({ provider, load, max: 2 });
    await cache.keysOf('e1');
    await cache.keysOf('e2');
    cache.keysOf('e1');
    await cache.keysOf('e3');
    expect(cache.keysOf('e1')).not.toBeInstanceOf(Promise);
    expect(cache.keysOf('e3')).not.toBeInstanceOf(Promise);
    const evicted = cache.keysOf('e2');
    expect(evicted).toBeInstanceOf(Promise);
    await evicted;
  });

  test('a failed load is reported to all who wait and not remembered', async () => {
    const { load } = store();
    let failures = 2;
    const cache = createKeyCache({
      provider,
      max: 4,
      // Throws at once the second time: a careless loader must not break the cache.
      load: (id) => {
        failures -= 1;
        if (failures === 1) return Promise.reject(new Error('down'));
        if (failures === 0) throw new Error('careless');
        return load(id);
      },
    });
    const waiting = [cache.keysOf('e1'), cache.keysOf('e1')];
    for (const result of await Promise.allSettled(waiting)) expect(result).toMatchObject({ status: 'rejected' });
    await expect(cache.keysOf('e1')).rejects.toThrow('careless');
    expect((await cache.keysOf('e1')).current.version).toBe(1);
  });

  test('reload finds a version another instance has made; meanwhile the old keys serve', async () => {
    const { load, rotate, gate, openGate } = store();
    const cache = createKeyCache({ provider, load, max: 4 });
    const before = await cache.keysOf('e1');
    await rotate('e1', 2);
    expect(() => before.data(2)).toThrow(SealError);
    gate(true);
    const reloading = cache.reload('e1');
    expect(cache.keysOf('e1')).toBe(before);
    await openGate();
    const after = await reloading;
    expect(after.data(2)).toBe(after.current);
    expect(cache.keysOf('e1')).toBe(after);
  });

  test('a failed reload leaves the old keys in place', async () => {
    const { load } = store();
    let down = false;
    const cache = createKeyCache({
      provider,
      max: 4,
      load: (id) => (down ? Promise.reject(new Error('down')) : load(id)),
    });
    const keys = await cache.keysOf('e1');
    down = true;
    await expect(cache.reload('e1')).rejects.toThrow('down');
    expect(cache.keysOf('e1')).toBe(keys);
  });

  test('a reload does not settle for a load that began before it; all who ask meanwhile share the next', async () => {
    const { load, calls, rotate, gate, openGate } = store();
    const cache = createKeyCache({ provider, load, max: 4 });
    gate(true);
    const early = cache.keysOf('e1') as Promise<EnvironmentKeys>;
    while (calls.length === 0) await Promise.resolve();
    await new Promise(setImmediate);
    await rotate('e1', 2);
    const reloads = Array.from({ length: 20 }, () => cache.reload('e1'));
    await openGate();
    const late = await early;
    expect(() => late.data(2)).toThrow(SealError);
    await openGate();
    for (const keys of await Promise.all(reloads)) expect(keys.data(2).version).toBe(2);
    expect(calls).toHaveLength(2);
    expect(cache.keysOf('e1')).toBe(await reloads[0]);
  });

  test('a load under way when its environment is forgotten does not bring it back', async () => {
    const { load, gate, openGate } = store();
    const cache = createKeyCache({ provider, load, max: 4 });
    gate(true);
    const early = cache.keysOf('e1');
    cache.forget('e1');
    await openGate();
    await early;
    gate(false);
    const late = cache.keysOf('e1');
    expect(late).toBeInstanceOf(Promise);
    expect(await late).not.toBe(await early);
  });

  test('a load that ends after a later one does not replace its keys', async () => {
    const { load, calls, gate, openGate } = store();
    const cache = createKeyCache({ provider, load, max: 4 });
    gate(true);
    const early = cache.keysOf('e1');
    while (calls.length === 0) await Promise.resolve();
    cache.forget('e1');
    gate(false);
    const late = await cache.keysOf('e1');
    await openGate();
    expect(await early).not.toBe(late);
    expect(cache.keysOf('e1')).toBe(late);
  });

  test('a forgotten environment is loaded anew', async () => {
    const { load, calls } = store();
    const cache = createKeyCache({ provider, load, max: 4 });
    await cache.keysOf('e1');
    cache.forget('e1');
    await cache.keysOf('e1');
    expect(calls).toEqual(['e1', 'e1']);
  });

  /** The provider, with the contexts of what it has unwrapped. */
  function watched() {
    const unwrapped: string[] = [];
    const unwrap: typeof provider.unwrap = (wrapped, context) => {
      unwrapped.push(context);
      return provider.unwrap(wrapped, context);
    };
    return { provider: { ...provider, unwrap }, unwrapped };
  }

  test('keys older than the maximum age are compared with what is stored: a new version is current from then on', async () => {
    const { load, rotate } = store();
    const watch = watched();
    const cache = createKeyCache({ provider: watch.provider, load, max: 4, maxAgeMs: 0 });
    expect((await cache.keysOf('e1')).current.version).toBe(1);
    await rotate('e1', 2);
    const keys = await cache.keysOf('e1');
    expect(keys.current.version).toBe(2);
    expect(keys.data(1).version).toBe(1);
    // What is stored as it was is not unwrapped again: an outage of a key service harms nobody who knows the keys.
    expect(watch.unwrapped).toEqual(['environment:e1:data:1', 'environment:e1:digest:1', 'environment:e1:data:2']);
  });

  test('a key that is stored as other bytes is unwrapped again, not taken for the one in memory', async () => {
    const stored = await newEnvironmentKeys(provider, 'e1');
    const [first, digest] = stored as [StoredKey, StoredKey];
    let rows = stored;
    const watch = watched();
    const load = async () => rows;
    const cache = createKeyCache({ provider: watch.provider, load, max: 4, maxAgeMs: 0 });
    const before = await cache.keysOf('e1');
    rows = [await newStoredKey(provider, 'e1', 'data', 1), digest];
    const after = await cache.keysOf('e1');
    expect(after.current.bytes).not.toEqual(before.current.bytes);
    expect(after.digest.equals(before.digest)).toBe(true);
    rows = [{ ...first, masterKeyId: 'k-elsewhere' }, digest];
    await expect(cache.keysOf('e1')).rejects.toThrow('k-elsewhere');
    expect(watch.unwrapped.filter((context) => context.includes('digest'))).toHaveLength(1);
  });
});
