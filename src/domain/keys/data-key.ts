// Rotating data keys: a new version per environment, its values sealed anew in the background, old versions removed.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EnvironmentKeys, newStoredKey } from '../../crypto/environment-keys.js';
import { openValue, SealError, sealedKeyVersion, sealValue } from '../../crypto/sealing.js';
import {
  countValuesByDataKey,
  type DataKeyRow,
  findNewestDataKeys,
  findUnusedDataKeys,
  findValuesOfOlderDataKeys,
  insertDataKey,
  type NewestDataKeyRow,
  removeUnusedDataKey,
  resealValue,
  type SealedValueRow,
} from '../../store/keys/data-key.js';
import type { Services } from '../request/services.js';

/** Values read at once; each is written by itself. */
const VALUES_PER_BATCH = 100;
const ENVIRONMENTS_PER_PAGE = 100;
/** Rounds in which every value left was in a writer's hands, before they are left to the next rotation. */
const MAX_IDLE_ROUNDS = 5;
const IDLE_PAUSE_MS = 100;

export interface DataKeyProgress {
  environmentId: string;
  version: number;
  done: number;
  total: number;
}

export interface DataKeyRotationInput {
  /** Default: all, deleted ones too, whose logs are still there. */
  environmentId?: string | undefined;
  /** Gives a new key only to environments whose newest is older: so a rotation of all can be taken up where it stopped. */
  madeBefore?: Date | undefined;
  /** Between batches; what is done stays done. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: DataKeyProgress) => void) | undefined;
}

export interface DataKeyRotation {
  environments: number;
  newKeys: number;
  resealed: number;
  /** Values still under older keys: in a writer's hands just then, written meanwhile, or failures. */
  left: number;
  /** Values that do not open, and so stay as they are; one line each, without any part of them. */
  failures: string[];
}

/**
 * Gives each environment a new data key and seals its values anew, oldest first. An environment that still has values
 * under older keys gets no other key: its rotation is continued. Several at once share the work.
 */
export async function rotateDataKeys(services: Services, input: DataKeyRotationInput = {}): Promise<DataKeyRotation> {
  const rotation: DataKeyRotation = { environments: 0, newKeys: 0, resealed: 0, left: 0, failures: [] };
  for await (const newest of newestDataKeys(services, input.environmentId)) {
    input.signal?.throwIfAborted();
    rotation.environments += 1;
    const { environmentId } = newest;
    const isDue = input.madeBefore === undefined || newest.createdAt < input.madeBefore;
    let { version } = newest;
    let total = await countOlder(services, environmentId, version);
    if (total === 0 && isDue) {
      version += 1;
      if (await addDataKey(services, environmentId, version)) rotation.newKeys += 1;
      total = await countOlder(services, environmentId, version);
      input.onProgress?.({ environmentId, version, done: 0, total });
    }
    if (total === 0) continue;
    const { resealed, failures } = await resealEnvironment(services, environmentId, total, input);
    rotation.resealed += resealed;
    rotation.failures.push(...failures);
    rotation.left += await countOlder(services, environmentId, version);
  }
  return rotation;
}

async function* newestDataKeys({ db }: Services, environmentId: string | undefined): AsyncGenerator<NewestDataKeyRow> {
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

async function addDataKey({ db, keyProvider }: Services, environmentId: string, version: number): Promise<boolean> {
  // Wrapping may go over the network: before the statement, which holds the environment's lock.
  const key = await newStoredKey(keyProvider, environmentId, 'data', version);
  return insertDataKey(db, { ...key, environmentId });
}

async function resealEnvironment(
  services: Services,
  environmentId: string,
  total: number,
  { signal, onProgress }: DataKeyRotationInput,
): Promise<{ resealed: number; failures: string[] }> {
  const { db } = services;
  const keys = await services.keys.reload(environmentId);
  const { version } = keys.current;
  let resealed = 0;
  for (let idleRounds = 0; ; ) {
    const failures: string[] = [];
    let busyValues = 0;
    let hasProgressed = false;
    for (let after = 0n; ; ) {
      signal?.throwIfAborted();
      const values = await findValuesOfOlderDataKeys(db, { environmentId, version, after, limit: VALUES_PER_BATCH });
      const last = values.at(-1);
      if (!last) break;
      after = last.environmentRevision;
      for (const value of values) {
        const sealedValue = reseal(keys, environmentId, value);
        if (typeof sealedValue === 'string') failures.push(sealedValue);
        else if (await resealValue(db, { ...value, environmentId, before: sha256(value.sealedValue), sealedValue })) {
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
}

/** The value under the current key; or, as text, why it does not open. */
function reseal(keys: EnvironmentKeys, environmentId: string, value: SealedValueRow): Uint8Array | string {
  const { agentSecretId, revision, sealedValue } = value;
  const binding = { environmentId, agentSecretId, revision };
  try {
    return sealValue(keys.current, binding, openValue(keys.data(sealedKeyVersion(sealedValue)), binding, sealedValue));
  } catch (error) {
    if (error instanceof SealError) return `revision ${revision} of agent secret ${agentSecretId}: ${error.message}`;
    throw error;
  }
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/** Longer than a read takes from its row to its key: it may have read the bytes from before they were sealed anew. */
const MAX_READ_MS = 15_000;

export interface DataKeyRetirementInput {
  readWithinMs?: number | undefined;
  /** Unused keys were found; they are removed after this many milliseconds. */
  onWait?: ((keys: number, ms: number) => void) | undefined;
}

/** Removes data keys that nothing uses: no value, current or former, and no write that is still to come. */
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
