// Reads the secrets of an environment page by page, filtered and in any of the orders, and counts them.
import { asc, desc, isNotNull, isNull, type SQL, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { anyOf, bulk, columns, computed, parameter, type Statement, statement } from '../engine/statement.js';
import { agentSecrets } from '../engine/tables.js';
import { isWithin } from './agent-secret.js';
import {
  type EnvironmentState,
  inEnvironment,
  LISTED,
  type ListedAgentSecretRow,
  source,
} from './agent-secret-list.js';
import { withRunningBytes } from './inline-values.js';

export interface AgentSecretFilter {
  deleted: boolean;
  /** Only secrets at or below one of these paths. */
  pathsWithin?: readonly string[] | undefined;
  pathPrefix?: string | undefined;
  hasValue?: boolean | undefined;
  typeKinds?: readonly string[] | undefined;
  updatedSince?: Date | undefined;
}
export type AgentSecretSortField = 'path' | 'createdAt' | 'updatedAt';
/** A row's position in a sort order, as a keyset cursor: its sort key and, to break ties, its id. */
export interface AgentSecretPlaceInOrder {
  key: string;
  id: string;
}
export interface AgentSecretPage {
  filter: AgentSecretFilter;
  field: AgentSecretSortField;
  descending: boolean;
  /** Only rows strictly after this position in the requested order. */
  after?: AgentSecretPlaceInOrder | undefined;
  /** Only rows strictly before this position in the requested order. */
  before?: AgentSecretPlaceInOrder | undefined;
  limit: number;
}

/** One page in the requested order, by keyset cursors: `after` and `before` are the sort key and id of a row. */
export function findAgentSecrets(
  db: Session,
  state: EnvironmentState,
  page: AgentSecretPage,
): Promise<ListedAgentSecretRow[]> {
  const { filter, field, descending, after, before, limit } = page;
  const key = [state.at === undefined, field, descending, !!after, !!before, ...filterKey(filter)].join();
  const query = cachedStatement(key, () => {
    const direction = descending ? desc : asc;
    const conditions = [
      ...conditionsOf(filter),
      ...(after ? [cursorCondition('after', page, !descending)] : []),
      ...(before ? [cursorCondition('before', page, descending)] : []),
    ];
    const order = [direction(agentSecrets[field]), ...(isUnique(page) ? [] : [direction(agentSecrets.id)])];
    return bulk(
      statement<Record<string, unknown>>()(
        LISTED,
        sql`select ${columns(LISTED)} from ${withRunningBytes(
          sql`(select * from ${source(state)} where ${sql.join(conditions, sql` and `)}
          order by ${sql.join(order, sql`, `)} limit ${parameter('limit')}::integer) as ${sql.identifier('agent_secrets')}`,
          sql.join(order, sql`, `),
        )} order by ${sql.join(order, sql`, `)}`,
      ),
    );
  });
  return db.rows(query, {
    ...state,
    ...filter,
    afterKey: after?.key,
    afterId: after?.id,
    beforeKey: before?.key,
    beforeId: before?.id,
    limit,
  });
}

const COUNT = { count: computed(sql`count(*)`, Number) };

export async function countAgentSecrets(
  db: Session,
  state: EnvironmentState,
  filter: AgentSecretFilter,
): Promise<number> {
  const query = cachedStatement(['count', state.at === undefined, ...filterKey(filter)].join(), () =>
    bulk(
      statement<Record<string, unknown>>()(
        COUNT,
        sql`select ${columns(COUNT)} from ${source(state)} where ${sql.join(conditionsOf(filter), sql` and `)}`,
      ),
    ),
  );
  const row = (await db.row(query, { ...state, ...filter })) as { count: number } | undefined;
  return row?.count ?? 0;
}

/** Compiled statements by which parts of a query are present. Its values are parameters, so their number is limited. */
const statements = new Map<string, Statement<never, Record<string, unknown>>>();

function cachedStatement<Row>(
  key: string,
  build: () => Statement<Row, Record<string, unknown>>,
): Statement<Row, Record<string, unknown>> {
  let found = statements.get(key) as Statement<Row, Record<string, unknown>> | undefined;
  if (!found) {
    found = build();
    statements.set(key, found as never);
  }
  return found;
}

function filterKey(filter: AgentSecretFilter): unknown[] {
  const { deleted, pathsWithin, pathPrefix, hasValue, typeKinds, updatedSince } = filter;
  return [deleted, !!pathsWithin, !!pathPrefix, hasValue, !!typeKinds, !!updatedSince];
}

function conditionsOf(filter: AgentSecretFilter): SQL[] {
  const { path, sealedValue, typeKind, updatedAt, deletedAt } = agentSecrets;
  const conditions = [inEnvironment, filter.deleted ? isNotNull(deletedAt) : isNull(deletedAt)];
  if (filter.pathsWithin) conditions.push(isWithin);
  if (filter.pathPrefix) {
    // As a range, for which the index on the byte-ordered path can be used; U+10FFFF sorts after every letter and
    // digit.
    const prefix = parameter('pathPrefix');
    conditions.push(sql`${path} >= ${prefix}::text`, sql`${path} < (${prefix}::text || ${'\u{10FFFF}'})`);
  }
  if (filter.hasValue !== undefined) conditions.push((filter.hasValue ? isNotNull : isNull)(sealedValue));
  if (filter.typeKinds) conditions.push(anyOf(typeKind, 'typeKinds'));
  if (filter.updatedSince) conditions.push(sql`${updatedAt} >= ${parameter('updatedSince')}::timestamptz`);
  return conditions;
}

/** Whether the sort key alone is unique, as the path of a secret that is not deleted: the index can then seek to it. */
function isUnique({ field, filter }: AgentSecretPage): boolean {
  return field === 'path' && !filter.deleted;
}

function cursorCondition(place: 'after' | 'before', page: AgentSecretPage, upward: boolean): SQL {
  const column = agentSecrets[page.field];
  const key = sql`${parameter(`${place}Key`)}::${page.field === 'path' ? sql`text` : sql`timestamptz`}`;
  const than = upward ? sql`>` : sql`<`;
  if (isUnique(page)) return sql`${column} ${than} ${key}`;
  return sql`(${column}, ${agentSecrets.id}) ${than} (${key}, ${parameter(`${place}Id`)}::uuid)`;
}
