// Applications: named groups of environments under one account.
import { isNull, sql } from 'drizzle-orm';
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
import { applications } from '../engine/tables.js';

const APPLICATION = {
  id: applications.id,
  accountId: applications.accountId,
  name: applications.name,
  createdAt: applications.createdAt,
};
export type ApplicationRow = RowOf<typeof APPLICATION>;
const live = isNull(applications.deletedAt);

const BY_ID = statement<{ id: string }>()(
  APPLICATION,
  sql`select ${columns(APPLICATION)} from ${applications} where ${applications.id} = ${parameter('id')} and ${live}`,
);
export function findApplication(db: Session, id: string): Promise<ApplicationRow | undefined> {
  return db.row(BY_ID, { id });
}

const BY_IDS = bulk(
  statement<{ ids: readonly string[] }>()(
    APPLICATION,
    sql`select ${columns(APPLICATION)} from ${applications} where ${anyOf(applications.id, 'ids')} and ${live}`,
  ),
);
/** Several applications, in no particular order. */
export function findApplicationsById(db: Session, ids: readonly string[]): Promise<ApplicationRow[]> {
  return db.rows(BY_IDS, { ids });
}

const BY_NAME = statement<{ accountId: string; name: string }>()(
  APPLICATION,
  sql`select ${columns(APPLICATION)} from ${applications}
    where ${applications.accountId} = ${parameter('accountId')} and ${applications.name} = ${parameter('name')} and ${live}`,
);
export function findApplicationByName(
  db: Session,
  accountId: string,
  name: string,
): Promise<ApplicationRow | undefined> {
  return db.row(BY_NAME, { accountId, name });
}

const OF_ACCOUNT = bulk(
  statement<{ accountId: string; after: string | null; limit: number }>()(
    APPLICATION,
    sql`select ${columns(APPLICATION)} from ${applications}
    where ${applications.accountId} = ${parameter('accountId')} and ${live}
      and (${parameter('after')}::text is null or ${applications.name} > ${parameter('after')}::text)
    order by ${applications.name} limit ${parameter('limit')}::integer`,
  ),
);
/** An account's applications, ordered by name, starting after the given name. */
export function findApplications(
  db: Session,
  accountId: string,
  after: string | null,
  limit: number,
): Promise<ApplicationRow[]> {
  return db.rows(OF_ACCOUNT, { accountId, after, limit });
}

const LIVE = { count: computed(sql`count(*)`, Number) };
const COUNT = statement<{ accountId: string }>()(
  LIVE,
  sql`select ${columns(LIVE)} from ${applications} where ${applications.accountId} = ${parameter('accountId')} and ${live}`,
);
export async function countApplications(db: Session, accountId: string): Promise<number> {
  return (await db.row(COUNT, { accountId }))?.count ?? 0;
}

const INSERT = statement<ApplicationRow>()(
  APPLICATION,
  sql`${insertInto(applications, APPLICATION)}
    on conflict (account_id, name) where deleted_at is null do nothing returning ${columns(APPLICATION)}`,
);
/** Returns undefined when the account already has an application of this name. */
export function insertApplication(db: Session, application: ApplicationRow): Promise<ApplicationRow | undefined> {
  return db.row(INSERT, application);
}

const RENAME = statement<{ id: string; name: string }>()(
  APPLICATION,
  sql`update ${applications} set ${name(applications.name)} = ${parameter('name')}
    where ${applications.id} = ${parameter('id')} and ${live}
      and not exists (select 1 from ${applications} other where other.account_id = ${applications.accountId}
        and other.name = ${parameter('name')} and other.deleted_at is null and other.id <> ${applications.id})
    returning ${columns(APPLICATION)}`,
);
/** Returns undefined when the name is taken or the application is gone. The caller must hold the account's lock. */
export function updateApplication(db: Session, id: string, name: string): Promise<ApplicationRow | undefined> {
  return db.row(RENAME, { id, name });
}

const REMOVE = statement<{ id: string; at: Date }>()(
  APPLICATION,
  sql`update ${applications} set ${name(applications.deletedAt)} = ${parameter('at')}
    where ${applications.id} = ${parameter('id')} and ${live} returning ${columns(APPLICATION)}`,
);
export function removeApplication(db: Session, id: string, at: Date): Promise<ApplicationRow | undefined> {
  return db.row(REMOVE, { id, at });
}

const REMOVE_ALL = statement<{ accountId: string; at: Date }>()(
  { id: applications.id },
  sql`update ${applications} set ${name(applications.deletedAt)} = ${parameter('at')}
    where ${applications.accountId} = ${parameter('accountId')} and ${live} returning ${columns({ id: applications.id })}`,
);
export async function removeApplicationsOfAccount(db: Session, accountId: string, at: Date): Promise<void> {
  await db.rows(REMOVE_ALL, { accountId, at });
}
