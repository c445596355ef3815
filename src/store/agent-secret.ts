// Reads of current secrets by id, with what decides who may see them. Lists are agent-secret-list.ts.
import { isNull, sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { anyOf, columns, optional, parameter, type RowOf, statement } from './statement.js';
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

const BY_ID = statement<{ id: string; accountId: string }>()(
  SECRET_WITH_ACCESS,
  sql`select ${columns(SECRET_WITH_ACCESS)}
    from ${agentSecrets}
    join ${environments} on ${environments.id} = ${agentSecrets.environmentId} and ${environments.deletedAt} is null
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${parameter('accountId')}
    where ${agentSecrets.id} = ${parameter('id')} and ${live}`,
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
  sql`select ${columns(SECRET_WITH_ACCESS)}
    from ${agentSecrets}
    join ${environments} on ${environments.id} = ${agentSecrets.environmentId} and ${environments.deletedAt} is null
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${parameter('accountId')}
    where ${anyOf(agentSecrets.id, 'ids')} and ${live}`,
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
  sql`select ${columns(FOR_WRITE_SHAPE)}
    from ${agentSecrets}
    join ${environments} on ${environments.id} = ${agentSecrets.environmentId} and ${environments.deletedAt} is null
    join ${accounts} on ${accounts.id} = ${environments.accountId}
    join ${plans} on ${plans.id} = ${accounts.planId}
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${parameter('accountId')}
    where ${agentSecrets.id} = ${parameter('id')}`,
);

/** The same for a write, deleted or not, with the plan's limit on the size of a value. */
export function findAgentSecretForWrite(
  db: Session,
  id: string,
  accountId: string,
): Promise<RowOf<typeof FOR_WRITE_SHAPE> | undefined> {
  return db.row(FOR_WRITE, { id, accountId });
}
