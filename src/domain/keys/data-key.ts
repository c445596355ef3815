// Rotates data keys: gives each environment a new key version, re-encrypts its values in the background and removes old
// versions.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EnvironmentKeys, newStoredKey } from '../../crypto/environment-keys.js';
import { openValue, SealError, sealedKeyVersion, sealFormatOf, sealValue } from '../../crypto/sealing.js';
import {
  countValuesByDataKey,
  type DataKeyRow,
  findNewestDataKeys,
  findUnusedDataKeys,
  insertDataKey,
  type NewestDataKeyRow,
  removeUnusedDataKey,
  resealValue,
} from '../../store/keys/data-key.js';
import { countOutdatedValues, findOutdatedValues, type SealedValueRow } from '../../store/keys/outdated-value.js';
import { lockEnvironmentFacts } from '../../store/tenancy/environment-facts.js';
import type { Services } from '../request/services.js';
import { loadCurrentKeys, nameOfKeysWith } from './current-keys.js';
import { findDigestKeys, sealFactsAgain } from './environment-facts.js';

/** Values per query. Each value is written by its own statement. */
const VALUES_PER_BATCH = 100;
const ENVIRONMENTS_PER_PAGE = 100;
/**
 * Number of rounds without progress, because a writer held every remaining value, before these values are left to the
 * next rotation.
 */
const MAX_IDLE_ROUNDS = 5;
const IDLE_PAUSE_MS = 100;

export interface DataKeyProgress {
  environmentId: string;
  version: number;
  done: number;
  total: number;
}

export interface DataKeyRotationInput {
  /** Default: all environments, including deleted ones, because their logs still contain values. */
  environmentId?: string | undefined;
  /**
   * Only environments whose newest key is older than this get a new key. An interrupted rotation of all environments
   * can thus be resumed.
   */
  madeBefore?: Date | undefined;
  /** Checked between batches. Completed batches remain. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: DataKeyProgress) => void) | undefined;
}

export interface DataKeyRotation {
  environments: number;
  newKeys: number;
  resealed: number;
  /** Values that are still as they were: a writer held them, they were written meanwhile, or they failed. */
  left: number;
  /**
   * Values that cannot be decrypted, and environments whose keys cannot: they stay unchanged, one line each. No line contains any part of a value.
   */
  failures: string[];
}

/**
 * Gives each environment a new data key and re-encrypts its values, oldest first. An environment that still has values
 * under older keys gets no further key; its unfinished rotation is continued instead. Values under the newest key that
 * are in another format than new ones are re-encrypted, too. Several rotations that run at the same time share the work.
 */
export async function rotateDataKeys(services: Services, input: DataKeyRotationInput = {}): Promise<DataKeyRotation> {
  const rotation: DataKeyRotation = { environments: 0, newKeys: 0, resealed: 0, left: 0, failures: [] };
  for await (const newest of newestDataKeys(services, input.environmentId)) {
    input.signal?.throwIfAborted();
    rotation.environments += 1;
    const { environmentId } = newest;
    const failure = await unopenedKeys(services, environmentId);
    if (failure !== undefined) {
      rotation.failures.push(failure);
      continue;
    }
    const isDue = input.madeBefore === undefined || newest.createdAt < input.madeBefore;
    let { version } = newest;
    const addsKey = isDue && (await countOlder(services, environmentId, version)) === 0;
    if (addsKey) {
      version += 1;
      if (await addDataKey(services, environmentId, version)) rotation.newKeys += 1;
    }
    const total = await countOutdated(services, environmentId, version);
    if (addsKey) input.onProgress?.({ environmentId, version, done: 0, total });
    if (total === 0) continue;
    const { resealed, failures } = await resealEnvironment(services, environmentId, total, input);
    rotation.resealed += resealed;
    rotation.failures.push(...failures);
    rotation.left += await countOutdated(services, environmentId, version);
  }
  return rotation;
}

/** Why the environment's keys do not open; undefined when they do. Nothing is sealed under a key beside them. */
async function unopenedKeys({ keys }: Services, environmentId: string): Promise<string | undefined> {
  try {
    await keys.keysOf(environmentId);
    return undefined;
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    return `environment ${environmentId}: ${error.message}`;
  }
}

/** The newest data key of each environment, or of one, read page by page. */
export async function* newestDataKeys({ db }: Services, environmentId?: string): AsyncGenerator<NewestDataKeyRow> {
  let after: string | null = null;
  for (;;) {
    const page = await findNewestDataKeys(db, {
      environmentId: environmentId ?? null,
      after,
      limit: ENVIRONMENTS_PER_PAGE,
    });
    yield* page;
    const last: NewestDataKeyRow | undefined = page.at(-1);
    if (!last || page.length < ENVIRONMENTS_PER_PAGE) return;
    after = last.environmentId;
  }
}

async function countOlder({ db }: Services, environmentId: string, version: number): Promise<number> {
  const counts = await countValuesByDataKey(db, environmentId);
  return counts.reduce((sum, { count, ...key }) => (key.version < version ? sum + count : sum), 0);
}

function countOutdated({ db, keys }: Services, environmentId: string, version: number): Promise<number> {
  return countOutdatedValues(db, { environmentId, version, format: sealFormatOf(keys.sealAlgorithm) });
}

async function addDataKey(services: Services, environmentId: string, version: number): Promise<boolean> {
  // Wrapping may need a network request, so it happens before the transaction, which holds the environment's lock.
  const key = await newStoredKey(services.keyProvider, environmentId, 'data', version);
  const keysId = await nameOfKeysWith(services, environmentId, key);
  const digestKeys = await findDigestKeys(services, [environmentId]);
  return services.db.transaction(async (tx) => {
    const before = await lockEnvironmentFacts(tx, environmentId);
    const isAdded = await insertDataKey(tx, { ...key, environmentId, keysId });
    if (isAdded) await sealFactsAgain(tx, services, before, digestKeys);
    return isAdded;
  });
}

async function resealEnvironment(
  services: Services,
  environmentId: string,
  total: number,
  { signal, onProgress }: DataKeyRotationInput,
): Promise<{ resealed: number; failures: string[] }> {
  const { db } = services;
  const keys = await loadCurrentKeys(services, environmentId);
  const { version } = keys.current;
  const format = sealFormatOf(keys.sealAlgorithm);
  let resealed = 0;
  for (let idleRounds = 0; ; ) {
    const failures: string[] = [];
    let busyValues = 0;
    let hasProgressed = false;
    for (let after = 0n; ; ) {
      signal?.throwIfAborted();
      const page = { environmentId, version, format, after, limit: VALUES_PER_BATCH };
      const values = await findOutdatedValues(db, page);
      const last = values.at(-1);
      if (!last) break;
      after = last.environmentRevision;
      for (const value of values) {
        const sealedValue = reseal(keys, environmentId, value);
        if (typeof sealedValue === 'string') failures.push(sealedValue);
        else if (await replaceSealed(value, sealedValue)) {
          resealed += 1;
          hasProgressed = true;
        } else busyValues += 1;
      }
      onProgress?.({ environmentId, version, done: resealed, total });
    }
    idleRounds = hasProgressed ? 0 : idleRounds + 1;
    if (busyValues === 0 || idleRounds === MAX_IDLE_ROUNDS) return { resealed, failures };
    await sleep(IDLE_PAUSE_MS);
  }

  function replaceSealed(value: SealedValueRow, sealedValue: Uint8Array): Promise<boolean> {
    const before = sha256(value.sealedValue);
    return resealValue(db, { ...value, environmentId, before, sealedValue, keysId: keys.id });
  }
}

/** The value encrypted under the current key, or a text that says why it cannot be decrypted. */
function reseal(keys: EnvironmentKeys, environmentId: string, value: SealedValueRow): Uint8Array | string {
  const { agentSecretId, path, secretType, revision, sealedValue } = value;
  const binding = { environmentId, agentSecretId, path, secretType, revision };
  try {
    const plaintext = openValue(keys.data(sealedKeyVersion(sealedValue)), binding, sealedValue);
    return sealValue(keys.current, binding, plaintext, keys.sealAlgorithm);
  } catch (error) {
    if (error instanceof SealError) return `revision ${revision} of agent secret ${agentSecretId}: ${error.message}`;
    throw error;
  }
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/**
 * Longer than any read takes from loading a row to loading its key. Such a read may have loaded the bytes from before
 * the re-encryption and still needs the old key.
 */
const MAX_READ_MS = 15_000;

export interface DataKeyRetirementInput {
  readWithinMs?: number | undefined;
  /** Called when unused keys were found. They are removed after this many milliseconds. */
  onWait?: ((keys: number, ms: number) => void) | undefined;
}

/** Removes data keys that nothing uses: no current or former value, and no write that is still to come. */
export async function retireDataKeys(
  services: Services,
  { readWithinMs = MAX_READ_MS, onWait }: DataKeyRetirementInput = {},
): Promise<DataKeyRow[]> {
  const { db } = services;
  const unused: DataKeyRow[] = [];
  for await (const { environmentId, versions } of newestDataKeys(services, undefined)) {
    if (versions > 1) unused.push(...(await findUnusedDataKeys(db, environmentId)));
  }
  if (unused.length === 0) return [];
  onWait?.(unused.length, readWithinMs);
  await sleep(readWithinMs);
  const removed: DataKeyRow[] = [];
  for (const key of unused) {
    if (await db.transaction((tx) => removeUnusedDataKey(tx, key))) removed.push(key);
  }
  return removed;
}
