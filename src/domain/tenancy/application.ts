// Applications, which group the environments of an account. They are visible to their owner only.
import { AppError } from '../../errors/errors.js';
import { alreadyExists, limitExceeded, notFound } from '../../errors/refusals.js';
import { newId } from '../../ids/new-id.js';
import { giveEnvironmentRoom, lockAccount } from '../../store/tenancy/account.js';
import {
  type ApplicationRow,
  countApplications,
  findApplication,
  findApplicationByName,
  findApplications,
  findApplicationsById,
  insertApplication,
  removeApplication,
  updateApplication as updateRow,
} from '../../store/tenancy/application.js';
import { removeEnvironmentsOfApplication } from '../../store/tenancy/environment.js';
import { findEnvironmentIdsOf, lockEnvironmentFactsOf } from '../../store/tenancy/environment-facts.js';
import { ownAccountOnly } from '../access/permissions.js';
import { findDigestKeys, sealFactsAgain } from '../keys/environment-facts.js';
import { actorOf, managerOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { spendItems } from '../request/item-budget.js';
import { checkName } from '../request/name.js';
import { edgesBy, forwardPage, type Page, type PageArguments, pageOf, stringKey } from '../request/page.js';
import { storableText } from '../request/storable-text.js';

export type Application = ApplicationRow;

/** Maximum number of applications per account. */
export const MAX_APPLICATIONS = 1_000;

/** Throws APPLICATION_NOT_FOUND for everybody except the owner. */
export async function getApplication(ctx: Context, id: string): Promise<Application> {
  actorOf(ctx);
  const row = await findApplication(ctx.services.db, id);
  if (!row) throw notFound('application', id);
  ownAccountOnly(ctx, row.accountId, () => notFound('application', id));
  return row;
}

/** Finds an application by the account that owns it and its name. Throws APPLICATION_NOT_FOUND as `getApplication` does. */
export async function getApplicationByName(
  ctx: Context,
  { accountId, name }: { accountId: string; name: string },
): Promise<Application> {
  // The message does not repeat the name, because it is arbitrary text from the caller.
  const absent = () => new AppError('APPLICATION_NOT_FOUND', 'Application of this name not found');
  ownAccountOnly(ctx, accountId, absent);
  const row = await findApplicationByName(ctx.services.db, accountId, storableText(name));
  if (!row) throw absent();
  return row;
}

/** Several of the caller's own applications in the order of the ids, with null for every id that is not one. */
export async function getApplications(ctx: Context, ids: readonly string[]): Promise<(Application | null)[]> {
  const { accountId, grant } = actorOf(ctx);
  if (grant.environmentId !== null) return ids.map(() => null);
  const rows = await findApplicationsById(ctx.services.db, ids);
  const own = new Map(rows.filter((row) => row.accountId === accountId).map((row) => [row.id, row]));
  return ids.map((id) => own.get(id) ?? null);
}

/** The caller's applications in the order of their names. */
export async function listApplications(ctx: Context, args: PageArguments): Promise<Page<Application>> {
  const { accountId, grant } = actorOf(ctx);
  const request = forwardPage(args, stringKey);
  if (grant.environmentId !== null) return pageOf(request, [], () => undefined);
  spendItems(ctx, request.size);
  const rows = await findApplications(ctx.services.db, accountId, request.after ?? null, request.size + 1);
  return pageOf(request, rows, applicationKey);
}

/** One of the caller's own applications by its name. Used by the first start. */
export function findByName(ctx: Context, name: string): Promise<Application | undefined> {
  return findApplicationByName(ctx.services.db, actorOf(ctx).accountId, name);
}

export interface CreateApplicationInput {
  name: string;
  /** Absent: the caller's own account. No other one is possible. */
  accountId?: string | null | undefined;
}

/**
 * Creates an application in the caller's own account. Throws INVALID_REQUEST, ACCOUNT_NOT_FOUND, AUTH_FORBIDDEN,
 * ALREADY_EXISTS, LIMIT_EXCEEDED.
 */
export async function createApplication(ctx: Context, input: CreateApplicationInput): Promise<Application> {
  const name = checkName(input.name);
  const { accountId } = actorOf(ctx);
  if (input.accountId != null && input.accountId !== accountId) throw notFound('account', input.accountId);
  managerOf(ctx, 'CreateApplication');
  return ctx.services.db.transaction(async (tx) => {
    if (!(await lockAccount(tx, accountId))) throw notFound('account', accountId);
    const row = await insertApplication(tx, { id: newId(), accountId, name, createdAt: new Date() });
    if (!row) throw alreadyExists(`Application ${name}`);
    if ((await countApplications(tx, accountId)) > MAX_APPLICATIONS) {
      throw limitExceeded(`An account may have ${MAX_APPLICATIONS} applications`);
    }
    return row;
  });
}

/** Renames an application. Throws INVALID_REQUEST, APPLICATION_NOT_FOUND, ALREADY_EXISTS. */
export async function updateApplication(ctx: Context, input: { id: string; name: string }): Promise<Application> {
  const name = checkName(input.name);
  const application = await getApplication(ctx, input.id);
  managerOf(ctx, 'UpdateApplication');
  return ctx.services.db.transaction(async (tx) => {
    await lockAccount(tx, application.accountId);
    const row = await updateRow(tx, application.id, name);
    if (row) return row;
    const isThere = await findApplication(tx, application.id);
    throw isThere ? alreadyExists(`Application ${name}`) : notFound('application', application.id);
  });
}

/** Deletes an application with all its environments. Throws APPLICATION_NOT_FOUND. */
export async function deleteApplication(ctx: Context, input: { id: string }): Promise<Application> {
  const application = await getApplication(ctx, input.id);
  managerOf(ctx, 'DeleteApplication');
  const { db } = ctx.services;
  const keys = await findDigestKeys(ctx.services, await findEnvironmentIdsOf(db, 'application', application.id));
  return db.transaction(async (tx) => {
    const at = new Date();
    await lockAccount(tx, application.accountId);
    const before = await lockEnvironmentFactsOf(tx, 'application', application.id);
    if (!(await removeApplication(tx, application.id, at))) throw notFound('application', application.id);
    const removed = await removeEnvironmentsOfApplication(tx, application.id, at);
    await sealFactsAgain(tx, ctx.services, before, keys);
    await giveEnvironmentRoom(tx, application.accountId, removed.length);
    return application;
  });
}

function applicationKey(application: Application): string {
  return application.name;
}

export const applicationEdge = edgesBy(applicationKey);
