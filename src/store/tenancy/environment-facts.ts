// The facts about environments that readers rely on beside the log, together with their seals.
import { isNull, type SQL, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { anyOf, columns, elements, name, parameter, type RowOf, statement } from '../engine/statement.js';
import { accounts, applications, environments } from '../engine/tables.js';

const FACTS = {
  id: environments.id,
  name: environments.name,
  applicationId: environments.applicationId,
  /** The owner according to the application; it is the same as `ownerId`. */
  applicationOwnerId: applications.accountId,
  ownerId: environments.accountId,
  ownerName: accounts.name,
  deletedAt: environments.deletedAt,
  minDataKeyVersion: environments.minDataKeyVersion,
  factsVersion: environments.factsVersion,
  factsMac: environments.factsMac,
};
export type EnvironmentFactsRow = RowOf<typeof FACTS>;

const select = (where: SQL) =>
  sql`select ${columns(FACTS)} from ${environments}
    join ${applications} on ${applications.id} = ${environments.applicationId}
    join ${accounts} on ${accounts.id} = ${environments.accountId}
    where ${where} order by ${environments.id}`;
const lock = (where: SQL) => sql`${select(where)} for update of ${environments}`;

const BY_IDS = statement<{ ids: readonly string[] }>()(FACTS, select(anyOf(environments.id, 'ids')));
/** The facts of environments, deleted or not, ordered by id. */
export function findEnvironmentFacts(db: Session, ids: readonly string[]): Promise<EnvironmentFactsRow[]> {
  return db.rows(BY_IDS, { ids });
}

const LOCK_BY_ID = statement<{ id: string }>()(FACTS, lock(sql`${environments.id} = ${parameter('id')}`));
/** Locks the environment, deleted or not. */
export function lockEnvironmentFacts(tx: Session, id: string): Promise<EnvironmentFactsRow[]> {
  return tx.rows(LOCK_BY_ID, { id });
}

const ofOwner = {
  application: sql`${environments.applicationId} = ${parameter('owner')} and ${isNull(environments.deletedAt)}`,
  account: sql`${environments.accountId} = ${parameter('owner')} and ${isNull(environments.deletedAt)}`,
};
export type EnvironmentOwner = keyof typeof ofOwner;
const LOCK_OF = {
  application: statement<{ owner: string }>()(FACTS, lock(ofOwner.application)),
  account: statement<{ owner: string }>()(FACTS, lock(ofOwner.account)),
};
/** Locks all environments of an application or an account that are not deleted. */
export function lockEnvironmentFactsOf(
  tx: Session,
  kind: EnvironmentOwner,
  id: string,
): Promise<EnvironmentFactsRow[]> {
  return tx.rows(LOCK_OF[kind], { owner: id });
}

const ID = { id: environments.id };
const idsOf = (where: SQL) => sql`select ${columns(ID)} from ${environments} where ${where}`;
const IDS_OF = {
  application: statement<{ owner: string }>()(ID, idsOf(ofOwner.application)),
  account: statement<{ owner: string }>()(ID, idsOf(ofOwner.account)),
};
export async function findEnvironmentIdsOf(db: Session, kind: EnvironmentOwner, id: string): Promise<string[]> {
  return (await db.rows(IDS_OF[kind], { owner: id })).map((row) => row.id);
}

const UNSEALED = statement<{ after: string | null; limit: number }>()(
  ID,
  sql`${idsOf(isNull(environments.factsMac))}
      and (${parameter('after')}::uuid is null or ${environments.id} > ${parameter('after')}::uuid)
    order by ${environments.id} limit ${parameter('limit')}::integer`,
);
/** Environments without a seal, deleted or not, ordered by id. */
export async function findUnsealedEnvironmentIds(
  db: Session,
  page: { after: string | null; limit: number },
): Promise<string[]> {
  return (await db.rows(UNSEALED, page)).map(({ id }) => id);
}

export interface FactsSeal {
  id: string;
  mac: Uint8Array | null;
}
const SEAL = statement<{ ids: readonly string[]; macs: readonly (Uint8Array | null)[] }>()(
  ID,
  sql`update ${environments} set ${name(environments.factsVersion)} = ${environments.factsVersion} + 1, ${name(environments.factsMac)} = seal.mac
    from unnest(${elements('ids', 'uuid')}, ${elements('macs', 'bytea')}) as seal(id, mac)
    where ${environments.id} = seal.id returning ${columns(ID)}`,
);
/** Counts a change of the facts, and stores the seals of what they are now. The caller must hold the locks. */
export async function updateFactsSeals(tx: Session, seals: readonly FactsSeal[]): Promise<void> {
  await tx.rows(SEAL, { ids: seals.map(({ id }) => id), macs: seals.map(({ mac }) => mac) });
}
