// Plans, which set the limits of accounts. Admins create and change them; every account may see its own plan.
import { alreadyExists, invalidRequest, notFound } from '../../errors/refusals.js';
import { newId } from '../../ids/new-id.js';
import { countAccountsUnderPlan, findAccount, updatePlanOfDeletedAccounts } from '../../store/tenancy/account.js';
import {
  findPlanByName,
  findPlans,
  findPlansById,
  findPlansOfAccounts,
  insertPlan,
  lockPlan,
  lockPlanNames,
  type PlanLimits,
  type PlanRow,
  removePlan,
  updatePlan as updateRow,
} from '../../store/tenancy/plan.js';
import { actorOf, adminOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { spendItems } from '../request/item-budget.js';
import { checkName } from '../request/name.js';
import { edgesBy, forwardPage, type Page, type PageArguments, pageOf, stringKey } from '../request/page.js';

export type Plan = PlanRow;
export const DEFAULT_PLAN = 'default';

/** The highest limits that a plan may set, so that no plan allows more than the service can hold. */
export const HIGHEST: Readonly<PlanLimits> = {
  maxEnvironments: 1_000_000,
  maxSecretsPerEnvironment: 100_000,
  maxValueBytes: 64 * 1024 * 1024,
};
/**
 * The highest total size of all values in an environment, in bytes. They are listed in one response, which is one
 * string, and V8 limits a string to 512 MiB.
 */
export const MOST_VALUE_BYTES = 256 * 1024 * 1024;

/**
 * Several plans in the order of the ids: any plan for an admin, otherwise only the caller's own. Null for all others.
 */
export async function getPlans(ctx: Context, ids: readonly string[]): Promise<(Plan | null)[]> {
  const { accountId, isAdmin } = actorOf(ctx);
  const { db } = ctx.services;
  const ownPlanId = isAdmin ? undefined : (await findAccount(db, accountId))?.planId;
  const rows = await findPlansById(db, isAdmin ? ids : ids.filter((id) => id === ownPlanId));
  const plans = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => plans.get(id) ?? null);
}

/** The plans of several accounts, in the order of the accounts. For callers that may already see these accounts. */
export async function getPlansOfAccounts(ctx: Context, accountIds: readonly string[]): Promise<(Plan | Error)[]> {
  actorOf(ctx);
  const rows = await findPlansOfAccounts(ctx.services.db, accountIds);
  const plans = new Map(rows.map(({ accountId, ...plan }) => [accountId, plan]));
  return accountIds.map((id) => plans.get(id) ?? notFound('account', id));
}

/** All plans in the order of their names. For admins only. */
export async function listPlans(ctx: Context, args: PageArguments): Promise<Page<Plan>> {
  adminOf(ctx, 'ViewPlan');
  const request = forwardPage(args, stringKey);
  spendItems(ctx, request.size);
  const rows = await findPlans(ctx.services.db, request.after ?? null, request.size + 1);
  return pageOf(request, rows, planKey);
}

/** For admins only. Throws INVALID_REQUEST, ALREADY_EXISTS. */
export async function createPlan(ctx: Context, input: PlanLimits & { name: string }): Promise<Plan> {
  adminOf(ctx, 'CreatePlan', 'admin');
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

export interface UpdatePlanInput extends Nullable<Partial<PlanLimits>> {
  id: string;
  name?: string | null | undefined;
}

/**
 * Changes name and limits. What already exceeds a lowered limit remains. For admins only. Throws INVALID_REQUEST,
 * PLAN_NOT_FOUND, ALREADY_EXISTS.
 */
export async function updatePlan(ctx: Context, input: UpdatePlanInput): Promise<Plan> {
  adminOf(ctx, 'UpdatePlan', 'admin');
  const name = input.name == null ? undefined : checkName(input.name);
  const change = changedLimits(input);
  return ctx.services.db.transaction(async (tx) => {
    if (name !== undefined) await lockPlanNames(tx);
    const plan = await lockPlan(tx, input.id);
    if (!plan) throw notFound('plan', input.id);
    if (Object.keys(change).length > 0) checkLimits({ ...plan, ...change });
    if (plan.name === DEFAULT_PLAN && (name ?? DEFAULT_PLAN) !== DEFAULT_PLAN) {
      throw invalidRequest(`name: the plan named ${DEFAULT_PLAN} keeps it, new accounts are given it`);
    }
    const row = await updateRow(tx, input.id, { name, ...change });
    if (!row) throw alreadyExists(`Plan ${name}`);
    return row;
  });
}

/** Deletes a plan that no account uses. For admins only. Throws PLAN_NOT_FOUND, INVALID_REQUEST. */
export async function deletePlan(ctx: Context, input: { id: string }): Promise<Plan> {
  adminOf(ctx, 'DeletePlan', 'admin');
  return ctx.services.db.transaction(async (tx) => {
    const plan = await lockPlan(tx, input.id);
    if (!plan) throw notFound('plan', input.id);
    const fallback = await findPlanByName(tx, DEFAULT_PLAN);
    if (!fallback || fallback.id === plan.id) {
      throw invalidRequest(`the plan named ${DEFAULT_PLAN} stays: new accounts are given it`);
    }
    const count = await countAccountsUnderPlan(tx, plan.id);
    if (count > 0) throw invalidRequest(`accounts live under this plan (${count}): give them another one first`);
    await updatePlanOfDeletedAccounts(tx, plan.id, fallback.id);
    await removePlan(tx, plan.id);
    return plan;
  });
}

type Nullable<T> = { [K in keyof T]: T[K] | null | undefined };

const LIMIT_NAMES = Object.keys(HIGHEST) as (keyof PlanLimits)[];

function changedLimits(input: Nullable<Partial<PlanLimits>>): Partial<PlanLimits> {
  return Object.fromEntries(LIMIT_NAMES.flatMap((key) => (input[key] == null ? [] : [[key, input[key]]])));
}

function checkLimits(limits: PlanLimits): void {
  const problems = LIMIT_NAMES.filter((key) => !(limits[key] >= 0 && limits[key] <= HIGHEST[key])).map(
    (key) => `${key}: expected 0 to ${HIGHEST[key]}`,
  );
  if (problems.length === 0 && limits.maxSecretsPerEnvironment * limits.maxValueBytes > MOST_VALUE_BYTES) {
    problems.push(`maxSecretsPerEnvironment × maxValueBytes: expected ${MOST_VALUE_BYTES} bytes at most`);
  }
  if (problems.length > 0) throw invalidRequest(...problems);
}

function planKey(plan: Plan): string {
  return plan.name;
}

export const planEdge = edgesBy(planKey);
