// Environments: read with the caller's roles, created and deleted within the limits of the plan. Their past states are
// in environment-at.ts.
import { newEnvironmentKeys, openEnvironmentKeys } from '../../crypto/environment-keys.js';
import { alreadyExists, limitExceeded, notFound } from '../../errors/refusals.js';
import { newId } from '../../ids/new-id.js';
import type { Session } from '../../store/engine/client.js';
import { insertEnvironmentKey } from '../../store/keys/environment-key.js';
import { giveEnvironmentRoom, lockAccount, takeEnvironmentRoom } from '../../store/tenancy/account.js';
import { findApplication } from '../../store/tenancy/application.js';
import {
  findEnvironment,
  findEnvironmentsForAccounts,
  findEnvironmentsOfApplication,
  findEnvironmentsSharedWith,
  insertEnvironment,
  removeEnvironment,
  updateEnvironment as updateRow,
} from '../../store/tenancy/environment.js';
import { lockEnvironmentFacts } from '../../store/tenancy/environment-facts.js';
import { findPlansOfAccounts } from '../../store/tenancy/plan.js';
import { accessEnvironment, type EnvironmentWithRoles, withRoles } from '../access/environment-access.js';
import { type EnvironmentPermission, ownAccountOnly } from '../access/permissions.js';
import { findDigestKeys, sealFacts, sealFactsAgain } from '../keys/environment-facts.js';
import { genesisHash } from '../log/log-entry.js';
import { actorOf, managerOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { spendItems } from '../request/item-budget.js';
import { checkName } from '../request/name.js';
import {
  edgesBy,
  forwardPage,
  idKey,
  type Page,
  type PageArguments,
  type PageRequest,
  pageOf,
  stringKey,
} from '../request/page.js';
import type { Application } from './application.js';

/** An environment with what the caller may know of it. */
export interface Environment extends EnvironmentWithRoles {
  /**
   * The revision as of which the environment is read; undefined for the current state. Access, roles and names are
   * always current.
   */
  at?: bigint;
}

/** Throws ENVIRONMENT_NOT_FOUND when the caller has no role in the environment. */
export function getEnvironment(ctx: Context, id: string, permission?: EnvironmentPermission): Promise<Environment> {
  return accessEnvironment(ctx, id, permission);
}

/**
 * Several environments in the order of the ids, with an error for every environment in which the caller has no role.
 */
export async function getEnvironments(ctx: Context, ids: readonly string[]): Promise<(Environment | Error)[]> {
  const { accountId } = actorOf(ctx);
  const lookups = ids.map((id) => ({ id, accountId }));
  const rows = await findEnvironmentsForAccounts(ctx.services.db, lookups);
  return lookups.map(({ id }, index) => {
    const row = rows[index];
    const environment = row && withRoles(ctx, row);
    return environment && environment.roles.length > 0 ? environment : notFound('environment', id);
  });
}

/** The application's environments in the order of their names. */
export async function listEnvironments(
  ctx: Context,
  application: Application,
  args: PageArguments,
): Promise<Page<Environment>> {
  const viewerId = actorOf(ctx).accountId;
  const request = forwardPage(args, stringKey);
  spendItems(ctx, request.size);
  const rows = await findEnvironmentsOfApplication(ctx.services.db, {
    applicationId: application.id,
    viewerId,
    after: request.after ?? null,
    limit: request.size + 1,
  });
  return pageOf(
    request,
    rows.map((row) => withRoles(ctx, row)),
    nameKey,
  );
}

/** Environments of other accounts in which the caller has a role. */
export async function listSharedEnvironments(ctx: Context, args: PageArguments): Promise<Page<Environment>> {
  const { accountId: viewerId, grant } = actorOf(ctx);
  const request = forwardPage(args, idKey);
  spendItems(ctx, request.size);
  if (grant.environmentId !== null) return sharedEnvironment(ctx, grant.environmentId, request);
  const rows = await findEnvironmentsSharedWith(ctx.services.db, {
    viewerId,
    after: request.after ?? null,
    limit: request.size + 1,
  });
  return pageOf(
    request,
    rows.map((row) => withRoles(ctx, row)),
    (environment) => environment.id,
  );
}

/** The list for a credential that is limited to one environment: that environment, if it belongs to another account. */
async function sharedEnvironment(ctx: Context, id: string, request: PageRequest<string>): Promise<Page<Environment>> {
  const { accountId } = actorOf(ctx);
  const row = await findEnvironment(ctx.services.db, { id, accountId });
  const environment = row && withRoles(ctx, row);
  const isShared = environment && environment.ownerId !== accountId && environment.roles.length > 0;
  const isAfterCursor = request.after === undefined || id > request.after;
  return pageOf(request, isShared && isAfterCursor ? [environment] : [], (shared) => shared.id);
}

export interface GolemSettings {
  compatibilityCheck?: boolean | null | undefined;
  versionCheck?: boolean | null | undefined;
  securityOverrides?: boolean | null | undefined;
}

export interface CreateEnvironmentInput {
  applicationId: string;
  name: string;
  /** What Golem's tools keep with it. Absent: false. */
  golem?: GolemSettings | null | undefined;
}

/**
 * For the owner of the application only. Throws INVALID_REQUEST, APPLICATION_NOT_FOUND, ALREADY_EXISTS, LIMIT_EXCEEDED.
 */
export async function createEnvironment(ctx: Context, input: CreateEnvironmentInput): Promise<Environment> {
  const actor = actorOf(ctx);
  const name = checkName(input.name);
  const { db, keyProvider } = ctx.services;
  const application = await findApplication(db, input.applicationId);
  if (!application) throw notFound('application', input.applicationId);
  ownAccountOnly(ctx, application.accountId, () => notFound('application', input.applicationId));
  managerOf(ctx, 'CreateEnvironment');
  const id = newId();
  const at = new Date();
  // Wrapping may need a network request, so it happens before the transaction, which holds the account's lock.
  const keys = await newEnvironmentKeys(keyProvider, id);
  const { digest, id: keysId } = await openEnvironmentKeys(keyProvider, id, keys);
  return db.transaction(async (tx) => {
    // The lock comes first, so that the plan is read in its current state and not as it was before a wait for the lock.
    await lockAccount(tx, actor.accountId);
    const hasRoom = await takeEnvironmentRoom(tx, actor.accountId);
    const row = await insertEnvironment(tx, {
      id,
      applicationId: application.id,
      ownerId: actor.accountId,
      name,
      headHash: genesisHash(id),
      keysId,
      compatibilityCheck: input.golem?.compatibilityCheck ?? false,
      versionCheck: input.golem?.versionCheck ?? false,
      securityOverrides: input.golem?.securityOverrides ?? false,
      createdAt: at,
      updatedAt: at,
    });
    if (!row) {
      if (!(await findApplication(tx, application.id))) throw notFound('application', application.id);
      throw alreadyExists(`Environment ${name}`);
    }
    if (!hasRoom) throw limitExceeded(await environmentLimitMessage(tx, actor.accountId));
    for (const key of keys) await insertEnvironmentKey(tx, { ...key, environmentId: id, createdAt: at });
    await sealFacts(tx, id, digest);
    return { ...row, roles: ['owner'] };
  });
}

/**
 * Renames an environment. For owner and admins. Throws INVALID_REQUEST, ENVIRONMENT_NOT_FOUND, AUTH_FORBIDDEN,
 * ALREADY_EXISTS.
 */
export async function updateEnvironment(ctx: Context, input: { id: string; name: string }): Promise<Environment> {
  const name = checkName(input.name);
  const environment = await getEnvironment(ctx, input.id, 'UpdateEnvironment');
  const keys = await findDigestKeys(ctx.services, [environment.id]);
  return ctx.services.db.transaction(async (tx) => {
    await lockAccount(tx, environment.ownerId);
    const before = await lockEnvironmentFacts(tx, environment.id);
    const row = await updateRow(tx, environment.id, name, new Date());
    if (row) {
      await sealFactsAgain(tx, ctx.services, before, keys);
      return { ...row, roles: environment.roles };
    }
    const isThere = await findEnvironment(tx, { id: environment.id, accountId: environment.ownerId });
    throw isThere ? alreadyExists(`Environment ${name}`) : notFound('environment', environment.id);
  });
}

/**
 * Deletes an environment. For the owner only. Its secrets become inaccessible through every interface; its log remains.
 * Throws ENVIRONMENT_NOT_FOUND, AUTH_FORBIDDEN.
 */
export async function deleteEnvironment(ctx: Context, input: { id: string }): Promise<Environment> {
  const environment = await getEnvironment(ctx, input.id, 'DeleteEnvironment');
  const keys = await findDigestKeys(ctx.services, [environment.id]);
  return ctx.services.db.transaction(async (tx) => {
    await lockAccount(tx, environment.ownerId);
    const before = await lockEnvironmentFacts(tx, environment.id);
    if (!(await removeEnvironment(tx, environment.id, new Date()))) throw notFound('environment', environment.id);
    await sealFactsAgain(tx, ctx.services, before, keys);
    await giveEnvironmentRoom(tx, environment.ownerId, 1);
    return environment;
  });
}

async function environmentLimitMessage(db: Session, accountId: string): Promise<string> {
  const [plan] = await findPlansOfAccounts(db, [accountId]);
  if (!plan) throw notFound('account', accountId);
  return `The plan allows ${plan.maxEnvironments} environments per account`;
}

function nameKey(environment: Environment): string {
  return environment.name;
}

export const environmentEdge = edgesBy(nameKey);
