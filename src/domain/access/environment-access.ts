// Loads an environment together with the roles that the caller has in it.
import { notFound } from '../../errors/refusals.js';
import {
  type EnvironmentRow,
  type EnvironmentWithAccessRow,
  findEnvironment,
} from '../../store/tenancy/environment.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { authorizeEnvironment, type EnvironmentPermission, type Role, rolesOf } from './permissions.js';

export interface EnvironmentWithRoles extends EnvironmentRow {
  /** The caller's roles in the environment. */
  roles: Role[];
}

/**
 * Throws ENVIRONMENT_NOT_FOUND when the caller has no role in the environment, and AUTH_FORBIDDEN when it lacks the
 * permission.
 */
export async function accessEnvironment(
  ctx: Context,
  id: string,
  permission: EnvironmentPermission = 'ViewEnvironment',
): Promise<EnvironmentWithRoles> {
  const row = await findEnvironment(ctx.services.db, { id, accountId: actorOf(ctx).accountId });
  if (!row) throw notFound('environment', id);
  const environment = withRoles(ctx, row);
  authorizeEnvironment(ctx, id, environment.roles, permission);
  return environment;
}

/** Adds the caller's roles to an environment row from the store. */
export function withRoles(ctx: Context, { shareRoles, ...row }: EnvironmentWithAccessRow): EnvironmentWithRoles {
  return { ...row, roles: rolesOf(actorOf(ctx), { ownerId: row.ownerId, shareRoles }, row.id) };
}
