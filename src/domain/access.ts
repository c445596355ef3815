// Who may do what. The README prints this table; nothing else decides it.
import { type AppError, forbidden, notFound } from '../errors.js';
import { type Actor, actorOf, type Context } from './context.js';

/** Roles a share can give. */
export const SHARE_ROLES = ['admin', 'deployer', 'viewer'] as const;
export type ShareRole = (typeof SHARE_ROLES)[number];
/** Roles in an environment: the owner account's, or a share's. */
export type Role = 'owner' | ShareRole;

const EVERYONE = ['owner', 'admin', 'deployer', 'viewer'] as const;
const DEPLOYERS = ['owner', 'admin', 'deployer'] as const;
const ADMINS = ['owner', 'admin'] as const;
const OWNER = ['owner'] as const;

export const ENVIRONMENT_ACTIONS = {
  ViewEnvironment: EVERYONE,
  ViewAgentSecret: DEPLOYERS,
  CreateAgentSecret: DEPLOYERS,
  UpdateAgentSecret: DEPLOYERS,
  DeleteAgentSecret: DEPLOYERS,
  ViewRead: ADMINS,
  ViewShare: ADMINS,
  CreateShare: ADMINS,
  UpdateShare: ADMINS,
  DeleteShare: ADMINS,
  UpdateEnvironment: ADMINS,
  DeleteEnvironment: OWNER,
} as const satisfies Record<string, readonly Role[]>;
export type EnvironmentAction = keyof typeof ENVIRONMENT_ACTIONS;

/** What a store read tells about a caller's standing in an environment. */
export interface Standing {
  ownerId: string;
  /** Roles of the caller's share; null without a share. */
  shareRoles: string[] | null;
}

export function rolesOf(actor: Actor, standing: Standing): Role[] {
  if (standing.ownerId === actor.accountId) return ['owner'];
  return (standing.shareRoles ?? []).filter(isShareRole);
}

export function isShareRole(role: string): role is ShareRole {
  return (SHARE_ROLES as readonly string[]).includes(role);
}

export function may(roles: readonly Role[], action: EnvironmentAction): boolean {
  const allowed: readonly Role[] = ENVIRONMENT_ACTIONS[action];
  return roles.some((role) => allowed.includes(role));
}

/** For an environment the caller knows: AUTH_FORBIDDEN unless one of the roles may. */
export function authorize(environment: { roles: readonly Role[] }, action: EnvironmentAction): void {
  if (!may(environment.roles, action)) throw forbidden(`The environment action ${action} is not allowed`);
}

/** Without any role an environment does not exist for the caller; otherwise as `authorize`. */
export function authorizeEnvironment(id: string, roles: readonly Role[], action: EnvironmentAction): void {
  if (roles.length === 0) throw notFound('environment', id);
  authorize({ roles }, action);
}

/** An account's own things: its owner only; for everybody else they do not exist. */
export function ownAccountOnly(ctx: Context, accountId: string, otherwise: () => AppError): Actor {
  const actor = actorOf(ctx);
  if (actor.accountId !== accountId) throw otherwise();
  return actor;
}
