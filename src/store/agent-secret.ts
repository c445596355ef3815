// Reads of current secrets by id, with what decides who may see them. Lists are agent-secret-list.ts.
import { isNull, type SQL, sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { anyOf, columns, elements, optional, parameter, type RowOf, type Shape, statement } from './statement.js';
import { accounts, agentSecrets, environmentShares, environments, plans } from './tables.js';

export const SECRET = {
  id: agentSecrets.id,
  environmentId: agentSecrets.environmentId,
  path: agentSecrets.path,
  secretType: agentSecrets.secretType,
  revision: agentSecrets.revision,
  sealedValue: agentSecrets.sealedValue,
  valueRevision: agentSecrets.valueRevision,
  createdAt: agentSecrets.createdAt,
  createdBy: agentSecrets.createdBy,
  updatedAt: agentSecrets.updatedAt,
  updatedBy: agentSecrets.updatedBy,
};

const SECRET_WITH_ACCESS = {
  ...SECRET,
  ownerId: environments.accountId,
  shareRoles: optional(environmentShares.roles),
};
export type AgentSecretWithAccessRow = RowOf<typeof SECRET_WITH_ACCESS>;

const live = isNull(agentSecrets.deletedAt);

/** At or below one of the paths in the parameter `pathsWithin`. */
export const isWithin = sql`exists (select 1 from unnest(${elements('pathsWithin', 'text')}) as given(path)
    where ${agentSecrets.path} = given.path or starts_with(${agentSecrets.path}, given.path || '.'))`;

/** Secrets of live environments, with what the parameter `accountId` may do there. */
const withAccess = (shape: Shape, where: SQL, joins: SQL = sql``) => sql`select ${columns(shape)}
    from ${agentSecrets}
    join ${environments} on ${environments.id} = ${agentSecrets.environmentId} and ${environments.deletedAt} is null
    ${joins}
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${parameter('accountId')}
    where ${where}`;

const BY_ID = statement<{ id: string; accountId: string }>()(
  SECRET_WITH_ACCESS,
  withAccess(SECRET_WITH_ACCESS, sql`${agentSecrets.id} = ${parameter('id')} and ${live}`),
);

/** The secret and, in the same read, what decides whether `accountId` may see it. */
export function findAgentSecret(
  db: Session,
  id: string,
  accountId: string,
): Promise<AgentSecretWithAccessRow | undefined> {
  return db.row(BY_ID, { id, accountId });
}

const BY_IDS = statement<{ ids: readonly string[]; accountId: string }>()(
  SECRET_WITH_ACCESS,
  withAccess(SECRET_WITH_ACCESS, sql`${anyOf(agentSecrets.id, 'ids')} and ${live}`),
);

/** Several at once, in no order. */
export function findAgentSecretsById(
  db: Session,
  ids: readonly string[],
  accountId: string,
): Promise<AgentSecretWithAccessRow[]> {
  return db.rows(BY_IDS, { ids, accountId });
}

const FOR_WRITE_SHAPE = {
  ...SECRET_WITH_ACCESS,
  deletedAt: agentSecrets.deletedAt,
  maxValueBytes: plans.maxValueBytes,
};
const FOR_WRITE = statement<{ id: string; accountId: string }>()(
  FOR_WRITE_SHAPE,
  withAccess(
    FOR_WRITE_SHAPE,
    sql`${agentSecrets.id} = ${parameter('id')}`,
    sql`join ${accounts} on ${accounts.id} = ${environments.accountId} join ${plans} on ${plans.id} = ${accounts.planId}`,
  ),
);

/** The same for a write, deleted or not, with the plan's limit on the size of a value. */
export function findAgentSecretForWrite(
  db: Session,
  id: string,
  accountId: string,
): Promise<RowOf<typeof FOR_WRITE_SHAPE> | undefined> {
  return db.row(FOR_WRITE, { id, accountId });
}
