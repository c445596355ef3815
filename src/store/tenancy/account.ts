// Accounts, which own applications and environments. The row of a deleted account is kept, because logs refer to it.
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
import { accounts, plans } from '../engine/tables.js';

const ACCOUNT = {
  id: accounts.id,
  name: accounts.name,
  email: accounts.email,
  roles: accounts.roles,
  planId: accounts.planId,
  environmentCount: accounts.environmentCount,
  createdAt: accounts.createdAt,
};
export type AccountRow = RowOf<typeof ACCOUNT>;
const live = isNull(accounts.deletedAt);

const BY_ID = statement<{ id: string }>()(
  ACCOUNT,
  sql`select ${columns(ACCOUNT)} from ${accounts} where ${accounts.id} = ${parameter('id')} and ${live}`,
);
export function findAccount(db: Session, id: string): Promise<AccountRow | undefined> {
  return db.row(BY_ID, { id });
}

const BY_IDS = bulk(
  statement<{ ids: readonly string[] }>()(
    ACCOUNT,
    sql`select ${columns(ACCOUNT)} from ${accounts} where ${anyOf(accounts.id, 'ids')} and ${live}`,
  ),
);
/** Several accounts, in no particular order. */
export function findAccountsById(db: Session, ids: readonly string[]): Promise<AccountRow[]> {
  return db.rows(BY_IDS, { ids });
}

const BY_NAME = statement<{ name: string }>()(
  ACCOUNT,
  sql`select ${columns(ACCOUNT)} from ${accounts} where ${accounts.name} = ${parameter('name')} and ${live}`,
);
export function findAccountByName(db: Session, name: string): Promise<AccountRow | undefined> {
  return db.row(BY_NAME, { name });
}

const NAMES = { id: accounts.id, name: accounts.name };
const NAMES_BY_ID = bulk(
  statement<{ ids: readonly string[] }>()(
    NAMES,
    sql`select ${columns(NAMES)} from ${accounts} where ${anyOf(accounts.id, 'ids')}`,
  ),
);
/** Names by id. Deleted accounts are included, because logs still refer to them. */
export function findAccountNames(db: Session, ids: readonly string[]): Promise<RowOf<typeof NAMES>[]> {
  return db.rows(NAMES_BY_ID, { ids });
}

const PAGE = bulk(
  statement<{ after: string | null; limit: number }>()(
    ACCOUNT,
    sql`select ${columns(ACCOUNT)} from ${accounts}
    where ${live} and (${parameter('after')}::uuid is null or ${accounts.id} > ${parameter('after')}::uuid)
    order by ${accounts.id} limit ${parameter('limit')}::integer`,
  ),
);
/** Accounts, oldest first (ids are ordered by time), starting after the given id. */
export function findAccounts(db: Session, after: string | null, limit: number): Promise<AccountRow[]> {
  return db.rows(PAGE, { after, limit });
}

const { environmentCount: _, ...NEW_ACCOUNT } = ACCOUNT;
export type AccountInsertion = Omit<AccountRow, 'environmentCount'>;
const INSERT = statement<AccountInsertion>()(
  ACCOUNT,
  sql`${insertInto(accounts, NEW_ACCOUNT)} on conflict do nothing returning ${columns(ACCOUNT)}`,
);
/** Returns undefined when the name or the email is taken. To give an email, hold the lock of `lockAccountEmails`. */
export function insertAccount(db: Session, account: AccountInsertion): Promise<AccountRow | undefined> {
  return db.row(INSERT, account);
}

export interface AccountChange {
  roles?: string[] | undefined;
  planId?: string | undefined;
  /** Null removes it. */
  email?: string | null | undefined;
}
const UPDATE = statement<AccountChange & { id: string; hasEmail: boolean }>()(
  ACCOUNT,
  sql`update ${accounts} set
      ${name(accounts.roles)} = coalesce(${parameter('roles', accounts.roles)}::text[], ${accounts.roles}),
      ${name(accounts.planId)} = coalesce(${parameter('planId')}::uuid, ${accounts.planId}),
      ${name(accounts.email)} = case when ${parameter('hasEmail')}::boolean then ${parameter('email')}::text else ${accounts.email} end
    where ${accounts.id} = ${parameter('id')} and ${live}
      and not exists (select 1 from ${accounts} other where other.email = ${parameter('email')}::text
        and other.deleted_at is null and other.id <> ${accounts.id})
    returning ${columns(ACCOUNT)}`,
);
/**
 * What is undefined stays. Returns undefined when the email is taken or the account is gone. To change the email, hold
 * the lock of `lockAccountEmails`.
 */
export function updateAccount(db: Session, id: string, change: AccountChange): Promise<AccountRow | undefined> {
  return db.row(UPDATE, { ...change, id, hasEmail: change.email !== undefined });
}

/** An arbitrary number; only the same lock of other installations in the database may have it. */
const EMAILS = 7_162_530_418_805_112n;
const LOCK_EMAILS = statement()({}, sql`select pg_advisory_xact_lock(${sql.raw(String(EMAILS))})`);
/** Must come before all other locks. Until the transaction ends, no other one can give an email to an account. */
export async function lockAccountEmails(db: Session): Promise<void> {
  await db.rows(LOCK_EMAILS, {});
}

const UNDER_PLAN = { count: computed(sql`count(*)`, Number) };
const COUNT_UNDER_PLAN = statement<{ planId: string }>()(
  UNDER_PLAN,
  sql`select ${columns(UNDER_PLAN)} from ${accounts} where ${accounts.planId} = ${parameter('planId')} and ${live}`,
);
export async function countAccountsUnderPlan(db: Session, planId: string): Promise<number> {
  return (await db.row(COUNT_UNDER_PLAN, { planId }))?.count ?? 0;
}

const MOVE_DELETED = statement<{ from: string; to: string }>()(
  { id: accounts.id },
  sql`update ${accounts} set ${name(accounts.planId)} = ${parameter('to')}
    where ${accounts.planId} = ${parameter('from')} and ${accounts.deletedAt} is not null
    returning ${columns({ id: accounts.id })}`,
);
/** Moves deleted accounts to another plan: no plan applies to them, but their rows still refer to one. */
export async function updatePlanOfDeletedAccounts(db: Session, from: string, to: string): Promise<void> {
  await db.rows(MOVE_DELETED, { from, to });
}

const REMOVE = statement<{ id: string; at: Date }>()(
  ACCOUNT,
  sql`update ${accounts} set ${name(accounts.deletedAt)} = ${parameter('at')}, ${name(accounts.environmentCount)} = 0
    where ${accounts.id} = ${parameter('id')} and ${live} returning ${columns(ACCOUNT)}`,
);
/** Marks the row as deleted. The caller must remove what the account owned in the same transaction. */
export function removeAccount(db: Session, id: string, at: Date): Promise<AccountRow | undefined> {
  return db.row(REMOVE, { id, at });
}

const COUNTED = { environmentCount: accounts.environmentCount };
const TAKE_ROOM = statement<{ id: string }>()(
  COUNTED,
  sql`update ${accounts} set ${name(accounts.environmentCount)} = ${accounts.environmentCount} + 1
    from ${plans} where ${plans.id} = ${accounts.planId} and ${accounts.id} = ${parameter('id')} and ${live}
      and ${accounts.environmentCount} < ${plans.maxEnvironments}
    returning ${columns(COUNTED)}`,
);
/**
 * Counts one more environment, under the account's row lock. Returns undefined when the limit of the plan is reached or
 * the account is gone.
 */
export function takeEnvironmentRoom(db: Session, id: string): Promise<RowOf<typeof COUNTED> | undefined> {
  return db.row(TAKE_ROOM, { id });
}

const GIVE_ROOM = statement<{ id: string; count: number }>()(
  COUNTED,
  sql`update ${accounts} set ${name(accounts.environmentCount)} = ${accounts.environmentCount} - ${parameter('count')}::integer
    where ${accounts.id} = ${parameter('id')} returning ${columns(COUNTED)}`,
);
export async function giveEnvironmentRoom(db: Session, id: string, count: number): Promise<void> {
  await db.rows(GIVE_ROOM, { id, count });
}

const LOCK = statement<{ id: string }>()(
  { id: accounts.id },
  sql`select ${columns({ id: accounts.id })} from ${accounts} where ${accounts.id} = ${parameter('id')} and ${live} for update`,
);
/** The first lock in the lock order (account, environment, secrets); undefined when the account is gone. */
export function lockAccount(db: Session, id: string): Promise<{ id: string } | undefined> {
  return db.row(LOCK, { id });
}

const LOCK_WITH_ROLE = statement<{ role: string }>()(
  { id: accounts.id },
  sql`select ${columns({ id: accounts.id })} from ${accounts}
    where ${parameter('role')}::text = any(${accounts.roles}) and ${live} order by ${accounts.id} for update`,
);
/**
 * Locks all accounts that have the role. It must come before the lock of any other account. Until the transaction ends,
 * only the caller can take the role away from one of them.
 */
export function lockAccountsWithRole(db: Session, role: string): Promise<{ id: string }[]> {
  return db.rows(LOCK_WITH_ROLE, { role });
}
