// Environment shares: which roles another account has in an environment.
import { sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import {
  anyOf,
  bulk,
  columns,
  computed,
  insertInto,
  name,
  parameter,
  type RowOf,
  statement,
} from '../engine/statement.js';
import { environmentShares, environments } from '../engine/tables.js';

const SHARE = {
  id: environmentShares.id,
  environmentId: environmentShares.environmentId,
  accountId: environmentShares.accountId,
  roles: environmentShares.roles,
  createdAt: environmentShares.createdAt,
  updatedAt: environmentShares.updatedAt,
};
export type EnvironmentShareRow = RowOf<typeof SHARE>;

const BY_ID = statement<{ id: string }>()(
  SHARE,
  sql`select ${columns(SHARE)} from ${environmentShares} where ${environmentShares.id} = ${parameter('id')}`,
);
export function findEnvironmentShare(db: Session, id: string): Promise<EnvironmentShareRow | undefined> {
  return db.row(BY_ID, { id });
}

const BY_IDS = bulk(
  statement<{ ids: readonly string[] }>()(
    SHARE,
    sql`select ${columns(SHARE)} from ${environmentShares} where ${anyOf(environmentShares.id, 'ids')}`,
  ),
);
/** Several shares, in no particular order. */
export function findEnvironmentSharesById(db: Session, ids: readonly string[]): Promise<EnvironmentShareRow[]> {
  return db.rows(BY_IDS, { ids });
}

const OF_ENVIRONMENT = bulk(
  statement<{ environmentId: string; after: string | null; limit: number }>()(
    SHARE,
    sql`select ${columns(SHARE)} from ${environmentShares}
    join ${environments} on ${environments.id} = ${environmentShares.environmentId} and ${environments.deletedAt} is null
    where ${environmentShares.environmentId} = ${parameter('environmentId')}
      and (${parameter('after')}::uuid is null or ${environmentShares.accountId} > ${parameter('after')}::uuid)
    order by ${environmentShares.accountId} limit ${parameter('limit')}::integer`,
  ),
);
/** An environment's shares, ordered by account id, starting after the given one; none once it is deleted. */
export function findEnvironmentShares(
  db: Session,
  page: { environmentId: string; after: string | null; limit: number },
): Promise<EnvironmentShareRow[]> {
  return db.rows(OF_ENVIRONMENT, page);
}

const ALL = { count: computed(sql`count(*)`, Number) };
const COUNT = statement<{ environmentId: string }>()(
  ALL,
  sql`select ${columns(ALL)} from ${environmentShares} where ${environmentShares.environmentId} = ${parameter('environmentId')}`,
);
export async function countEnvironmentShares(db: Session, environmentId: string): Promise<number> {
  return (await db.row(COUNT, { environmentId }))?.count ?? 0;
}

const INSERT = statement<EnvironmentShareRow>()(
  SHARE,
  sql`${insertInto(environmentShares, SHARE)}
    on conflict (environment_id, account_id) do nothing returning ${columns(SHARE)}`,
);
/** Returns undefined when the account already has a share. */
export function insertEnvironmentShare(
  db: Session,
  share: EnvironmentShareRow,
): Promise<EnvironmentShareRow | undefined> {
  return db.row(INSERT, share);
}

const UPDATE = statement<{ id: string; roles: string[]; at: Date }>()(
  SHARE,
  sql`update ${environmentShares} set ${name(environmentShares.roles)} = ${parameter('roles', environmentShares.roles)}::text[],
      ${name(environmentShares.updatedAt)} = ${parameter('at')}
    where ${environmentShares.id} = ${parameter('id')} returning ${columns(SHARE)}`,
);
export function updateEnvironmentShare(
  db: Session,
  id: string,
  roles: string[],
  at: Date,
): Promise<EnvironmentShareRow | undefined> {
  return db.row(UPDATE, { id, roles, at });
}

const REMOVE = statement<{ id: string }>()(
  SHARE,
  sql`delete from ${environmentShares} where ${environmentShares.id} = ${parameter('id')} returning ${columns(SHARE)}`,
);
export function removeEnvironmentShare(db: Session, id: string): Promise<EnvironmentShareRow | undefined> {
  return db.row(REMOVE, { id });
}
