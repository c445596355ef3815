// The keys of an environment: generated here, wrapped for storage, and kept unwrapped in a bounded cache.
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { DataKey } from './data-key.js';
import { keysId } from './digest.js';
import type { KeyProvider } from './key-provider.js';
import { KeyringError, type KeyringReason } from './local-keyring.js';
import { DEFAULT_SEAL_ALGORITHM, type SealAlgorithm, SealError } from './sealing.js';

export type KeyPurpose = 'data' | 'digest';

/** An environment's key as it is stored, wrapped by a master key. */
export interface StoredKey {
  readonly purpose: KeyPurpose;
  readonly version: number;
  readonly masterKeyId: string;
  readonly wrapped: Uint8Array;
}

/** All keys of an environment, unwrapped. */
export interface EnvironmentKeys {
  /** The newest data key, under which new values are sealed. */
  readonly current: DataKey;
  /** What new values are sealed with. */
  readonly sealAlgorithm: SealAlgorithm;
  /** The key of the value digests in the log. There is only one, and it is never replaced. */
  readonly digest: KeyObject;
  /** Names `current` and `digest`. Other keys have another one, whatever their versions are. */
  readonly id: Uint8Array;
  /** Throws a `SealError` that names the version when it is missing. */
  data(version: number): DataKey;
  /** The key that was unwrapped from exactly these stored bytes; undefined if there is none. */
  unwrapped(stored: StoredKey): UnwrappedKey | undefined;
}

/** A data key, or the digest key. */
type UnwrappedKey = DataKey | KeyObject;
const KEY_BYTES = 32;
const FIRST_VERSION = 1;
/** The digest key is never replaced, so this is its only version. */
const DIGEST_VERSION = 1;
/** A sealed value stores the version in four bytes. */
const LAST_VERSION = 0xffff_ffff;

/** Generates 32 random bytes; the caller must zero them after use. */
export function generateDataKey(): Uint8Array {
  return randomBytes(KEY_BYTES);
}

/**
 * The context that a wrapped key is bound to. It is unambiguous for any environment id, because purpose and version
 * come last and contain no colon.
 */
export function keyContext(environmentId: string, purpose: KeyPurpose, version: number): string {
  return `environment:${environmentId}:${purpose}:${version}`;
}

/** Generates a key and wraps it under the provider's current master key. */
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
 * Unwraps all keys of an environment. It rejects with a `SealError` if any of them cannot be unwrapped, so that nobody works
 * with an incomplete set. Keys that `earlier` already has unwrapped are reused.
 */
export async function openEnvironmentKeys(
  provider: KeyProvider,
  environmentId: string,
  stored: readonly StoredKey[],
  earlier?: EnvironmentKeys,
  sealAlgorithm = DEFAULT_SEAL_ALGORITHM,
): Promise<EnvironmentKeys> {
  const opened = await Promise.all(stored.map((row) => openKey(provider, environmentId, row, earlier)));
  return keysFrom(environmentId, opened, sealAlgorithm);
}

interface OpenedKey extends StoredKey {
  readonly key: UnwrappedKey;
}

async function openKey(
  provider: KeyProvider,
  environmentId: string,
  { purpose, version, masterKeyId, wrapped }: StoredKey,
  earlier: EnvironmentKeys | undefined,
): Promise<OpenedKey> {
  // A copy, because the bytes from the database driver are a view of a buffer of many kilobytes, and would keep all of
  // it in memory.
  const row = { purpose, version, masterKeyId, wrapped: Uint8Array.from(wrapped) };
  const known = earlier?.unwrapped(row);
  if (known) return { ...row, key: known };
  const context = keyContext(environmentId, purpose, version);
  try {
    return { ...row, key: keyFrom(await provider.unwrap({ masterKeyId, bytes: wrapped }, context), row, context) };
  } catch (error) {
    // It is about this key alone. Anything else, such as a key service that is away, is about all keys.
    if (!(error instanceof KeyringError && REJECTIONS.has(error.reason))) throw error;
    throw new SealError(error.message, { environmentId, keyVersion: version });
  }
}

const REJECTIONS: ReadonlySet<KeyringReason> = new Set(['unknown-master-key', 'unwrap-refused']);

/**
 * A function of its own, in which `earlier` is not in scope: the closures that it returns would keep `earlier` in
 * memory, which would keep its own predecessor in memory, and so on for ever.
 */
function keysFrom(environmentId: string, opened: readonly OpenedKey[], sealAlgorithm: SealAlgorithm): EnvironmentKeys {
  const dataKeys = new Map<number, DataKey>();
  let current: DataKey | undefined;
  let digest: KeyObject | undefined;
  for (const { version, key } of opened) {
    if (!(key instanceof DataKey)) {
      if (version === DIGEST_VERSION) digest = key;
      continue;
    }
    if (!Number.isInteger(version) || version < FIRST_VERSION || version > LAST_VERSION) {
      throw new SealError(`environment ${environmentId}: data key version ${version} is out of range`, {
        environmentId,
        keyVersion: version,
      });
    }
    dataKeys.set(version, key);
    if (!current || version > current.version) current = key;
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

  function unwrapped({ purpose, version, masterKeyId, wrapped }: StoredKey): UnwrappedKey | undefined {
    const same = (key: StoredKey) =>
      key.purpose === purpose && key.version === version && key.masterKeyId === masterKeyId;
    const found = opened.find((key) => same(key) && Buffer.compare(key.wrapped, wrapped) === 0);
    return found?.key;
  }

  const id = keysId(digest, current.id);
  return { current, sealAlgorithm, digest, id, data, unwrapped };
}

export interface KeyCacheOptions {
  readonly provider: KeyProvider;
  readonly load: (environmentId: string) => Promise<readonly StoredKey[]>;
  /** The number of environments whose keys are kept in memory. */
  readonly max: number;
  /** Milliseconds after which cached keys are read again from storage. */
  readonly maxAgeMs?: number;
  readonly sealAlgorithm?: SealAlgorithm;
}

/** How long cached keys are used. No write relies on it: each confirms in its own statement that its keys are the current ones. */
export const KEYS_MAX_AGE_MS = 60_000;

export interface KeyCache {
  /** What new values are sealed with. */
  readonly sealAlgorithm: SealAlgorithm;
  /** Returns the keys themselves when they are cached, so that the hot path has no promise to await; else a promise. */
  keysOf(environmentId: string): EnvironmentKeys | Promise<EnvironmentKeys>;
  /** Loads the keys in a read that begins after this call. Until it has ended, the cached keys remain in use. */
  reload(environmentId: string): Promise<EnvironmentKeys>;
  /** How many environments' keys are in memory, how often they were found there, and how often they were loaded. */
  usage(): { environments: number; hits: number; loads: number };
  /** Removes an environment's keys from the cache; a load that is in progress does not put them back. */
  forget(environmentId: string): void;
}

interface CacheEntry {
  readonly keys: EnvironmentKeys;
  /** When their load began, by `performance.now`. */
  readonly since: number;
}

interface Load {
  readonly keys: Promise<EnvironmentKeys>;
  /** The load that begins when this one ends; all callers of `reload` in the meantime share it. */
  next?: Promise<EnvironmentKeys>;
}

/**
 * A bounded cache of unwrapped keys. Failures are not cached; concurrent callers for one environment share one load.
 */
export function createKeyCache(options: KeyCacheOptions): KeyCache {
  const { provider, load, max, maxAgeMs = KEYS_MAX_AGE_MS, sealAlgorithm = DEFAULT_SEAL_ALGORITHM } = options;
  const cached = new LRUCache<string, CacheEntry>({ max });
  const loads = new Map<string, Load>();
  let hits = 0;
  let loaded = 0;

  function begin(environmentId: string): Promise<EnvironmentKeys> {
    loaded += 1;
    // `run` starts in a microtask, so that `entry` is defined and registered even when `load` throws at once.
    const entry: Load = { keys: Promise.resolve().then(run) };
    loads.set(environmentId, entry);
    return entry.keys;

    async function run(): Promise<EnvironmentKeys> {
      try {
        const since = performance.now();
        const earlier = cached.peek(environmentId)?.keys;
        const stored = await load(environmentId);
        const keys = await openEnvironmentKeys(provider, environmentId, stored, earlier, sealAlgorithm);
        // Only the newest load may fill the cache: an older one, or one from before `forget`, could put outdated keys
        // back into it.
        if (loads.get(environmentId) === entry) cached.set(environmentId, { keys, since });
        return keys;
      } finally {
        if (loads.get(environmentId) === entry) loads.delete(environmentId);
      }
    }
  }

  function keysOf(environmentId: string): EnvironmentKeys | Promise<EnvironmentKeys> {
    const found = cached.get(environmentId);
    if (found && performance.now() - found.since < maxAgeMs) {
      hits += 1;
      return found.keys;
    }
    return loads.get(environmentId)?.keys ?? begin(environmentId);
  }

  function reload(environmentId: string): Promise<EnvironmentKeys> {
    const running = loads.get(environmentId);
    if (!running) return begin(environmentId);
    // The running load may have read the keys before the change that the caller knows of, so another load is needed.
    const again = () => begin(environmentId);
    running.next ??= running.keys.then(again, again);
    return running.next;
  }

  function forget(environmentId: string): void {
    cached.delete(environmentId);
    loads.delete(environmentId);
  }

  const usage = () => ({ environments: cached.size, hits, loads: loaded });

  return { sealAlgorithm, keysOf, reload, usage, forget };
}

function keyFrom(bytes: Uint8Array, { purpose, version }: StoredKey, context: string): UnwrappedKey {
  try {
    if (bytes.length !== KEY_BYTES) throw new SealError(`key of "${context}": it is not ${KEY_BYTES} bytes long`, {});
    return purpose === 'data' ? new DataKey(version, bytes) : createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}
