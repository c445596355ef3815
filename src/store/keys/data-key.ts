// The data keys of environments and the values that are sealed under them, for the rotation of data keys.
//
// A sealed value is stored on the log row that set it and, while it is the current value, also on its secret: the same
// bytes. Both are replaced in one statement, which never waits for a lock: rows that a writer has locked are skipped
// and left for the next round. So it cannot be part of a deadlock, and a writer waits for at most one such statement.
import { type Column, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { columns, computed, name, parameter, type RowOf, statement } from '../engine/statement.js';
import { agentSecretRevisions, agentSecrets, environmentKeys, environments } from '../engine/tables.js';

const NEWEST = {
  environmentId: environmentKeys.environmentId,
  version: computed(sql`max(${environmentKeys.version})`, Number),
  createdAt: computed(sql`max(${environmentKeys.createdAt})`, (value) => value as Date),
  versions: computed(sql`count(*)`, Number),
};
const NEWEST_DATA_KEYS = statement<{ environmentId: string | null; after: string | null; limit: number }>()(
  NEWEST,
  sql`select ${columns(NEWEST)} from ${environmentKeys}
    where ${environmentKeys.purpose} = 'data'
      and (${parameter('environmentId')}::uuid is null or ${environmentKeys.environmentId} = ${parameter('environmentId')}::uuid)
      and (${parameter('after')}::uuid is null or ${environmentKeys.environmentId} > ${parameter('after')}::uuid)
    group by ${environmentKeys.environmentId} order by ${environmentKeys.environmentId} limit ${parameter('limit')}::integer`,
);
export type NewestDataKeyRow = RowOf<typeof NEWEST>;

/**
 * The newest data key of every environment, or of a single one, ordered by environment. Deleted environments are
 * included, because their logs still exist.
 */
export function findNewestDataKeys(
  db: Session,
  page: { environmentId: string | null; after: string | null; limit: number },
): Promise<NewestDataKeyRow[]> {
  return db.rows(NEWEST_DATA_KEYS, page);
}

export interface DataKeyInsertion {
  environmentId: string;
  version: number;
  masterKeyId: string;
  wrapped: Uint8Array;
  /** Names the environment's keys once it has this one; null where they do not open. */
  keysId: Uint8Array | null;
}
const INSERT_DATA_KEY = statement<DataKeyInsertion>()(
  { version: environmentKeys.version },
  sql`with locked as materialized (
    select ${environments.id} from ${environments}
    where ${environments.id} = ${parameter('environmentId')} and ${environments.minDataKeyVersion} < ${parameter('version')}::integer
    for update
  ),
  added as (
    insert into ${environmentKeys} (${sql.join(
      [
        environmentKeys.environmentId,
        environmentKeys.purpose,
        environmentKeys.version,
        environmentKeys.masterKeyId,
        environmentKeys.wrapped,
        environmentKeys.createdAt,
      ].map(name),
      sql`, `,
    )})
    select locked.id, 'data', ${parameter('version')}::integer, ${parameter('masterKeyId')}, ${parameter('wrapped')}::bytea, now() from locked
    on conflict do nothing
    returning ${environmentKeys.environmentId}, ${environmentKeys.version}
  )
  update ${environments} set ${name(environments.minDataKeyVersion)} = added.version,
    ${name(environments.keysId)} = ${parameter('keysId')}::bytea
  from added where ${environments.id} = added.environment_id
  returning added.version as "version"`,
);

/** Returns false when the environment already has a data key of this version or a newer one. */
export async function insertDataKey(db: Session, key: DataKeyInsertion): Promise<boolean> {
  return (await db.row(INSERT_DATA_KEY, key)) !== undefined;
}

/** The data key version in a sealed value: four big-endian bytes, which sort like the number. */
export const versionIn = (sealed: Column) => sql`substring(${sealed} from 2 for 4)`;

const VALUES_BY_VERSION = {
  version: computed(sql`encode(${versionIn(agentSecretRevisions.sealedValue)}, 'hex')`, (hex) =>
    Number.parseInt(String(hex), 16),
  ),
  count: computed(sql`count(*)`, Number),
};
const COUNT_VALUES = statement<{ environmentId: string }>()(
  VALUES_BY_VERSION,
  sql`select ${columns(VALUES_BY_VERSION)} from ${agentSecretRevisions}
    where ${agentSecretRevisions.environmentId} = ${parameter('environmentId')} and ${agentSecretRevisions.sealedValue} is not null
    group by 1 order by 1`,
);

/** How many values, current and former, are sealed under each data key version of the environment. */
export function countValuesByDataKey(db: Session, environmentId: string): Promise<RowOf<typeof VALUES_BY_VERSION>[]> {
  return db.rows(COUNT_VALUES, { environmentId });
}

export interface Resealing {
  environmentId: string;
  environmentRevision: bigint;
  agentSecretId: string;
  revision: bigint;
  /** SHA-256 of the bytes to be replaced. */
  before: Uint8Array;
  sealedValue: Uint8Array;
  /** Names the keys of which the new bytes' key is the newest. */
  keysId: Uint8Array;
}

const isBefore = (sealed: Column) => sql`sha256(${sealed}) = ${parameter('before')}::bytea`;
const isOfValue = sql`${agentSecrets.id} = ${parameter('agentSecretId')}::uuid`;
// The secret is locked whichever value it has, because a write might be about to restore this one. Once locked, its row
// is the newest version.
const RESEAL = statement<Resealing>()(
  { environmentRevision: agentSecretRevisions.environmentRevision },
  sql`with secret as materialized (
    select ${agentSecrets.id}, ${agentSecrets.valueRevision}, ${agentSecrets.sealedValue} from ${agentSecrets} where ${isOfValue}
    for no key update skip locked
  ),
  holder as materialized (select id, sealed_value from secret where value_revision = ${parameter('revision')}::bigint),
  entry as materialized (
    select ${agentSecretRevisions.environmentId}, ${agentSecretRevisions.environmentRevision} from ${agentSecretRevisions}
    where ${agentSecretRevisions.environmentId} = ${parameter('environmentId')}::uuid
      and ${agentSecretRevisions.environmentRevision} = ${parameter('environmentRevision')}::bigint
      and ${isBefore(agentSecretRevisions.sealedValue)}
      and (exists (select from secret) or not exists (select from ${agentSecrets} where ${isOfValue}))
      and not exists (select from holder where sha256(sealed_value) is distinct from ${parameter('before')}::bytea)
      and exists (select from ${environments} where ${environments.id} = ${parameter('environmentId')}::uuid
        and ${environments.keysId} = ${parameter('keysId')}::bytea)
    for no key update skip locked
  ),
  resealed as (
    update ${agentSecretRevisions} set ${name(agentSecretRevisions.sealedValue)} = ${parameter('sealedValue')}::bytea
    from entry
    where ${agentSecretRevisions.environmentId} = entry.environment_id
      and ${agentSecretRevisions.environmentRevision} = entry.environment_revision
    returning ${agentSecretRevisions.environmentRevision}, ${agentSecretRevisions.sealedValue}
  ),
  kept as (
    update ${agentSecrets} set ${name(agentSecrets.sealedValue)} = resealed.sealed_value
    from holder, resealed where ${agentSecrets.id} = holder.id
  )
  select resealed.environment_revision as "environmentRevision" from resealed`,
);

/**
 * Replaces a value's bytes on its log row and, where it is the current value, on its secret. Returns false and changes
 * nothing when one of the two rows has other bytes by now, or is locked by another transaction, or when the environment
 * no longer has the key.
 */
export async function resealValue(db: Session, value: Resealing): Promise<boolean> {
  return (await db.row(RESEAL, value)) !== undefined;
}

const RETIRABLE = { environmentId: environmentKeys.environmentId, version: environmentKeys.version };
export type DataKeyRow = RowOf<typeof RETIRABLE>;

/** No value is sealed under the key, and none can be any more: writers must not go below `min_data_key_version`. */
const isUnused = sql`${environmentKeys.purpose} = 'data'
    and exists (
      select from ${environments} where ${environments.id} = ${environmentKeys.environmentId}
        and ${environments.minDataKeyVersion} > ${environmentKeys.version}
    )
    and not exists (
      select from ${agentSecretRevisions} where ${agentSecretRevisions.environmentId} = ${environmentKeys.environmentId}
        and ${versionIn(agentSecretRevisions.sealedValue)} = int4send(${environmentKeys.version})
    )
    and not exists (
      select from ${agentSecrets} where ${agentSecrets.environmentId} = ${environmentKeys.environmentId} and ${agentSecrets.deletedAt} is null
        and ${versionIn(agentSecrets.sealedValue)} = int4send(${environmentKeys.version})
    )`;

const OF_ENVIRONMENT = statement<{ environmentId: string }>()(
  RETIRABLE,
  sql`select ${columns(RETIRABLE)} from ${environmentKeys}
    where ${environmentKeys.environmentId} = ${parameter('environmentId')} and ${isUnused} order by ${environmentKeys.version}`,
);

/** The environment's data key versions that nothing uses. */
export function findUnusedDataKeys(db: Session, environmentId: string): Promise<DataKeyRow[]> {
  return db.rows(OF_ENVIRONMENT, { environmentId });
}

const LOCK = statement<{ environmentId: string }>()(
  { id: environments.id },
  sql`select ${columns({ id: environments.id })} from ${environments} where ${environments.id} = ${parameter('environmentId')} for update`,
);
const REMOVE = statement<DataKeyRow>()(
  RETIRABLE,
  sql`delete from ${environmentKeys}
    where ${environmentKeys.environmentId} = ${parameter('environmentId')} and ${environmentKeys.version} = ${parameter('version')}::integer and ${isUnused}
    returning ${columns(RETIRABLE)}`,
);

/**
 * Removes a data key if nothing uses it; returns whether it did. The check is repeated under the environment's lock, so
 * that no write can come in between.
 */
export async function removeUnusedDataKey(tx: Session, key: DataKeyRow): Promise<boolean> {
  await tx.row(LOCK, { environmentId: key.environmentId });
  return (await tx.row(REMOVE, key)) !== undefined;
}
