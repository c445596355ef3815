// The permission table: which role and which scope each action needs. docs/access-and-tokens.md prints the table, and
// no other code decides.
import type { AppError } from '../../errors/errors.js';
import { forbidden, notFound } from '../../errors/refusals.js';
import { type Actor, actorOf, withoutScope } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { coversEnvironment, type Scope } from '../request/grant.js';

/** The roles that a share can grant. */
export const SHARE_ROLES = ['admin', 'deployer', 'viewer'] as const;
export type ShareRole = (typeof SHARE_ROLES)[number];
/** A role in an environment: `owner` for the owner account, otherwise a role from a share. */
export type Role = 'owner' | ShareRole;

const ALL_ROLES = ['owner', 'admin', 'deployer', 'viewer'] as const;
const DEPLOYERS_AND_ABOVE = ['owner', 'admin', 'deployer'] as const;
const ADMINS_AND_ABOVE = ['owner', 'admin'] as const;
const OWNER_ONLY = ['owner'] as const;

export const ENVIRONMENT_PERMISSIONS = {
  ViewEnvironment: ALL_ROLES,
  ViewAgentSecret: DEPLOYERS_AND_ABOVE,
  RevealAgentSecretValue: DEPLOYERS_AND_ABOVE,
  CreateAgentSecret: DEPLOYERS_AND_ABOVE,
  UpdateAgentSecret: DEPLOYERS_AND_ABOVE,
  DeleteAgentSecret: DEPLOYERS_AND_ABOVE,
  ViewRead: ADMINS_AND_ABOVE,
  ViewShare: ADMINS_AND_ABOVE,
  CreateShare: ADMINS_AND_ABOVE,
  UpdateShare: ADMINS_AND_ABOVE,
  DeleteShare: ADMINS_AND_ABOVE,
  UpdateEnvironment: ADMINS_AND_ABOVE,
  DeleteEnvironment: OWNER_ONLY,
} as const satisfies Record<string, readonly Role[]>;
export type EnvironmentPermission = keyof typeof ENVIRONMENT_PERMISSIONS;

/** The scope that a credential needs in addition to a role. Reading without values needs no scope of its own. */
const PERMISSION_SCOPES: Partial<Record<EnvironmentPermission, Scope>> = {
  RevealAgentSecretValue: 'reveal',
  CreateAgentSecret: 'write',
  UpdateAgentSecret: 'write',
  DeleteAgentSecret: 'write',
  CreateShare: 'admin',
  UpdateShare: 'admin',
  DeleteShare: 'admin',
  UpdateEnvironment: 'admin',
  DeleteEnvironment: 'admin',
};

/** What a query of the store returns about the caller's position in an environment. */
export interface RoleBinding {
  ownerId: string;
  /** The roles of the caller's share; null without a share. */
  shareRoles: string[] | null;
}

/** The caller's roles. Empty when the caller's credential does not cover the environment. */
export function rolesOf({ accountId, grant }: Actor, binding: RoleBinding, environmentId: string): Role[] {
  if (!coversEnvironment(grant, environmentId)) return [];
  if (binding.ownerId === accountId) return ['owner'];
  return (binding.shareRoles ?? []).filter(isShareRole);
}

export function isShareRole(role: string): role is ShareRole {
  return (SHARE_ROLES as readonly string[]).includes(role);
}

export function may(roles: readonly Role[], action: EnvironmentPermission): boolean {
  const allowed: readonly Role[] = ENVIRONMENT_PERMISSIONS[action];
  return roles.some((role) => allowed.includes(role));
}

/**
 * The share roles that allow both seeing a secret and this action. For statements that check access themselves while
 * writing.
 */
export function shareRolesThatMay(action: EnvironmentPermission): readonly ShareRole[] {
  return SHARE_ROLES.filter((role) => may([role], 'ViewAgentSecret') && may([role], action));
}

/** Whether the caller's credential allows an action, regardless of the roles of its account. */
export function isGoodFor(ctx: Context, action: EnvironmentPermission): boolean {
  return lackOf(ctx, action) === undefined;
}

/** What the caller's credential lacks for an action, in words; undefined when it allows the action. */
function lackOf(ctx: Context, action: EnvironmentPermission): string | undefined {
  const { scopes, pathPrefixes } = actorOf(ctx).grant;
  const requiredScope = PERMISSION_SCOPES[action];
  // Every operation of the REST contract leads from the environment to its secrets with their values.
  if (ctx.door === 'rest' && !scopes.has('reveal') && action !== 'ViewEnvironment') return withoutScope('reveal');
  // Shares and settings concern the whole environment, so a credential for only some paths may not change them.
  if (requiredScope === 'admin' && pathPrefixes !== null) return 'needs a token that is not limited to paths';
  return requiredScope === undefined || scopes.has(requiredScope) ? undefined : withoutScope(requiredScope);
}

/** Whether one of the roles and also the credential allow the action. */
export function isAllowed(
  ctx: Context,
  environment: { roles: readonly Role[] },
  action: EnvironmentPermission,
): boolean {
  return isGoodFor(ctx, action) && may(environment.roles, action);
}

/**
 * For an environment that the caller may see. Throws AUTH_FORBIDDEN unless one of the roles and also the credential
 * allow the action.
 */
export function authorize(ctx: Context, environment: { roles: readonly Role[] }, action: EnvironmentPermission): void {
  const lack = lackOf(ctx, action);
  if (lack === undefined && may(environment.roles, action)) return;
  throw notAllowed(
    ctx,
    action,
    lack ?? `needs the role ${ANY_OF.format(ENVIRONMENT_PERMISSIONS[action])} in the environment`,
  );
}

/** REST has the words of its contract, which give no reason. */
function notAllowed({ door }: Context, action: EnvironmentPermission, reason: string): AppError {
  const message = `The environment action ${action} is not allowed`;
  return forbidden(door === 'rest' || door === 'stream' ? message : `${message}: it ${reason}`);
}

const ANY_OF = new Intl.ListFormat('en', { type: 'disjunction' });

/**
 * Throws ENVIRONMENT_NOT_FOUND when the caller has no role, because the environment does not exist for it. Otherwise
 * like `authorize`.
 */
export function authorizeEnvironment(
  ctx: Context,
  id: string,
  roles: readonly Role[],
  action: EnvironmentPermission,
): void {
  if (roles.length === 0) throw notFound('environment', id);
  authorize(ctx, { roles }, action);
}

/**
 * Allows access to an account's own objects only to that account, and only with a credential that is not limited to one
 * environment. For everybody else the objects do not exist: throws the error from `otherwise`.
 */
export function ownAccountOnly(ctx: Context, accountId: string, otherwise: () => AppError): Actor {
  const actor = actorOf(ctx);
  if (actor.accountId !== accountId || actor.grant.environmentId !== null) throw otherwise();
  return actor;
}
