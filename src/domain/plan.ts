// Plans: the limits that accounts live under. Admins make and change them; everybody may know their own.
import { alreadyExists, invalidRequest, notFound } from '../errors.js';
import { findAccount } from '../store/account.js';
import {
  findPlans,
  findPlansById,
  findPlansOfAccounts,
  insertPlan,
  type PlanLimits,
  type PlanRow,
  updatePlan as updateRow,
} from '../store/plan.js';
import { actorOf, adminOf, type Context, newId } from './context.js';
import { checkName } from './name.js';

export type Plan = PlanRow;
export const DEFAULT_PLAN = 'default';

/** Upper ends of what a plan may allow, so that no plan can allow what the service cannot hold. */
const HIGHEST: PlanLimits = {
  maxEnvironments: 1_000_000,
  maxSecretsPerEnvironment: 100_000_000,
  maxValueBytes: 64 * 1024 * 1024,
};

/** Several at once, in the order of the ids: any for an admin, else the caller's own; null in the place of others. */
export async function getPlans(ctx: Context, ids: readonly string[]): Promise<(Plan | null)[]> {
  const { accountId, isAdmin } = actorOf(ctx);
  const { db } = ctx.services;
  const own = isAdmin ? undefined : (await findAccount(db, accountId))?.planId;
  const rows = await findPlansById(db, isAdmin ? ids : ids.filter((id) => id === own));
  const plans = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => plans.get(id) ?? null);
}

/** The plans that several accounts live under, in the order of the accounts: for who already knows the accounts. */
export async function getPlansOfAccounts(ctx: Context, accountIds: readonly string[]): Promise<(Plan | Error)[]> {
  actorOf(ctx);
  const rows = await findPlansOfAccounts(ctx.services.db, accountIds);
  const plans = new Map(rows.map(({ accountId, ...plan }) => [accountId, plan]));
  return accountIds.map((id) => plans.get(id) ?? notFound('account', id));
}

/** All plans by name; admins only. */
export async function listPlans(ctx: Context): Promise<Plan[]> {
  adminOf(ctx, 'ViewPlan');
  return findPlans(ctx.services.db);
}

/** Admins only. Refuses: INVALID_REQUEST, ALREADY_EXISTS. */
export async function createPlan(ctx: Context, input: PlanLimits & { name: string }): Promise<Plan> {
  adminOf(ctx, 'CreatePlan');
  const { maxEnvironments, maxSecretsPerEnvironment, maxValueBytes } = input;
  const name = checkName(input.name);
  checkLimits(input);
  const row = await insertPlan(ctx.services.db, {
    id: newId(),
    name,
    maxEnvironments,
    maxSecretsPerEnvironment,
    maxValueBytes,
    createdAt: new Date(),
  });
  if (!row) throw alreadyExists(`Plan ${name}`);
  return row;
}

/** Changes limits; what already exceeds a lowered limit stays. Admins only. Refuses: INVALID_REQUEST, PLAN_NOT_FOUND. */
export async function updatePlan(ctx: Context, input: { id: string } & Nullable<Partial<PlanLimits>>): Promise<Plan> {
  adminOf(ctx, 'UpdatePlan');
  const limits = Object.fromEntries(
    Object.keys(HIGHEST).flatMap((key) => {
      const limit = input[key as keyof PlanLimits];
      return limit == null ? [] : [[key, limit]];
    }),
  ) as Partial<PlanLimits>;
  checkLimits(limits);
  const row = await updateRow(ctx.services.db, input.id, limits);
  if (!row) throw notFound('plan', input.id);
  return row;
}

type Nullable<T> = { [K in keyof T]: T[K] | null | undefined };

function checkLimits(limits: Partial<PlanLimits>): void {
  const problems = (Object.keys(HIGHEST) as (keyof PlanLimits)[])
    .filter((key) => limits[key] !== undefined && !(limits[key] >= 0 && limits[key] <= HIGHEST[key]))
    .map((key) => `${key}: expected 0 to ${HIGHEST[key]}`);
  if (problems.length > 0) throw invalidRequest(...problems);
}
