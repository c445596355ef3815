// An environment's own keys: made, wrapped for storage, unwrapped once and kept ready in a bounded cache.
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KeyProvider } from './key-provider.js';
import { type DataKey, SealError } from './sealing.js';

export type KeyPurpose = 'data' | 'digest';

/** An environment's key as it is stored. */
export interface StoredKey {
  readonly purpose: KeyPurpose;
  readonly version: number;
  readonly masterKeyId: string;
  readonly wrapped: Uint8Array;
}

/** An environment's keys, ready for use. */
export interface EnvironmentKeys {
  /** The newest data key: new values are sealed under it. */
  readonly current: DataKey;
  /** The key of the log's value digests; there is one, for good. */
  readonly digest: KeyObject;
  /** False for a version another instance has made since these keys were loaded: `reload` them. */
  has(version: number): boolean;
  /** Throws a `SealError` that names the version when it is missing. */
  data(version: number): DataKey;
  /** The key that was unwrapped from exactly these bytes, if it was. */
  unwrapped(stored: StoredKey): KeyObject | undefined;
}

const KEY_BYTES = 32;
const FIRST_VERSION = 1;
/** The digest key is never replaced: it has this one version. */
const DIGEST_VERSION = 1;
/** A sealed value has four bytes for it. */
const LAST_VERSION = 0xffff_ffff;

/** 32 fresh bytes; whoever asks zeroes them after use. */
export function generateDataKey(): Uint8Array {
  return randomBytes(KEY_BYTES);
}

/** What a wrapped key is bound to. Unambiguous for any id: purpose and version have no colon and come last. */
export function keyContext(environmentId: string, purpose: KeyPurpose, version: number): string {
  return `environment:${environmentId}:${purpose}:${version}`;
}

/** Makes one fresh key, wrapped under the provider's current master key. */
export async function newStoredKey(
  provider: KeyProvider,
  environmentId: string,
  purpose: KeyPurpose,
  version: number,
): Promise<StoredKey> {
  const key = generateDataKey();
  try {
    const { masterKeyId, bytes } = await provider.wrap(key, keyContext(environmentId, purpose, version));
    return { purpose, version, masterKeyId, wrapped: bytes };
  } finally {
    key.fill(0);
  }
}

/** The keys a new environment starts with: its first data key and its digest key. */
export function newEnvironmentKeys(provider: KeyProvider, environmentId: string): Promise<StoredKey[]> {
  return Promise.all([
    newStoredKey(provider, environmentId, 'data', FIRST_VERSION),
    newStoredKey(provider, environmentId, 'digest', DIGEST_VERSION),
  ]);
}

/**
 * Unwraps all of an environment's keys; one that does not unwrap refuses them all, so that nobody works on a part.
 * What `earlier` has unwrapped already is not unwrapped again.
 */
export async function openEnvironmentKeys(
  provider: KeyProvider,
  environmentId: string,
  stored: readonly StoredKey[],
  earlier?: EnvironmentKeys,
): Promise<EnvironmentKeys> {
  return ready(environmentId, await Promise.all(stored.map((row) => openKey(provider, environmentId, row, earlier))));
}

interface OpenedKey extends StoredKey {
  readonly key: KeyObject;
}

async function openKey(
  provider: KeyProvider,
  environmentId: string,
  { purpose, version, masterKeyId, wrapped }: StoredKey,
  earlier: EnvironmentKeys | undefined,
): Promise<OpenedKey> {
  // The driver's own bytes are part of a buffer of many kilobytes, which they would keep as a whole.
  const row = { purpose, version, masterKeyId, wrapped: Uint8Array.from(wrapped) };
  const known = earlier?.unwrapped(row);
  if (known) return { ...row, key: known };
  const context = keyContext(environmentId, purpose, version);
  const bytes = await provider.unwrap({ masterKeyId, bytes: wrapped }, context);
  return { ...row, key: toKeyObject(bytes, context) };
}

/** Apart from where `earlier` is known: what is returned would hold on to it, that one to its own, and so on for ever. */
function ready(environmentId: string, opened: readonly OpenedKey[]): EnvironmentKeys {
  const dataKeys = new Map<number, DataKey>();
  let current: DataKey | undefined;
  let digest: KeyObject | undefined;
  for (const { purpose, version, key } of opened) {
    if (purpose === 'digest') {
      if (version === DIGEST_VERSION) digest = key;
      continue;
    }
    if (!Number.isInteger(version) || version < FIRST_VERSION || version > LAST_VERSION) {
      throw new SealError(`environment ${environmentId}: data key version ${version} is out of range`, {
        environmentId,
        keyVersion: version,
      });
    }
    const dataKey = { version, key };
    dataKeys.set(version, dataKey);
    if (!current || version > current.version) current = dataKey;
  }
  if (!current) throw new SealError(`environment ${environmentId}: it has no data key`, { environmentId });
  if (!digest) throw new SealError(`environment ${environmentId}: it has no digest key`, { environmentId });

  function data(version: number): DataKey {
    const dataKey = dataKeys.get(version);
    if (!dataKey) {
      throw new SealError(`environment ${environmentId}: data key version ${version} is missing`, {
        environmentId,
        keyVersion: version,
      });
    }
    return dataKey;
  }

  function unwrapped({ purpose, version, masterKeyId, wrapped }: StoredKey): KeyObject | undefined {
    const same = (key: StoredKey) =>
      key.purpose === purpose && key.version === version && key.masterKeyId === masterKeyId;
    const found = opened.find((key) => same(key) && Buffer.compare(key.wrapped, wrapped) === 0);
    return found?.key;
  }

  return { current, digest, has: (version) => dataKeys.has(version), data, unwrapped };
}

export interface KeyCacheOptions {
  readonly provider: KeyProvider;
  readonly load: (environmentId: string) => Promise<readonly StoredKey[]>;
  /** How many environments' keys stay in memory. */
  readonly max: number;
  /** Milliseconds after which they are compared with what is stored: a key that was replaced meanwhile is not used. */
  readonly maxAgeMs?: number;
}

/** Nobody seals under a data key that was replaced longer ago than this (and as long as the write itself may take). */
export const KEYS_MAX_AGE_MS = 60_000;

export interface KeyCache {
  /** The keys themselves when they are in memory, so that a hot read need not wait; else a promise of them. */
  keysOf(environmentId: string): EnvironmentKeys | Promise<EnvironmentKeys>;
  /** Keys as stored now or later, never earlier than the call. The cached ones keep serving until then. */
  reload(environmentId: string): Promise<EnvironmentKeys>;
  /** Drops an environment's keys; a load that is under way will not bring them back. */
  forget(environmentId: string): void;
}

interface Cached {
  readonly keys: EnvironmentKeys;
  /** When they were asked for, on this process's own clock. */
  readonly since: number;
}

interface Load {
  readonly keys: Promise<EnvironmentKeys>;
  /** The load that begins when this one ends; all who ask meanwhile share it. */
  next?: Promise<EnvironmentKeys>;
}

/** A bounded cache of unwrapped keys. Failures are not cached, and concurrent loads of one environment are one. */
export function createKeyCache({ provider, load, max, maxAgeMs = KEYS_MAX_AGE_MS }: KeyCacheOptions): KeyCache {
  const cached = new LRUCache<string, Cached>({ max });
  const loads = new Map<string, Load>();

  function begin(environmentId: string): Promise<EnvironmentKeys> {
    // A turn later, so that `entry` is there even when `load` throws at once.
    const entry: Load = { keys: Promise.resolve().then(run) };
    loads.set(environmentId, entry);
    return entry.keys;

    async function run(): Promise<EnvironmentKeys> {
      try {
        const since = performance.now();
        const earlier = cached.peek(environmentId)?.keys;
        const keys = await openEnvironmentKeys(provider, environmentId, await load(environmentId), earlier);
        // Only the newest load may speak: an older one, or one from before `forget`, could bring back the past.
        if (loads.get(environmentId) === entry) cached.set(environmentId, { keys, since });
        return keys;
      } finally {
        if (loads.get(environmentId) === entry) loads.delete(environmentId);
      }
    }
  }

  function keysOf(environmentId: string): EnvironmentKeys | Promise<EnvironmentKeys> {
    const found = cached.get(environmentId);
    if (found && performance.now() - found.since < maxAgeMs) return found.keys;
    return loads.get(environmentId)?.keys ?? begin(environmentId);
  }

  function reload(environmentId: string): Promise<EnvironmentKeys> {
    const running = loads.get(environmentId);
    if (!running) return begin(environmentId);
    // The running load may have read before the change the caller knows of, so it does not count.
    const again = () => begin(environmentId);
    running.next ??= running.keys.then(again, again);
    return running.next;
  }

  function forget(environmentId: string): void {
    cached.delete(environmentId);
    loads.delete(environmentId);
  }

  return { keysOf, reload, forget };
}

function toKeyObject(bytes: Uint8Array, context: string): KeyObject {
  try {
    if (bytes.length !== KEY_BYTES) throw new SealError(`key of "${context}": it is not ${KEY_BYTES} bytes long`, {});
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}
