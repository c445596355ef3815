// Plans: the limits accounts live under.
import { sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { anyOf, columns, name, parameter, type RowOf, statement } from './statement.js';
import { accounts, plans } from './tables.js';

const PLAN = {
  id: plans.id,
  name: plans.name,
  maxEnvironments: plans.maxEnvironments,
  maxSecretsPerEnvironment: plans.maxSecretsPerEnvironment,
  maxValueBytes: plans.maxValueBytes,
  createdAt: plans.createdAt,
};
export type PlanRow = RowOf<typeof PLAN>;

const BY_ID = statement<{ id: string }>()(
  PLAN,
  sql`select ${columns(PLAN)} from ${plans} where ${plans.id} = ${parameter('id')}`,
);
export function findPlan(db: Session, id: string): Promise<PlanRow | undefined> {
  return db.row(BY_ID, { id });
}

const BY_IDS = statement<{ ids: readonly string[] }>()(
  PLAN,
  sql`select ${columns(PLAN)} from ${plans} where ${anyOf(plans.id, 'ids')}`,
);
/** Several at once, in no order. */
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
const OF_ACCOUNTS = statement<{ accountIds: readonly string[] }>()(
  WITH_ACCOUNT,
  sql`select ${columns(WITH_ACCOUNT)} from ${accounts} join ${plans} on ${plans.id} = ${accounts.planId}
    where ${anyOf(accounts.id, 'accountIds')}`,
);
/** The plans of several accounts, in no order. */
export function findPlansOfAccounts(db: Session, accountIds: readonly string[]): Promise<RowOf<typeof WITH_ACCOUNT>[]> {
  return db.rows(OF_ACCOUNTS, { accountIds });
}

const ALL = statement()(PLAN, sql`select ${columns(PLAN)} from ${plans} order by ${plans.name}`);
export function findPlans(db: Session): Promise<PlanRow[]> {
  return db.rows(ALL, {});
}

const INSERT = statement<PlanRow>()(
  PLAN,
  sql`insert into ${plans} (${sql.join([plans.id, plans.name, plans.maxEnvironments, plans.maxSecretsPerEnvironment, plans.maxValueBytes, plans.createdAt].map(name), sql`, `)})
    values (${parameter('id')}, ${parameter('name')}, ${parameter('maxEnvironments')}, ${parameter('maxSecretsPerEnvironment')}, ${parameter('maxValueBytes')}, ${parameter('createdAt')})
    on conflict (${name(plans.name)}) do nothing returning ${columns(PLAN)}`,
);
/** Undefined when the name is taken. */
export function insertPlan(db: Session, plan: PlanRow): Promise<PlanRow | undefined> {
  return db.row(INSERT, plan);
}

export interface PlanLimits {
  maxEnvironments: number;
  maxSecretsPerEnvironment: number;
  maxValueBytes: number;
}
const UPDATE = statement<{ id: string } & Partial<PlanLimits>>()(
  PLAN,
  sql`update ${plans} set
      ${name(plans.maxEnvironments)} = coalesce(${parameter('maxEnvironments')}::integer, ${plans.maxEnvironments}),
      ${name(plans.maxSecretsPerEnvironment)} = coalesce(${parameter('maxSecretsPerEnvironment')}::integer, ${plans.maxSecretsPerEnvironment}),
      ${name(plans.maxValueBytes)} = coalesce(${parameter('maxValueBytes')}::integer, ${plans.maxValueBytes})
    where ${plans.id} = ${parameter('id')} returning ${columns(PLAN)}`,
);
export function updatePlan(db: Session, id: string, limits: Partial<PlanLimits>): Promise<PlanRow | undefined> {
  return db.row(UPDATE, { ...limits, id });
}
