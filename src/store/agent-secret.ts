// Reads of current secrets by id, with what decides who may see them. Lists are agent-secret-list.ts.
import { isNull, type SQL, sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { gather } from './gather.js';
import { columns, computed, elements, optional, parameter, type RowOf, type Shape, statement } from './statement.js';
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

/** Secrets of live environments, with what the account may do there. */
const withAccess = (shape: Shape, from: SQL, accountId: SQL, joins: SQL = sql``) => sql`select ${columns(shape)}
    from ${from}
    join ${environments} on ${environments.id} = ${agentSecrets.environmentId} and ${environments.deletedAt} is null
    ${joins}
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${accountId}`;

const BY_ID = statement<AskedSecret>()(
  SECRET_WITH_ACCESS,
  sql`${withAccess(SECRET_WITH_ACCESS, sql`${agentSecrets}`, parameter('accountId'))}
    where ${agentSecrets.id} = ${parameter('id')} and ${live}`,
);

const ASKED_SHAPE = { ...SECRET_WITH_ACCESS, place: computed(sql`asked.place`, Number) };
// Behind sub-selects the server cannot see how long the lists are, and so does not plan the statement anew for each.
const ASKED = statement<{ ids: readonly string[]; accountIds: readonly string[] }>()(
  ASKED_SHAPE,
  withAccess(
    ASKED_SHAPE,
    sql`unnest((select ${elements('ids', 'uuid')}), (select ${elements('accountIds', 'uuid')}))
      with ordinality as asked(id, account_id, place)
    join ${agentSecrets} on ${agentSecrets.id} = asked.id and ${live}`,
    sql`asked.account_id`,
  ),
);

/** A secret's id, and the account that wants to see it. */
export interface AskedSecret {
  id: string;
  accountId: string;
}

/** Several at once, in the order asked; undefined in the place of each that there is none for. */
export async function findAskedSecrets(
  db: Session,
  asked: readonly AskedSecret[],
): Promise<(AgentSecretWithAccessRow | undefined)[]> {
  const found = new Array<AgentSecretWithAccessRow | undefined>(asked.length).fill(undefined);
  if (asked.length === 1) {
    found[0] = await db.row(BY_ID, asked[0] as AskedSecret);
    return found;
  }
  const lists = { ids: asked.map(({ id }) => id), accountIds: asked.map(({ accountId }) => accountId) };
  for (const row of await db.rows(ASKED, lists)) found[row.place - 1] = row;
  return found;
}

/** The secret and, in the same read, what decides whether the account may see it. */
export const findAgentSecret = gather(findAskedSecrets);

const FOR_WRITE_SHAPE = {
  ...SECRET_WITH_ACCESS,
  deletedAt: agentSecrets.deletedAt,
  maxValueBytes: plans.maxValueBytes,
};
const FOR_WRITE = statement<{ id: string; accountId: string }>()(
  FOR_WRITE_SHAPE,
  sql`${withAccess(
    FOR_WRITE_SHAPE,
    sql`${agentSecrets}`,
    parameter('accountId'),
    sql`join ${accounts} on ${accounts.id} = ${environments.accountId} join ${plans} on ${plans.id} = ${accounts.planId}`,
  )} where ${agentSecrets.id} = ${parameter('id')}`,
);

/** The same for a write, deleted or not, with the plan's limit on the size of a value. */
export function findAgentSecretForWrite(
  db: Session,
  id: string,
  accountId: string,
): Promise<RowOf<typeof FOR_WRITE_SHAPE> | undefined> {
  return db.row(FOR_WRITE, { id, accountId });
}
