// Reads the log: the history of a secret, the changes of an environment in order, and single revisions of a secret.
import { type SQL, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import {
  bulk,
  columns,
  computed,
  elements,
  optional,
  parameter,
  type RowOf,
  type Shape,
  statement,
} from '../engine/statement.js';
import { agentSecrets, environmentShares, environments, agentSecretRevisions as log } from '../engine/tables.js';
import { INLINE_TYPE } from './inline-values.js';

// A sub-select of one value, which is looked up by index. For an `exists` the planner may read the whole log of all
// environments.
const isDestroyed = sql`(${log.valueRevision} is not null and coalesce((
    select v.sealed_value is null from ${log} v
    where v.agent_secret_id = ${log.agentSecretId} and v.revision = ${log.valueRevision}), true))`;

/** A log row, with the columns of its secret that never change. Values are read separately, when they are requested. */
const REVISION = {
  environmentId: log.environmentId,
  environmentRevision: log.environmentRevision,
  agentSecretId: log.agentSecretId,
  revision: log.revision,
  change: log.change,
  valueRevision: log.valueRevision,
  isDestroyed: computed(isDestroyed, Boolean),
  destroyedRevision: log.destroyedRevision,
  deletedAt: log.deletedAt,
  setPosition: log.setPosition,
  setSize: log.setSize,
  at: log.at,
  accountId: log.accountId,
  path: agentSecrets.path,
  secretType: agentSecrets.secretType,
  createdAt: agentSecrets.createdAt,
  createdBy: agentSecrets.createdBy,
};
export type AgentSecretRevisionRow = Omit<RowOf<typeof REVISION>, 'secretType'> & {
  /** Null where it was left out for its size. */
  secretType: string | null;
};

const LISTED = { ...REVISION, secretType: INLINE_TYPE };

/** A page of the log in this order, each row with the bytes of the types up to it. */
function page(where: SQL, order: SQL, shape: Shape = LISTED): SQL {
  const rows = sql`(select * from ${log} where ${where} order by ${order} limit ${parameter('limit')}::integer) as ${sql.identifier('agent_secret_revisions')}`;
  const runningBytes = sql`sum(octet_length(${agentSecrets.secretType})) over (order by ${order} rows unbounded preceding)`;
  return sql`select ${columns(shape)} from (select ${log}.*, ${runningBytes} as running_bytes from ${rows}
      join ${agentSecrets} on ${agentSecrets.id} = ${log.agentSecretId}) as ${sql.identifier('agent_secret_revisions')}
    join ${agentSecrets} on ${agentSecrets.id} = ${log.agentSecretId} order by ${order}`;
}

const OF_SECRET = bulk(
  statement<{ agentSecretId: string; before: bigint; limit: number }>()(
    LISTED,
    page(
      sql`${log.agentSecretId} = ${parameter('agentSecretId')} and ${log.revision} < ${parameter('before')}::bigint`,
      sql`${log.revision} desc`,
    ),
  ),
);

/** A secret's history before a revision, newest first. */
export function findAgentSecretRevisions(
  db: Session,
  page: { agentSecretId: string; before: bigint; limit: number },
): Promise<AgentSecretRevisionRow[]> {
  return db.rows(OF_SECRET, page);
}

const behind = sql`${log.environmentId} = ${parameter('environmentId')} and ${log.environmentRevision} > ${parameter('after')}::bigint`;
const OF_ENVIRONMENT = statement<{ environmentId: string; after: bigint; limit: number }>()(
  LISTED,
  page(behind, sql`${log.environmentRevision}`),
);

/** An environment's changes after a revision, in order. */
export function findChanges(
  db: Session,
  page: { environmentId: string; after: bigint; limit: number },
): Promise<AgentSecretRevisionRow[]> {
  return db.rows(OF_ENVIRONMENT, page);
}

const CHAINED = {
  ...LISTED,
  hash: log.hash,
  /** The hash of the row that the page begins behind: of the same snapshot, so the page continues it. */
  hashBefore: computed(
    sql`(select before.hash from ${log} before where before.environment_id = ${parameter('environmentId')}
      and before.environment_revision = ${parameter('after')}::bigint)`,
    (hash) => hash as Uint8Array | null,
  ),
};
const CHAINED_OF_ENVIRONMENT = statement<{ environmentId: string; after: bigint; limit: number }>()(
  CHAINED,
  page(behind, sql`${log.environmentRevision}`, CHAINED),
);
export type ChainedRevisionRow = AgentSecretRevisionRow & Pick<RowOf<typeof CHAINED>, 'hash' | 'hashBefore'>;

/** Does the same, with the hashes of the log: the rows' own, and the one of the row before them. */
export function findChainedChanges(
  db: Session,
  page: { environmentId: string; after: bigint; limit: number },
): Promise<ChainedRevisionRow[]> {
  return db.rows(CHAINED_OF_ENVIRONMENT, page);
}

const WITH_ACCESS = { ...REVISION, ownerId: environments.accountId, shareRoles: optional(environmentShares.roles) };
const AT_REVISION = statement<{ agentSecretId: string; revision: bigint; accountId: string }>()(
  WITH_ACCESS,
  sql`select ${columns(WITH_ACCESS)} from ${log}
    join ${agentSecrets} on ${agentSecrets.id} = ${log.agentSecretId}
    join ${environments} on ${environments.id} = ${log.environmentId} and ${environments.deletedAt} is null
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${parameter('accountId')}
    where ${log.agentSecretId} = ${parameter('agentSecretId')} and ${log.revision} = ${parameter('revision')}::bigint`,
);

/** One revision of a secret, deleted or not, with the owner and roles that decide whether `accountId` may see it. */
export function findAgentSecretRevision(
  db: Session,
  agentSecretId: string,
  revision: bigint,
  accountId: string,
): Promise<RowOf<typeof WITH_ACCESS> | undefined> {
  return db.row(AT_REVISION, { agentSecretId, revision, accountId });
}

/** Without the type, which is read on demand. */
const PLACED = { ...WITH_ACCESS, secretType: computed(sql`null::text`, (type) => type as string | null) };
const AT_REVISIONS = bulk(
  statement<{ ids: readonly string[]; revisions: readonly bigint[]; accountId: string }>()(
    PLACED,
    sql`select ${columns(PLACED)}
    from unnest(${elements('ids', 'uuid')}, ${elements('revisions', 'bigint')}) as wanted(id, revision)
    join ${log} on ${log.agentSecretId} = wanted.id and ${log.revision} = wanted.revision
    join ${agentSecrets} on ${agentSecrets.id} = wanted.id
    join ${environments} on ${environments.id} = ${log.environmentId} and ${environments.deletedAt} is null
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${parameter('accountId')}`,
  ),
);

/** Several revisions, of one secret or of many, in no particular order. Their types are left out. */
export function findAgentSecretRevisionsAt(
  db: Session,
  places: readonly { id: string; revision: bigint }[],
  accountId: string,
): Promise<RowOf<typeof PLACED>[]> {
  const ids = places.map(({ id }) => id);
  return db.rows(AT_REVISIONS, { ids, revisions: places.map(({ revision }) => revision), accountId });
}

const POINT = { setPosition: log.setPosition, setSize: log.setSize, at: log.at, hash: log.hash };
const AT_POINT = statement<{ environmentId: string; environmentRevision: bigint }>()(
  POINT,
  sql`select ${columns(POINT)} from ${log}
    where ${log.environmentId} = ${parameter('environmentId')} and ${log.environmentRevision} = ${parameter('environmentRevision')}::bigint`,
);

/** When an environment reached a revision, the position of that revision in its change set, and the log's hash up to it. */
export function findLogPoint(
  db: Session,
  environmentId: string,
  environmentRevision: bigint,
): Promise<RowOf<typeof POINT> | undefined> {
  return db.row(AT_POINT, { environmentId, environmentRevision });
}

/** Bytes of types and sealed values that one statement reads; the first ones are read whatever their size. */
export const MAX_SEALED_BYTES_READ = 1024 * 1024;

const previousBytes = sql`coalesce(sum(octet_length(${agentSecrets.secretType}) + coalesce(octet_length(${log.sealedValue}), 0)) over (
    order by wanted.place rows between unbounded preceding and 1 preceding), 0)`;
const isLeftOut = sql`previous_bytes >= ${sql.raw(String(MAX_SEALED_BYTES_READ))}`;
const SEALED = {
  agentSecretId: computed(sql`agent_secret_id`, String),
  environmentId: computed(sql`environment_id`, String),
  revision: computed(sql`revision`, (value) => BigInt(value as string)),
  secretType: computed(sql`case when not ${isLeftOut} then secret_type end`, (type) => type as string | null),
  sealedValue: computed(sql`case when not ${isLeftOut} then sealed_value end`, (value) => value as Uint8Array | null),
  isLeftOut: computed(isLeftOut, Boolean),
};
export type SealedValueRow = RowOf<typeof SEALED>;
const SEALED_AT = bulk(
  statement<{ ids: readonly string[]; revisions: readonly bigint[] }>()(
    SEALED,
    sql`select ${columns(SEALED)} from (
    select ${log.agentSecretId}, ${log.environmentId}, ${log.revision}, ${log.sealedValue}, ${agentSecrets.secretType},
      wanted.place, ${previousBytes} as previous_bytes
    from unnest(${elements('ids', 'uuid')}, ${elements('revisions', 'bigint')}) with ordinality as wanted(id, revision, place)
    join ${log} on ${log.agentSecretId} = wanted.id and ${log.revision} = wanted.revision
    join ${agentSecrets} on ${agentSecrets.id} = wanted.id
  ) as found order by place`,
  ),
);

/**
 * The stored values of several revisions that set one, in the order of the places; `sealedValue` is null where it was
 * destroyed. Those that would make the statement read too much are left out: read them with another call.
 */
export function findSealedValues(
  db: Session,
  places: readonly { id: string; revision: bigint }[],
): Promise<SealedValueRow[]> {
  return db.rows(SEALED_AT, { ids: places.map(({ id }) => id), revisions: places.map(({ revision }) => revision) });
}

const TYPE = {
  id: computed(sql`id`, String),
  secretType: computed(
    sql`case when previous_bytes < ${sql.raw(String(MAX_SEALED_BYTES_READ))} then secret_type end`,
    (type) => type as string | null,
  ),
};
const TYPES = bulk(
  statement<{ ids: readonly string[] }>()(
    TYPE,
    sql`select ${columns(TYPE)} from (
    select ${agentSecrets.id}, ${agentSecrets.secretType}, wanted.place, coalesce(sum(octet_length(${agentSecrets.secretType})) over (
      order by wanted.place rows between unbounded preceding and 1 preceding), 0) as previous_bytes
    from unnest(${elements('ids', 'uuid')}) with ordinality as wanted(id, place)
    join ${agentSecrets} on ${agentSecrets.id} = wanted.id
  ) as found`,
  ),
);

/** The types of several secrets; null for those that would make the statement read too much: read them with another call. */
export function findSecretTypes(db: Session, ids: readonly string[]): Promise<RowOf<typeof TYPE>[]> {
  return db.rows(TYPES, { ids });
}
