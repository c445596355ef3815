// Reports which master keys and data keys are in use, and by how many keys or values.
import { sealFormatOf } from '../../crypto/sealing.js';
import { countValuesByDataKey, findNewestDataKeys } from '../../store/keys/data-key.js';
import { findEnvironmentKeys } from '../../store/keys/environment-key.js';
import { countKeysByMasterKey } from '../../store/keys/master-key.js';
import { countValuesInOtherFormats } from '../../store/keys/outdated-value.js';
import type { Services } from '../request/services.js';

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

const ENVIRONMENTS_PER_PAGE = 100;

/**
 * The number of values under each data key, for environments with more than one key, and the number of environments
 * with only one.
 */
export async function listDataKeyUsage({ db }: Services): Promise<{ usage: DataKeyUsage[]; withOneKey: number }> {
  const usage: DataKeyUsage[] = [];
  let withOneKey = 0;
  for (let after: string | null = null; ; ) {
    const page = await findNewestDataKeys(db, { environmentId: null, after, limit: ENVIRONMENTS_PER_PAGE });
    for (const { environmentId, versions } of page) {
      if (versions === 1) {
        withOneKey += 1;
        continue;
      }
      const [keys, counts] = [
        await findEnvironmentKeys(db, environmentId),
        await countValuesByDataKey(db, environmentId),
      ];
      const dataKeys = keys.filter(({ purpose }) => purpose === 'data');
      usage.push({
        environmentId,
        versions: dataKeys.map(({ version }) => ({
          version,
          values: counts.find((count) => count.version === version)?.count ?? 0,
        })),
      });
    }
    const last = page.at(-1);
    if (!last || page.length < ENVIRONMENTS_PER_PAGE) return { usage, withOneKey };
    after = last.environmentId;
  }
}

/** How many values of all environments are sealed in another format than new values. */
export function countForeignFormats({ db, keys }: Services): Promise<number> {
  return countValuesInOtherFormats(db, sealFormatOf(keys.sealAlgorithm));
}
