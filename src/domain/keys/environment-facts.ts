// Seals the facts about an environment that readers rely on beside its log: its name, application, owner and deletion, and
// the oldest data key that new values may be sealed under. The seal is a MAC under the environment's digest key, so
// whoever changes these by SQL cannot make the seal that belongs to the change.
import { hash, type KeyObject } from 'node:crypto';
import { factsMac, isSameDigest } from '../../crypto/digest.js';
import { openEnvironmentKeys } from '../../crypto/environment-keys.js';
import { SealError } from '../../crypto/sealing.js';
import type { Session } from '../../store/engine/client.js';
import { findEnvironmentKeys } from '../../store/keys/environment-key.js';
import {
  type EnvironmentFactsRow,
  findEnvironmentFacts,
  lockEnvironmentFacts,
  updateFactsSeals,
} from '../../store/tenancy/environment-facts.js';
import type { Services } from '../request/services.js';

/**
 * The facts as an unambiguous text. The name of the owner's account is one of them, because accounts are never renamed.
 * The version makes an older state differ from the present one, even if it has the same facts.
 */
function factsText(facts: EnvironmentFactsRow, version: number): string {
  const { id, name, applicationId, ownerId, ownerName, deletedAt, minDataKeyVersion } = facts;
  const deletion = deletedAt === null ? null : deletedAt.getTime();
  return JSON.stringify([id, name, applicationId, ownerId, ownerName, deletion, minDataKeyVersion, version]);
}

/** SHA-256 of the facts, for files that are kept away from the database. */
export function digestOfFacts(facts: EnvironmentFactsRow): Uint8Array {
  return hash('sha256', factsText(facts, facts.factsVersion), 'buffer');
}

/** Whether the facts are those that were sealed last. False without a seal. */
export function hasRightSeal(facts: EnvironmentFactsRow, digestKey: KeyObject): boolean {
  if (facts.factsMac === null) return false;
  return isSameDigest(factsMac(digestKey, factsText(facts, facts.factsVersion)), facts.factsMac);
}

/** The digest keys of environments, by environment id. */
export type DigestKeys = ReadonlyMap<string, KeyObject>;

/** How many environments' keys are opened at once, which may mean as many network requests. */
const KEYS_AT_ONCE = 20;

/**
 * Opens digest keys before a transaction, because that may need the network. Environments whose keys do not open are left
 * out: they can still be deleted.
 */
export async function findDigestKeys({ keys, log }: Services, ids: readonly string[]): Promise<DigestKeys> {
  const found = new Map<string, KeyObject>();
  for (let index = 0; index < ids.length; index += KEYS_AT_ONCE) {
    await Promise.all(
      ids.slice(index, index + KEYS_AT_ONCE).map(async (id) => {
        const opened = await orUndefined(async () => keys.keysOf(id));
        if (opened) found.set(id, opened.digest);
        else log.warn({ environmentId: id }, 'the keys of the environment do not open, so its facts cannot be sealed');
      }),
    );
  }
  return found;
}

/** Undefined when keys do not open. An unreachable key service is an error all the same. */
export async function orUndefined<T>(open: () => Promise<T>): Promise<T | undefined> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}

/**
 * Seals facts again that the transaction has changed; `before` is what they were when it locked them. Only a right seal
 * is carried on. Otherwise whoever has changed a name by SQL would only have to wait until the service seals the rest.
 */
export async function sealFactsAgain(
  tx: Session,
  { keyProvider, log }: Services,
  before: readonly EnvironmentFactsRow[],
  known: DigestKeys,
): Promise<void> {
  const seals = new Map(before.map(({ id, factsMac: mac }) => [id, mac]));
  const rightlySealed = new Map<string, KeyObject>();
  for (const facts of before) {
    const { id } = facts;
    if (facts.factsMac === null) continue;
    // An environment that was made after its owner's keys were opened.
    const load = async () => openEnvironmentKeys(keyProvider, id, await findEnvironmentKeys(tx, id));
    const key = known.get(id) ?? (await orUndefined(load))?.digest;
    if (key && hasRightSeal(facts, key)) rightlySealed.set(id, key);
    else log.warn({ environmentId: id }, 'the facts of the environment were not what is sealed; verify-log says more');
  }
  for (const facts of await findEnvironmentFacts(tx, [...seals.keys()])) {
    const key = rightlySealed.get(facts.id);
    if (key) seals.set(facts.id, nextMac(facts, key));
  }
  await updateFactsSeals(
    tx,
    [...seals].map(([id, mac]) => ({ id, mac })),
  );
}

/** Seals the facts as they are, whatever their seal was. For a new environment, and when an operator vouches for them. */
export async function sealFacts(tx: Session, environmentId: string, digestKey: KeyObject): Promise<void> {
  const [facts] = await lockEnvironmentFacts(tx, environmentId);
  if (facts) await updateFactsSeals(tx, [{ id: environmentId, mac: nextMac(facts, digestKey) }]);
}

function nextMac(facts: EnvironmentFactsRow, digestKey: KeyObject): Uint8Array {
  return factsMac(digestKey, factsText(facts, facts.factsVersion + 1));
}
