// Reads the secrets of an environment, in its current or a past state (as-of.ts): one by path, all, or page by page.
import { asc, desc, isNotNull, isNull, type SQL, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import {
  anyOf,
  bulk,
  columns,
  computed,
  elements,
  parameter,
  type RowOf,
  type Shape,
  type Statement,
  statement,
} from '../engine/statement.js';
import { agentSecrets, agentSecretRevisions as log } from '../engine/tables.js';
import { isWithin, SECRET } from './agent-secret.js';
import { asOf } from './as-of.js';
import { INLINE, withRunningBytes } from './inline-values.js';

const live = isNull(agentSecrets.deletedAt);

const FOUND = { ...SECRET, deletedAt: agentSecrets.deletedAt };
export type FoundAgentSecretRow = RowOf<typeof FOUND>;

const LISTED = { ...FOUND, ...INLINE };
export type ListedAgentSecretRow = RowOf<typeof LISTED>;

/** The state of an environment to read: the one after revision `at`, or without `at` the current one. */
export interface EnvironmentState {
  environmentId: string;
  at?: bigint | undefined;
}

/** The table of secrets, or a sub-select with the name of this table that has the secrets as they were at `at`. */
function source(state: EnvironmentState): SQL {
  return state.at === undefined ? sql`${agentSecrets}` : asOf();
}

/** Compiles two statements, for the current and for a past state, and chooses between them for each read. */
function forBothStates<Input extends object>() {
  return <S extends Shape>(shape: S, build: (shape: S, from: SQL) => SQL) => {
    const compile = (from: SQL) => bulk(statement<Input & EnvironmentState>()(shape, build(shape, from)));
    const now = compile(sql`${agentSecrets}`);
    const past = compile(asOf());
    return (state: EnvironmentState) => (state.at === undefined ? now : past);
  };
}

const inEnvironment = sql`${agentSecrets.environmentId} = ${parameter('environmentId')}`;

const BY_PATH = forBothStates<{ path: string }>()(
  FOUND,
  (shape, from) => sql`select ${columns(shape)} from ${from}
    where ${inEnvironment} and ${agentSecrets.path} = ${parameter('path')} and ${live}`,
);

export function findAgentSecretByPath(
  db: Session,
  state: EnvironmentState,
  path: string,
): Promise<FoundAgentSecretRow | undefined> {
  return db.row(BY_PATH(state), { ...state, path });
}

const all =
  (where: SQL) =>
  (shape: Shape, from: SQL): SQL => {
    const rows = withRunningBytes(
      sql`${from} where ${inEnvironment} and ${live} and ${where}`,
      sql`${agentSecrets.path}`,
    );
    return sql`select ${columns(shape)} from ${rows} order by ${agentSecrets.path}`;
  };
type Within = { pathsWithin: readonly string[] };
const ALL = forBothStates()(LISTED, all(sql`true`));
const ALL_WITHIN = forBothStates<Within>()(LISTED, all(isWithin));

/** All secrets of the environment, ordered by path; with `pathsWithin` only those at or below one of these paths. */
export function findAllAgentSecrets(
  db: Session,
  state: EnvironmentState,
  pathsWithin: readonly string[] | null = null,
): Promise<ListedAgentSecretRow[]> {
  return pathsWithin === null ? db.rows(ALL(state), state) : db.rows(ALL_WITHIN(state), { ...state, pathsWithin });
}

const OUTLINE = {
  id: SECRET.id,
  path: SECRET.path,
  revision: SECRET.revision,
  ...INLINE,
  valueRevision: SECRET.valueRevision,
  /** Bytes of the type and the sealed value. */
  bytes: computed(
    sql`octet_length(${agentSecrets.secretType}) + coalesce(octet_length(${agentSecrets.sealedValue}), 0)`,
    Number,
  ),
};
export type AgentSecretOutlineRow = RowOf<typeof OUTLINE>;

const OUTLINES = forBothStates()(OUTLINE, all(sql`true`));
const OUTLINES_WITHIN = forBothStates<Within>()(OUTLINE, all(isWithin));

/** The same without who wrote them and when: decoding timestamps costs as much as all the rest. */
export function findAllAgentSecretOutlines(
  db: Session,
  state: EnvironmentState,
  pathsWithin: readonly string[] | null = null,
): Promise<AgentSecretOutlineRow[]> {
  return pathsWithin === null
    ? db.rows(OUTLINES(state), state)
    : db.rows(OUTLINES_WITHIN(state), { ...state, pathsWithin });
}

const PORTION = {
  id: computed(sql`wanted.id`, String),
  path: agentSecrets.path,
  secretType: agentSecrets.secretType,
  revision: computed(sql`wanted.revision`, (revision) => BigInt(revision as string)),
  valueRevision: computed(sql`wanted.value_revision`, (revision) => BigInt(revision as string)),
  sealedValue: computed(log.sealedValue, (value) => value as Uint8Array),
};
export type AgentSecretPortionRow = RowOf<typeof PORTION>;
type PortionInput = {
  ids: readonly string[];
  revisions: readonly bigint[];
  valueRevisions: readonly (bigint | null)[];
};
const TYPES_AND_VALUES = bulk(
  statement<PortionInput>()(
    PORTION,
    sql`select ${columns(PORTION)} from unnest(${elements('ids', 'uuid')}, ${elements('revisions', 'bigint')},
      ${elements('valueRevisions', 'bigint')}) with ordinality as wanted(id, revision, value_revision, place)
    join ${agentSecrets} on ${agentSecrets.id} = wanted.id
    left join ${log} on ${log.agentSecretId} = wanted.id and ${log.revision} = wanted.value_revision
    order by wanted.place`,
  ),
);

/** Types and values of listed secrets as the list has found them, in that order: the log keeps both. */
export function findTypesAndValues(
  db: Session,
  rows: readonly Pick<AgentSecretOutlineRow, 'id' | 'revision' | 'valueRevision'>[],
): Promise<AgentSecretPortionRow[]> {
  return db.rows(TYPES_AND_VALUES, {
    ids: rows.map(({ id }) => id),
    revisions: rows.map(({ revision }) => revision),
    valueRevisions: rows.map(({ valueRevision }) => valueRevision),
  });
}

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
