// Reads of the current secrets. Writes are in agent-secret-write.ts.
import { and, asc, desc, eq, gt, gte, inArray, isNotNull, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { columns, computed, optional, parameter, type RowOf, statement } from './statement.js';
import { accounts, agentSecrets, environmentShares, environments, plans } from './tables.js';

const SECRET = {
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
export type AgentSecretRow = RowOf<typeof SECRET>;

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

const WITH_LIMITS = { ...SECRET_WITH_ACCESS, maxValueBytes: plans.maxValueBytes };
const FOR_WRITE = statement<{ id: string; accountId: string }>()(
  WITH_LIMITS,
  sql`select ${columns(WITH_LIMITS)}
    from ${agentSecrets}
    join ${environments} on ${environments.id} = ${agentSecrets.environmentId} and ${environments.deletedAt} is null
    join ${accounts} on ${accounts.id} = ${environments.accountId}
    join ${plans} on ${plans.id} = ${accounts.planId}
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${parameter('accountId')}
    where ${agentSecrets.id} = ${parameter('id')} and ${live}`,
);

/** The same with the plan's limit on the size of a value. */
export function findAgentSecretForWrite(
  db: Session,
  id: string,
  accountId: string,
): Promise<RowOf<typeof WITH_LIMITS> | undefined> {
  return db.row(FOR_WRITE, { id, accountId });
}

const BY_PATH = statement<{ environmentId: string; path: string }>()(
  SECRET,
  sql`select ${columns(SECRET)} from ${agentSecrets}
    where ${agentSecrets.environmentId} = ${parameter('environmentId')} and ${agentSecrets.path} = ${parameter('path')} and ${live}`,
);

export function findAgentSecretByPath(
  db: Session,
  environmentId: string,
  path: string,
): Promise<AgentSecretRow | undefined> {
  return db.row(BY_PATH, { environmentId, path });
}

const ALL = statement<{ environmentId: string }>()(
  SECRET,
  sql`select ${columns(SECRET)} from ${agentSecrets}
    where ${agentSecrets.environmentId} = ${parameter('environmentId')} and ${live} order by ${agentSecrets.path}`,
);

/** Every secret of the environment, by path. */
export function findAllAgentSecrets(db: Session, environmentId: string): Promise<AgentSecretRow[]> {
  return db.rows(ALL, { environmentId });
}

export interface AgentSecretFilter {
  pathPrefix?: string | undefined;
  hasValue?: boolean | undefined;
  typeKinds?: readonly string[] | undefined;
  updatedSince?: Date | undefined;
}
export type AgentSecretSortField = 'path' | 'createdAt' | 'updatedAt';
export interface AgentSecretPage {
  environmentId: string;
  filter: AgentSecretFilter;
  field: AgentSecretSortField;
  descending: boolean;
  /** Rows strictly behind this place in the asked order. */
  after?: { key: string; id: string } | undefined;
  /** Rows strictly before this place in the asked order. */
  before?: { key: string; id: string } | undefined;
  limit: number;
}

/** One page in the asked order, by keyset: `after` and `before` name the sort key and id of a row. */
export function findAgentSecrets(db: Session, page: AgentSecretPage): Promise<AgentSecretRow[]> {
  const column = agentSecrets[page.field];
  const direction = page.descending ? desc : asc;
  const beyond = (place: { key: string; id: string }, forward: boolean) => {
    const key = page.field === 'path' ? place.key : new Date(place.key);
    const further = forward !== page.descending ? gt : lt;
    // A live path is unique, so the path alone is the whole key, and the index can seek to it.
    if (page.field === 'path') return further(column, key);
    return or(further(column, key), and(eq(column, key), further(agentSecrets.id, place.id)));
  };
  const where = and(
    matching(page.environmentId, page.filter),
    page.after && beyond(page.after, true),
    page.before && beyond(page.before, false),
  );
  const order = page.field === 'path' ? [direction(column)] : [direction(column), direction(agentSecrets.id)];
  const query = sql`select ${columns(SECRET)} from ${agentSecrets} where ${where}
    order by ${sql.join(order, sql`, `)} limit ${page.limit}`;
  return db.rows(statement()(SECRET, query), {});
}

export async function countAgentSecrets(
  db: Session,
  environmentId: string,
  filter: AgentSecretFilter,
): Promise<number> {
  const query = sql`select count(*) as "count" from ${agentSecrets} where ${matching(environmentId, filter)}`;
  const row = await db.row(statement()({ count: computed(sql`count(*)`, Number) }, query), {});
  return row?.count ?? 0;
}

function matching(environmentId: string, filter: AgentSecretFilter): SQL | undefined {
  return and(
    eq(agentSecrets.environmentId, environmentId),
    live,
    startsWith(filter.pathPrefix),
    filter.hasValue === undefined ? undefined : (filter.hasValue ? isNotNull : isNull)(agentSecrets.sealedValue),
    filter.typeKinds && inArray(agentSecrets.typeKind, [...filter.typeKinds]),
    filter.updatedSince && gte(agentSecrets.updatedAt, filter.updatedSince),
  );
}

/** As a range, which the index on the byte-ordered path serves; U+10FFFF sorts behind every letter and digit. */
function startsWith(prefix: string | undefined): SQL | undefined {
  if (!prefix) return undefined;
  return and(gte(agentSecrets.path, prefix), lt(agentSecrets.path, `${prefix}\u{10FFFF}`));
}
