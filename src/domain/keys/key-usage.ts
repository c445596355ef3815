// Reports which master keys and data keys are in use, and by how many keys or values.
import { sealFormatOf } from '../../crypto/sealing.js';
import { countValuesByDataKey } from '../../store/keys/data-key.js';
import { findEnvironmentKeys } from '../../store/keys/environment-key.js';
import { countKeysByMasterKey } from '../../store/keys/master-key.js';
import { countValuesInOtherFormats } from '../../store/keys/outdated-value.js';
import type { Services } from '../request/services.js';
import { newestDataKeys } from './data-key.js';

export interface MasterKeyUsage {
  id: string;
  isCurrent: boolean;
  dataKeys: number;
  digestKeys: number;
}

/** Every master key that is available or in use. */
export async function listMasterKeyUsage({ db, keyProvider }: Services): Promise<MasterKeyUsage[]> {
  const [current, availableIds, counts] = await Promise.all([
    keyProvider.currentKeyId(),
    keyProvider.keyIds(),
    countKeysByMasterKey(db),
  ]);
  const ids = new Set([current, ...availableIds, ...counts.map(({ masterKeyId }) => masterKeyId)]);
  const count = (id: string, purpose: string) =>
    counts.find((row) => row.masterKeyId === id && row.purpose === purpose)?.count ?? 0;
  return [...ids].map((id) => ({
    id,
    isCurrent: id === current,
    dataKeys: count(id, 'data'),
    digestKeys: count(id, 'digest'),
  }));
}

export interface DataKeyUsage {
  environmentId: string;
  /** In ascending order. The last version encrypts new values. */
  versions: { version: number; values: number }[];
}

/**
 * The number of values under each data key, for environments with more than one key, and the number of environments
 * with only one.
 */
export async function listDataKeyUsage(services: Services): Promise<{ usage: DataKeyUsage[]; withOneKey: number }> {
  const usage: DataKeyUsage[] = [];
  let withOneKey = 0;
  for await (const { environmentId, versions } of newestDataKeys(services)) {
    if (versions === 1) {
      withOneKey += 1;
      continue;
    }
    const keys = await findEnvironmentKeys(services.db, environmentId);
    const counts = await countValuesByDataKey(services.db, environmentId);
    const dataKeys = keys.filter(({ purpose }) => purpose === 'data');
    usage.push({
      environmentId,
      versions: dataKeys.map(({ version }) => ({
        version,
        values: counts.find((count) => count.version === version)?.count ?? 0,
      })),
    });
  }
  return { usage, withOneKey };
}

/** How many values of all environments are sealed in another format than new values. */
export function countForeignFormats({ db, keys }: Services): Promise<number> {
  return countValuesInOtherFormats(db, sealFormatOf(keys.sealAlgorithm));
}
