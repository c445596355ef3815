// Which keys new values are sealed under: those that the database has now, which may be others than the instance has in its
// cache. Versions do not tell: a database that has gone back may have another key of the same version.
import { type EnvironmentKeys, openEnvironmentKeys, type StoredKey } from '../../crypto/environment-keys.js';
import { SealError } from '../../crypto/sealing.js';
import { environmentKeyUnreadable } from '../../errors/refusals.js';
import {
  type CurrentKeysRow,
  findCurrentKeys,
  lockCurrentKeys,
  updateCurrentKeys,
} from '../../store/keys/current-keys.js';
import { findEnvironmentKeys } from '../../store/keys/environment-key.js';
import type { Services } from '../request/services.js';
import { orUndefined } from './environment-facts.js';

/** Whether new values may be sealed under these keys, according to the environment's row. */
export function areCurrent({ current, id }: EnvironmentKeys, row: CurrentKeysRow): boolean {
  return current.version >= row.minDataKeyVersion && row.keysId !== null && Buffer.compare(row.keysId, id) === 0;
}

/**
 * The environment's keys for a write; a promise unless they are in memory. Fails with ENVIRONMENT_KEY_UNREADABLE when they
 * do not open.
 */
export function writingKeys(
  { keys: cache }: Services,
  environmentId: string,
): EnvironmentKeys | Promise<EnvironmentKeys> {
  const keys = cache.keysOf(environmentId);
  return keys instanceof Promise ? keys.catch((error) => refuseWrite(environmentId, error)) : keys;
}

function refuseWrite(environmentId: string, error: unknown): never {
  throw error instanceof SealError ? environmentKeyUnreadable(environmentId, error) : error;
}

/** For a write that wrote nothing: the keys to repeat it with, or undefined when it was not for its keys. */
export async function otherKeysThan(
  used: EnvironmentKeys,
  services: Services,
  environmentId: string,
): Promise<EnvironmentKeys | undefined> {
  const row = await findCurrentKeys(services.db, environmentId);
  return !row || areCurrent(used, row) ? undefined : loadCurrentKeys(services, environmentId);
}

/**
 * Loads the environment's keys, and sees to it that its row names them. It may name none, or old ones: earlier versions of
 * this service did not name keys. Fails with ENVIRONMENT_KEY_UNREADABLE when they do not open.
 */
export async function loadCurrentKeys({ db, keys: cache }: Services, environmentId: string): Promise<EnvironmentKeys> {
  const keys = await cache.reload(environmentId).catch((error) => refuseWrite(environmentId, error));
  const found = await findCurrentKeys(db, environmentId);
  if (!found || areCurrent(keys, found)) return keys;
  await db.transaction(async (tx) => {
    const row = await lockCurrentKeys(tx, environmentId);
    if (!row || areCurrent(keys, row)) return;
    // They may have changed again since they were loaded: then the caller's write is refused once more.
    const stored = await findEnvironmentKeys(tx, environmentId);
    const newest = stored.filter(({ purpose }) => purpose === 'data').at(-1);
    const digest = stored.find(({ purpose }) => purpose === 'digest');
    const isThere =
      newest && digest && keys.unwrapped(newest) === keys.current && keys.unwrapped(digest) === keys.digest;
    if (isThere) await updateCurrentKeys(tx, environmentId, keys.id);
  });
  return keys;
}

/** The name of the environment's keys once it has this data key, too; null where they do not open. */
export async function nameOfKeysWith(
  { db, keyProvider, keys }: Services,
  environmentId: string,
  dataKey: StoredKey,
): Promise<Uint8Array | null> {
  const opened = await orUndefined(async () => {
    const stored = await findEnvironmentKeys(db, environmentId);
    return openEnvironmentKeys(keyProvider, environmentId, [...stored, dataKey], await keys.keysOf(environmentId));
  });
  return opened?.id ?? null;
}
