// Reads the secrets of an environment, in its current or a past state (as-of.ts): one by path, or all. Pages are in
// agent-secret-page.ts.
import { isNull, type SQL, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import {
  bulk,
  columns,
  computed,
  elements,
  parameter,
  type RowOf,
  type Shape,
  statement,
} from '../engine/statement.js';
import { agentSecrets, agentSecretRevisions as log } from '../engine/tables.js';
import { isWithin, SECRET } from './agent-secret.js';
import { asOf } from './as-of.js';
import { INLINE, withRunningBytes } from './inline-values.js';

const live = isNull(agentSecrets.deletedAt);

const FOUND = { ...SECRET, deletedAt: agentSecrets.deletedAt };
export type FoundAgentSecretRow = RowOf<typeof FOUND>;

export const LISTED = { ...FOUND, ...INLINE };
export type ListedAgentSecretRow = RowOf<typeof LISTED>;

/** The state of an environment to read: the one after revision `at`, or without `at` the current one. */
export interface EnvironmentState {
  environmentId: string;
  at?: bigint | undefined;
}

/** The table of secrets, or a sub-select with the name of this table that has the secrets as they were at `at`. */
export function source(state: EnvironmentState): SQL {
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

export const inEnvironment = sql`${agentSecrets.environmentId} = ${parameter('environmentId')}`;

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

/** Types and values of listed secrets as the list has found them, in that order: types never change, and the log keeps the values. */
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
