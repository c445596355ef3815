// Plans: the limits that apply to accounts.
import { type SQL, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { anyOf, bulk, columns, insertInto, name, parameter, type RowOf, statement } from '../engine/statement.js';
import { accounts, plans } from '../engine/tables.js';

const PLAN = {
  id: plans.id,
  name: plans.name,
  maxEnvironments: plans.maxEnvironments,
  maxSecretsPerEnvironment: plans.maxSecretsPerEnvironment,
  maxValueBytes: plans.maxValueBytes,
  createdAt: plans.createdAt,
};
export type PlanRow = RowOf<typeof PLAN>;

const BY_IDS = bulk(
  statement<{ ids: readonly string[] }>()(
    PLAN,
    sql`select ${columns(PLAN)} from ${plans} where ${anyOf(plans.id, 'ids')}`,
  ),
);
/** Several plans, in no particular order. */
export function findPlansById(db: Session, ids: readonly string[]): Promise<PlanRow[]> {
  return db.rows(BY_IDS, { ids });
}

const BY_NAME = statement<{ name: string }>()(
  PLAN,
  sql`select ${columns(PLAN)} from ${plans} where ${plans.name} = ${parameter('name')}`,
);
export function findPlanByName(db: Session, name: string): Promise<PlanRow | undefined> {
  return db.row(BY_NAME, { name });
}

const WITH_ACCOUNT = { ...PLAN, accountId: accounts.id };
const OF_ACCOUNTS = bulk(
  statement<{ accountIds: readonly string[] }>()(
    WITH_ACCOUNT,
    sql`select ${columns(WITH_ACCOUNT)} from ${accounts} join ${plans} on ${plans.id} = ${accounts.planId}
    where ${anyOf(accounts.id, 'accountIds')}`,
  ),
);
/** The plans of several accounts, in no particular order. */
export function findPlansOfAccounts(db: Session, accountIds: readonly string[]): Promise<RowOf<typeof WITH_ACCOUNT>[]> {
  return db.rows(OF_ACCOUNTS, { accountIds });
}

const PAGE = bulk(
  statement<{ after: string | null; limit: number }>()(
    PLAN,
    sql`select ${columns(PLAN)} from ${plans} where ${parameter('after')}::text is null or ${plans.name} > ${parameter('after')}::text
    order by ${plans.name} limit ${parameter('limit')}::integer`,
  ),
);
/** Plans, ordered by name, starting after the given name. */
export function findPlans(db: Session, after: string | null, limit: number): Promise<PlanRow[]> {
  return db.rows(PAGE, { after, limit });
}

const INSERT = statement<PlanRow>()(
  PLAN,
  sql`${insertInto(plans, PLAN)}
    on conflict (${name(plans.name)}) do nothing returning ${columns(PLAN)}`,
);
/** Returns undefined when the name is taken. */
export function insertPlan(db: Session, plan: PlanRow): Promise<PlanRow | undefined> {
  return db.row(INSERT, plan);
}

export interface PlanLimits {
  maxEnvironments: number;
  maxSecretsPerEnvironment: number;
  maxValueBytes: number;
}
const UPDATE = statement<{ id: string; name?: string | undefined } & Partial<PlanLimits>>()(
  PLAN,
  sql`update ${plans} set
      ${name(plans.name)} = coalesce(${parameter('name')}::text, ${plans.name}),
      ${name(plans.maxEnvironments)} = coalesce(${parameter('maxEnvironments')}::integer, ${plans.maxEnvironments}),
      ${name(plans.maxSecretsPerEnvironment)} = coalesce(${parameter('maxSecretsPerEnvironment')}::integer, ${plans.maxSecretsPerEnvironment}),
      ${name(plans.maxValueBytes)} = coalesce(${parameter('maxValueBytes')}::integer, ${plans.maxValueBytes})
    where ${plans.id} = ${parameter('id')}
      and not exists (select 1 from ${plans} other where other.name = ${parameter('name')}::text and other.id <> ${plans.id})
    returning ${columns(PLAN)}`,
);
/**
 * Returns undefined when the name is taken or the plan is gone. To change the name, hold the lock of `lockPlanNames`.
 */
export function updatePlan(
  db: Session,
  id: string,
  change: { name?: string | undefined } & Partial<PlanLimits>,
): Promise<PlanRow | undefined> {
  return db.row(UPDATE, { ...change, id });
}

const LOCK_NAMES = statement()({}, sql`lock table ${plans} in share row exclusive mode`);
/** Must come before all other locks. Until the transaction ends, no other one can create or change a plan. */
export async function lockPlanNames(db: Session): Promise<void> {
  await db.rows(LOCK_NAMES, {});
}

const lock = (strength: SQL) =>
  statement<{ id: string }>()(
    PLAN,
    sql`select ${columns(PLAN)} from ${plans} where ${plans.id} = ${parameter('id')} ${strength}`,
  );
const LOCK = lock(sql`for update`);
/**
 * Until the transaction ends, no other one can change the plan or assign it to an account; undefined when it is gone.
 */
export function lockPlan(db: Session, id: string): Promise<PlanRow | undefined> {
  return db.row(LOCK, { id });
}

const KEEP = lock(sql`for key share`);
/** Until the transaction ends, no other one can delete the plan; undefined when it is gone. */
export function keepPlan(db: Session, id: string): Promise<PlanRow | undefined> {
  return db.row(KEEP, { id });
}

const REMOVE = statement<{ id: string }>()(
  PLAN,
  sql`delete from ${plans} where ${plans.id} = ${parameter('id')} returning ${columns(PLAN)}`,
);
/** No account may refer to the plan any more, not even a deleted one. */
export function removePlan(db: Session, id: string): Promise<PlanRow | undefined> {
  return db.row(REMOVE, { id });
}
