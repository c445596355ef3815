// Who may do what. docs/access-and-tokens.md prints this table; nothing else decides it.
import type { AppError } from '../../errors/errors.js';
import { forbidden, notFound } from '../../errors/refusals.js';
import { type Actor, actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { coversEnvironment, type Scope } from '../request/grant.js';

/** Roles a share can give. */
export const SHARE_ROLES = ['admin', 'deployer', 'viewer'] as const;
export type ShareRole = (typeof SHARE_ROLES)[number];
/** Roles in an environment: the owner account's, or a share's. */
export type Role = 'owner' | ShareRole;

const ALL_ROLES = ['owner', 'admin', 'deployer', 'viewer'] as const;
const DEPLOYERS_AND_ABOVE = ['owner', 'admin', 'deployer'] as const;
const ADMINS_AND_ABOVE = ['owner', 'admin'] as const;
const OWNER_ONLY = ['owner'] as const;

export const ENVIRONMENT_PERMISSIONS = {
  ViewEnvironment: ALL_ROLES,
  ViewAgentSecret: DEPLOYERS_AND_ABOVE,
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

/** What a credential must be good for besides; reading needs no scope of its own. */
const PERMISSION_SCOPES: Partial<Record<EnvironmentPermission, Scope>> = {
  CreateAgentSecret: 'write',
  UpdateAgentSecret: 'write',
  DeleteAgentSecret: 'write',
  CreateShare: 'admin',
  UpdateShare: 'admin',
  DeleteShare: 'admin',
  UpdateEnvironment: 'admin',
  DeleteEnvironment: 'admin',
};

/** What a store read tells about a caller's binding in an environment. */
export interface RoleBinding {
  ownerId: string;
  /** Roles of the caller's share; null without a share. */
  shareRoles: string[] | null;
}

/** None in an environment that the caller's credential is not good for. */
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

/** Roles of a share, each enough to know of a secret and to do this with it: for a write that looks by itself. */
export function shareRolesThatMay(action: EnvironmentPermission): readonly ShareRole[] {
  return SHARE_ROLES.filter((role) => may([role], 'ViewAgentSecret') && may([role], action));
}

/** Whether the caller's credential is good for an action, whatever the roles of its account. */
export function isGoodFor(ctx: Context, action: EnvironmentPermission): boolean {
  const { scopes, pathPrefixes } = actorOf(ctx).grant;
  const requiredScope = PERMISSION_SCOPES[action];
  // Every operation of the contract goes on from the environment to its secrets.
  if (ctx.door === 'rest' && !scopes.has('reveal') && action !== 'ViewEnvironment') return false;
  // Shares and settings are the whole environment's: who changes them reaches beyond some paths.
  if (requiredScope === 'admin' && pathPrefixes !== null) return false;
  return requiredScope === undefined || scopes.has(requiredScope);
}

/** For an environment the caller knows: AUTH_FORBIDDEN unless one of the roles may, and the credential as well. */
export function authorize(ctx: Context, environment: { roles: readonly Role[] }, action: EnvironmentPermission): void {
  if (!isGoodFor(ctx, action) || !may(environment.roles, action)) {
    throw forbidden(`The environment action ${action} is not allowed`);
  }
}

/** Without any role an environment does not exist for the caller; otherwise as `authorize`. */
export function authorizeEnvironment(
  ctx: Context,
  id: string,
  roles: readonly Role[],
  action: EnvironmentPermission,
): void {
  if (roles.length === 0) throw notFound('environment', id);
  authorize(ctx, { roles }, action);
}

/** An account's own things: its owner only, and not with a credential for one environment. They do not exist otherwise. */
export function ownAccountOnly(ctx: Context, accountId: string, otherwise: () => AppError): Actor {
  const actor = actorOf(ctx);
  if (actor.accountId !== accountId || actor.grant.environmentId !== null) throw otherwise();
  return actor;
}
