// Shares, with which the owner and the admins of an environment give other accounts roles in it.
import { AppError } from '../../errors/errors.js';
import { alreadyExists, invalidRequest, limitExceeded, notFound } from '../../errors/refusals.js';
import { newIdIn } from '../../ids/new-id.js';
import { findAccount, findAccountByName } from '../../store/tenancy/account.js';
import { findEnvironment, findEnvironmentsForAccounts, lockEnvironment } from '../../store/tenancy/environment.js';
import {
  countEnvironmentShares,
  type EnvironmentShareRow,
  findEnvironmentShare,
  findEnvironmentShares,
  findEnvironmentSharesById,
  insertEnvironmentShare,
  removeEnvironmentShare,
  updateEnvironmentShare as updateRow,
} from '../../store/tenancy/environment-share.js';
import {
  authorize,
  type EnvironmentPermission,
  may,
  rolesOf,
  SHARE_ROLES,
  type ShareRole,
} from '../access/permissions.js';
import { reauthenticated } from '../access/reauthentication.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { spendItems } from '../request/item-budget.js';
import { edgesBy, forwardPage, idKey, type Page, type PageArguments, pageOf } from '../request/page.js';
import { storableText } from '../request/storable-text.js';
import { type Environment, getEnvironment } from './environment.js';

export type EnvironmentShare = EnvironmentShareRow;

/** Maximum number of shares per environment. */
export const MAX_SHARES = 1_000;

/** Several shares in the order of the ids, with null for every share that the caller may not see. */
export async function getEnvironmentShares(ctx: Context, ids: readonly string[]): Promise<(EnvironmentShare | null)[]> {
  const actor = actorOf(ctx);
  const { db } = ctx.services;
  const shares = new Map((await findEnvironmentSharesById(db, ids)).map((row) => [row.id, row]));
  const environmentIds = [...new Set([...shares.values()].map((share) => share.environmentId))];
  const { accountId } = actor;
  const environments = await findEnvironmentsForAccounts(
    db,
    environmentIds.map((id) => ({ id, accountId })),
  );
  const mayView = environments.map((row) => row !== undefined && may(rolesOf(actor, row, row.id), 'ViewShare'));
  const visibleEnvironmentIds = new Set(environmentIds.filter((_, index) => mayView[index]));
  return ids.map((id) => {
    const share = shares.get(id);
    return share && visibleEnvironmentIds.has(share.environmentId) ? share : null;
  });
}

/** The environment's shares in the order of their account ids. For owner and admins. */
export async function listEnvironmentShares(
  ctx: Context,
  environment: Environment,
  args: PageArguments,
): Promise<Page<EnvironmentShare>> {
  authorize(ctx, environment, 'ViewShare');
  const request = forwardPage(args, idKey);
  spendItems(ctx, request.size);
  const rows = await findEnvironmentShares(ctx.services.db, {
    environmentId: environment.id,
    after: request.after ?? null,
    limit: request.size + 1,
  });
  return pageOf(request, rows, shareKey);
}

export interface CreateEnvironmentShareInput {
  environmentId: string;
  /** The account to share with, either by id or by name. */
  accountId?: string | null | undefined;
  accountName?: string | null | undefined;
  roles: readonly ShareRole[];
}

/** Throws ENVIRONMENT_NOT_FOUND, AUTH_FORBIDDEN, INVALID_REQUEST, ACCOUNT_NOT_FOUND, ALREADY_EXISTS, LIMIT_EXCEEDED. */
export async function createEnvironmentShare(
  ctx: Context,
  input: CreateEnvironmentShareInput,
): Promise<EnvironmentShare> {
  const { db } = ctx.services;
  const { accountId, accountName } = input;
  const environment = await getEnvironment(await reauthenticated(ctx), input.environmentId, 'CreateShare');
  if ((accountId == null) === (accountName == null)) {
    throw invalidRequest('expected exactly one of accountId and accountName');
  }
  const account =
    accountId != null
      ? await findAccount(db, accountId)
      : await findAccountByName(db, storableText(accountName as string));
  if (!account) {
    throw accountId != null
      ? notFound('account', accountId)
      : new AppError('ACCOUNT_NOT_FOUND', 'Account of this name not found');
  }
  if (account.id === environment.ownerId) throw invalidRequest('the owner needs no share');
  const at = new Date();
  return db.transaction(async (tx) => {
    if (!(await lockEnvironment(tx, environment.id))) throw notFound('environment', environment.id);
    const row = await insertEnvironmentShare(tx, {
      id: newIdIn(environment.id),
      environmentId: environment.id,
      accountId: account.id,
      roles: distinctRoles(input.roles),
      createdAt: at,
      updatedAt: at,
    });
    if (!row) throw alreadyExists('A share of this environment with this account');
    if ((await countEnvironmentShares(tx, environment.id)) > MAX_SHARES) {
      throw limitExceeded(`An environment may have ${MAX_SHARES} shares`);
    }
    return row;
  });
}

/** Replaces the roles of a share. Throws ENVIRONMENT_SHARE_NOT_FOUND, AUTH_FORBIDDEN. */
export async function updateEnvironmentShare(
  ctx: Context,
  input: { id: string; roles: readonly ShareRole[] },
): Promise<EnvironmentShare> {
  const share = await authorizeShareAccess(await reauthenticated(ctx), input.id, 'UpdateShare');
  const row = await updateRow(ctx.services.db, share.id, distinctRoles(input.roles), new Date());
  if (!row) throw notFound('environmentShare', input.id);
  return row;
}

/** Throws ENVIRONMENT_SHARE_NOT_FOUND, AUTH_FORBIDDEN. */
export async function deleteEnvironmentShare(ctx: Context, input: { id: string }): Promise<EnvironmentShare> {
  const share = await authorizeShareAccess(ctx, input.id, 'DeleteShare');
  const row = await removeEnvironmentShare(ctx.services.db, share.id);
  if (!row) throw notFound('environmentShare', input.id);
  return row;
}

async function authorizeShareAccess(
  ctx: Context,
  id: string,
  action: EnvironmentPermission,
): Promise<EnvironmentShare> {
  const actor = actorOf(ctx);
  const share = await findEnvironmentShare(ctx.services.db, id);
  if (!share) throw notFound('environmentShare', id);
  const row = await findEnvironment(ctx.services.db, { id: share.environmentId, accountId: actor.accountId });
  const roles = row ? rolesOf(actor, row, row.id) : [];
  if (!may(roles, 'ViewShare')) throw notFound('environmentShare', id);
  authorize(ctx, { roles }, action);
  return share;
}

function distinctRoles(roles: readonly ShareRole[]): ShareRole[] {
  return SHARE_ROLES.filter((role) => roles.includes(role));
}

function shareKey(share: EnvironmentShare): string {
  return share.accountId;
}

export const environmentShareEdge = edgesBy(shareKey);
