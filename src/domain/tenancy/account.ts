// Accounts. Admins create them. An account is visible to itself and to admins; any caller may see an account's name
// where a log mentions it.
import type { AppError } from '../../errors/errors.js';
import { alreadyExists, forbidden, invalidRequest, notFound } from '../../errors/refusals.js';
import { newId } from '../../ids/new-id.js';
import { removeTokensOfAccount, type TokenLimits } from '../../store/access/token.js';
import type { Session } from '../../store/engine/client.js';
import {
  type AccountRow,
  findAccount,
  findAccountByName,
  findAccountNames,
  findAccounts,
  findAccountsById,
  insertAccount,
  lockAccount,
  lockAccountEmails,
  lockAccountsWithRole,
  removeAccount,
  updateAccount as updateRow,
} from '../../store/tenancy/account.js';
import { removeApplicationsOfAccount } from '../../store/tenancy/application.js';
import { removeEnvironmentsOfAccount } from '../../store/tenancy/environment.js';
import { findEnvironmentIdsOf, lockEnvironmentFactsOf } from '../../store/tenancy/environment-facts.js';
import { findPlanByName, keepPlan } from '../../store/tenancy/plan.js';
import { reauthenticated } from '../access/reauthentication.js';
import { issueToken } from '../access/token.js';
import { findDigestKeys, sealFactsAgain } from '../keys/environment-facts.js';
import { actorOf, adminOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { spendItems } from '../request/item-budget.js';
import { checkEmail, checkName } from '../request/name.js';
import { edgesBy, forwardPage, idKey, type Page, type PageArguments, pageOf } from '../request/page.js';
import { DEFAULT_PLAN } from './plan.js';

export const ACCOUNT_ROLES = ['admin'] as const;
export type AccountRole = (typeof ACCOUNT_ROLES)[number];
export type Account = AccountRow;

/** The caller's own account, or any account for an admin. Throws ACCOUNT_NOT_FOUND otherwise. */
export async function getAccount(ctx: Context, id: string): Promise<Account> {
  const actor = actorOf(ctx);
  const row = actor.isAdmin || actor.accountId === id ? await findAccount(ctx.services.db, id) : undefined;
  if (!row) throw notFound('account', id);
  return row;
}

/** Several accounts in the order of the ids, with null for every account that the caller may not see. */
export async function getAccounts(ctx: Context, ids: readonly string[]): Promise<(Account | null)[]> {
  const actor = actorOf(ctx);
  const rows = await findAccountsById(ctx.services.db, ids);
  const visible = new Map(rows.filter(({ id }) => actor.isAdmin || actor.accountId === id).map((row) => [row.id, row]));
  return ids.map((id) => visible.get(id) ?? null);
}

/** The caller's own account. */
export function getViewer(ctx: Context): Promise<Account> {
  return getAccount(ctx, actorOf(ctx).accountId);
}

/** All accounts, oldest first. For admins only. */
export async function listAccounts(ctx: Context, args: PageArguments): Promise<Page<Account>> {
  adminOf(ctx, 'ViewAccount');
  const request = forwardPage(args, idKey);
  spendItems(ctx, request.size);
  const rows = await findAccounts(ctx.services.db, request.after ?? null, request.size + 1);
  return pageOf(request, rows, accountKey);
}

export interface AccountName {
  id: string;
  name: string;
}

/** Names of several accounts in the order of the ids, including deleted accounts. */
export async function getAccountNames(ctx: Context, ids: readonly string[]): Promise<(AccountName | Error)[]> {
  const names = new Map((await findAccountNames(ctx.services.db, ids)).map((row) => [row.id, row]));
  return ids.map((id) => names.get(id) ?? notFound('account', id));
}

export interface CreateAccountInput {
  name: string;
  email?: string | null | undefined;
  roles?: readonly string[] | null | undefined;
  /** Absent: the plan named `default`. */
  planId?: string | null | undefined;
}

export interface CreatedAccount {
  account: Account;
  /** The secret of the account's first token; without a token nobody could use the account. */
  secret: string;
}

/** For admins only. Throws INVALID_REQUEST, PLAN_NOT_FOUND, ALREADY_EXISTS. */
export async function createAccount(ctx: Context, input: CreateAccountInput): Promise<CreatedAccount> {
  adminOf(await reauthenticated(ctx), 'CreateAccount', 'admin');
  return ctx.services.db.transaction((tx) => createAccountAsOperator(tx, input));
}

/**
 * Creates an account without a caller. For operator commands, and for the first start, which chooses the id beforehand.
 */
export async function createAccountAsOperator(
  tx: Session,
  input: CreateAccountInput & { id?: string; expiresAt?: Date | undefined; limits?: TokenLimits | undefined },
): Promise<CreatedAccount> {
  const name = checkName(input.name);
  const email = input.email == null ? null : checkEmail(input.email);
  if (email !== null) await lockAccountEmails(tx);
  const plan = input.planId == null ? await findPlanByName(tx, DEFAULT_PLAN) : await keepPlan(tx, input.planId);
  if (!plan) throw notFound('plan', input.planId ?? DEFAULT_PLAN);
  const account = await insertAccount(tx, {
    id: input.id ?? newId(),
    name,
    email,
    roles: checkRoles(input.roles ?? []),
    planId: plan.id,
    createdAt: new Date(),
  });
  if (!account) throw (await findAccountByName(tx, name)) ? alreadyExists(`Account ${name}`) : emailTaken();
  const { expiresAt, limits } = input;
  const { secret } = await issueToken(tx, { accountId: account.id, name: 'initial', expiresAt, ...limits });
  return { account, secret };
}

export interface UpdateAccountInput {
  id: string;
  /** Null removes it; undefined leaves it as it is. */
  email?: string | null | undefined;
  roles?: readonly string[] | null | undefined;
  planId?: string | null | undefined;
}

/**
 * Changes email, roles or plan. For admins only; at least one admin must remain. Throws INVALID_REQUEST,
 * ACCOUNT_NOT_FOUND, PLAN_NOT_FOUND, ALREADY_EXISTS.
 */
export async function updateAccount(ctx: Context, input: UpdateAccountInput): Promise<Account> {
  adminOf(await reauthenticated(ctx), 'UpdateAccount', 'admin');
  const { db, bearers } = ctx.services;
  const planId = input.planId ?? undefined;
  const roles = input.roles ? checkRoles(input.roles) : undefined;
  const email = input.email == null ? input.email : checkEmail(input.email);
  const account = await db.transaction(async (tx) => {
    if (email != null) await lockAccountEmails(tx);
    if (planId !== undefined && !(await keepPlan(tx, planId))) throw notFound('plan', planId);
    if (roles && !roles.includes('admin')) await requireRemainingAdmin(tx, input.id);
    const row = await updateRow(tx, input.id, { roles, planId, email });
    if (row) return row;
    throw (await findAccount(tx, input.id)) ? emailTaken() : notFound('account', input.id);
  });
  bearers.clear();
  return account;
}

/**
 * Deletes an account with its applications, environments and tokens. For admins only, who cannot delete their own
 * account; at least one admin must remain. Throws ACCOUNT_NOT_FOUND, AUTH_FORBIDDEN, INVALID_REQUEST.
 */
export async function deleteAccount(ctx: Context, input: { id: string }): Promise<Account> {
  const actor = adminOf(ctx, 'DeleteAccount', 'admin');
  if (actor.accountId === input.id) throw forbidden('An account cannot delete itself');
  const { db } = ctx.services;
  const keys = await findDigestKeys(ctx.services, await findEnvironmentIdsOf(db, 'account', input.id));
  const account = await db.transaction(async (tx) => {
    const at = new Date();
    await requireRemainingAdmin(tx, input.id);
    const deletedAccount = (await lockAccount(tx, input.id)) && (await findAccount(tx, input.id));
    if (!deletedAccount) throw notFound('account', input.id);
    const before = await lockEnvironmentFactsOf(tx, 'account', input.id);
    await removeEnvironmentsOfAccount(tx, input.id, at);
    await sealFactsAgain(tx, ctx.services, before, keys);
    await removeApplicationsOfAccount(tx, input.id, at);
    await removeTokensOfAccount(tx, input.id, at);
    await removeAccount(tx, input.id, at);
    return deletedAccount;
  });
  ctx.services.bearers.clear();
  return account;
}

/** Gives an account an email, without a caller. For operator commands. Throws INVALID_REQUEST, ALREADY_EXISTS. */
export async function setEmailAsOperator(tx: Session, id: string, email: string): Promise<void> {
  const checked = checkEmail(email);
  await lockAccountEmails(tx);
  if (!(await updateRow(tx, id, { email: checked }))) throw emailTaken();
}

function emailTaken(): AppError {
  return alreadyExists('An account with this email');
}

/**
 * Throws INVALID_REQUEST when the account is the last admin, because without any admin nobody could appoint one again.
 */
async function requireRemainingAdmin(tx: Session, accountId: string): Promise<void> {
  const admins = await lockAccountsWithRole(tx, 'admin' satisfies AccountRole);
  if (admins.length === 1 && admins[0]?.id === accountId) {
    throw invalidRequest('the last account with the role admin keeps it');
  }
}

function checkRoles(roles: readonly string[]): string[] {
  const unknown = roles.some((role) => !(ACCOUNT_ROLES as readonly string[]).includes(role));
  if (unknown) throw invalidRequest(`roles: expected any of ${ACCOUNT_ROLES.join(', ')}`);
  return [...new Set(roles)];
}

function accountKey(account: Account): string {
  return account.id;
}

export const accountEdge = edgesBy(accountKey);
