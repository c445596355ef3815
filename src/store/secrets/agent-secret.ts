// Reads current secrets by id, with the owner and roles that decide who may see them. agent-secret-list.ts reads lists.
import { isNull, type SQL, sql } from 'drizzle-orm';
import {
  type AccountLookup,
  type AccountLookupLists,
  lookupRows,
  PLACE,
  readInOrder,
} from '../engine/batched-lookup.js';
import { bulk, columns, computed, elements, optional, parameter, type Shape, statement } from '../engine/statement.js';
import { batchStatements } from '../engine/statement-batch.js';
import { accounts, agentSecrets, environmentShares, environments, plans } from '../engine/tables.js';

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

const live = isNull(agentSecrets.deletedAt);

/** A condition: the path is one of the paths in the parameter `pathsWithin`, or below one of them. */
export const isWithin = sql`exists (select 1 from unnest(${elements('pathsWithin', 'text')}) as given(path)
    where ${agentSecrets.path} = given.path or starts_with(${agentSecrets.path}, given.path || '.'))`;

/** Reads secrets of environments that are not deleted, each with the requesting account's roles in its environment. */
function secretReader<S extends Shape>(shape: S, where: SQL, joins: SQL = sql``, isBulk = false) {
  const select = (selected: Shape, source: SQL, accountId: SQL) => sql`select ${columns(selected)} 
    from ${source}
    join ${environments} on ${environments.id} = ${agentSecrets.environmentId} and ${environments.deletedAt} is null
    ${joins}
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${accountId}`;
  const one = statement<AccountLookup>()(
    shape,
    sql`${select(shape, sql`${agentSecrets}`, parameter('accountId'))} where ${agentSecrets.id} = ${parameter('id')} ${where}`,
  );
  const placed = { ...shape, ...PLACE };
  const many = statement<AccountLookupLists>()(
    placed,
    select(
      placed,
      sql`${lookupRows} join ${agentSecrets} on ${agentSecrets.id} = asked.id ${where}`,
      sql`asked.account_id`,
    ),
  );
  return isBulk ? readInOrder(bulk(one), bulk(many) as never) : readInOrder(one, many as never);
}

export const findAgentSecretsForAccounts = secretReader(SECRET_WITH_ACCESS, sql`and ${live}`);

const UNREAD = {
  ...SECRET_WITH_ACCESS,
  sealedValue: computed(sql`null::bytea`, (value) => value as Uint8Array | null),
  leftOutBytes: computed(sql`octet_length(${agentSecrets.sealedValue})`, Number),
  deletedAt: agentSecrets.deletedAt,
};
/**
 * Several at once without their values, deleted ones as well, in the order of the lookups; undefined in the place of each
 * that there is none for.
 */
export const findUnreadAgentSecretsForAccounts = secretReader(UNREAD, sql``, sql``, true);

/** The secret and, in the same read, what decides whether the account may see it. */
export const findAgentSecret = batchStatements(findAgentSecretsForAccounts);

/** The same for a write: also a deleted secret, and with the plan's limit on the size of a value. */
export const findAgentSecretForWrite = batchStatements(
  secretReader(
    { ...SECRET_WITH_ACCESS, deletedAt: agentSecrets.deletedAt, maxValueBytes: plans.maxValueBytes },
    sql``,
    sql`join ${accounts} on ${accounts.id} = ${environments.accountId} join ${plans} on ${plans.id} = ${accounts.planId}`,
  ),
);
