// Seals facts of environments for an operator who vouches for them.
import { SealError } from '../../crypto/sealing.js';
import {
  findEnvironmentFacts,
  findUnsealedEnvironmentIds,
  lockEnvironmentFacts,
} from '../../store/tenancy/environment-facts.js';
import type { Services } from '../request/services.js';
import { sealFacts } from './environment-facts.js';

const ENVIRONMENTS_PER_PAGE = 100;

export interface FactsSealing {
  sealed: number;
  /** Environments whose keys do not open, one line each. */
  failures: string[];
}

/** Seals the facts of all environments, deleted or not, that have no seal yet. It can be interrupted and repeated. */
export async function sealAllFacts(services: Services, signal?: AbortSignal): Promise<FactsSealing> {
  const sealing: FactsSealing = { sealed: 0, failures: [] };
  for (let after: string | null = null; ; ) {
    const ids = await findUnsealedEnvironmentIds(services.db, { after, limit: ENVIRONMENTS_PER_PAGE });
    for (const id of ids) {
      signal?.throwIfAborted();
      try {
        if (await sealFactsOf(services, id, { onlyUnsealed: true })) sealing.sealed += 1;
      } catch (error) {
        if (!(error instanceof SealError)) throw error;
        sealing.failures.push(`environment ${id}: ${error.message}`);
      }
    }
    after = ids.at(-1) ?? null;
    if (ids.length < ENVIRONMENTS_PER_PAGE) return sealing;
  }
}

/** Seals the facts of one environment as they are, even if their seal is wrong; returns false if there is none. */
export async function sealFactsOf(
  { db, keys }: Services,
  environmentId: string,
  { onlyUnsealed = false }: { onlyUnsealed?: boolean } = {},
): Promise<boolean> {
  if ((await findEnvironmentFacts(db, [environmentId])).length === 0) return false;
  const { digest } = await keys.keysOf(environmentId);
  return db.transaction(async (tx) => {
    const [facts] = await lockEnvironmentFacts(tx, environmentId);
    if (!facts || (onlyUnsealed && facts.factsMac !== null)) return false;
    await sealFacts(tx, environmentId, digest);
    return true;
  });
}
