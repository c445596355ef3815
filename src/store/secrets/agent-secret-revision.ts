// Reads the log: the history of a secret, the changes of an environment in order, and single revisions of a secret.
import { sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { columns, computed, elements, optional, parameter, type RowOf, statement } from '../engine/statement.js';
import { agentSecrets, environmentShares, environments, agentSecretRevisions as log } from '../engine/tables.js';

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
export type AgentSecretRevisionRow = RowOf<typeof REVISION>;

const revisions = sql`select ${columns(REVISION)} from ${log} join ${agentSecrets} on ${agentSecrets.id} = ${log.agentSecretId}`;

const OF_SECRET = statement<{ agentSecretId: string; before: bigint; limit: number }>()(
  REVISION,
  sql`${revisions} where ${log.agentSecretId} = ${parameter('agentSecretId')} and ${log.revision} < ${parameter('before')}::bigint
    order by ${log.revision} desc limit ${parameter('limit')}::integer`,
);

/** A secret's history before a revision, newest first. */
export function findAgentSecretRevisions(
  db: Session,
  page: { agentSecretId: string; before: bigint; limit: number },
): Promise<AgentSecretRevisionRow[]> {
  return db.rows(OF_SECRET, page);
}

const OF_ENVIRONMENT = statement<{ environmentId: string; after: bigint; limit: number }>()(
  REVISION,
  sql`${revisions} where ${log.environmentId} = ${parameter('environmentId')} and ${log.environmentRevision} > ${parameter('after')}::bigint
    order by ${log.environmentRevision} limit ${parameter('limit')}::integer`,
);

/** An environment's changes after a revision, in order. */
export function findChanges(
  db: Session,
  page: { environmentId: string; after: bigint; limit: number },
): Promise<AgentSecretRevisionRow[]> {
  return db.rows(OF_ENVIRONMENT, page);
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

const POINT = { setPosition: log.setPosition, setSize: log.setSize, at: log.at };
const AT_POINT = statement<{ environmentId: string; environmentRevision: bigint }>()(
  POINT,
  sql`select ${columns(POINT)} from ${log}
    where ${log.environmentId} = ${parameter('environmentId')} and ${log.environmentRevision} = ${parameter('environmentRevision')}::bigint`,
);

/** When an environment reached a revision, and the position of that revision in its change set. */
export function findLogPoint(
  db: Session,
  environmentId: string,
  environmentRevision: bigint,
): Promise<RowOf<typeof POINT> | undefined> {
  return db.row(AT_POINT, { environmentId, environmentRevision });
}

const SEALED = {
  agentSecretId: log.agentSecretId,
  environmentId: log.environmentId,
  revision: log.revision,
  sealedValue: log.sealedValue,
};
const SEALED_AT = statement<{ ids: readonly string[]; revisions: readonly bigint[] }>()(
  SEALED,
  sql`select ${columns(SEALED)} from unnest(${elements('ids', 'uuid')}, ${elements('revisions', 'bigint')}) as wanted(id, revision)
    join ${log} on ${log.agentSecretId} = wanted.id and ${log.revision} = wanted.revision`,
);

/**
 * The stored values of several revisions that set one, in no particular order; `sealedValue` is null where the value
 * was destroyed.
 */
export function findSealedValues(
  db: Session,
  places: readonly { id: string; revision: bigint }[],
): Promise<RowOf<typeof SEALED>[]> {
  return db.rows(SEALED_AT, { ids: places.map(({ id }) => id), revisions: places.map(({ revision }) => revision) });
}
