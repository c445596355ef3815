// Checks whether the callers with open change streams may still see the changes.
import { forbidden, notFound, unauthorized } from '../../errors/refusals.js';
import { type Claim, findRoleBindings } from '../../store/changes/change-feed.js';
import type { Database } from '../../store/engine/client.js';
import { may, rolesOf } from '../access/permissions.js';
import { type Actor, hasEnded } from '../request/actor.js';

export interface Watcher {
  actor: Actor;
  environmentId: string;
}

/**
 * The watchers whose token, account, role or environment is gone, each with the error for its stream. Needs one
 * statement for any number of watchers.
 */
export async function findRefused<T extends Watcher>(db: Database, watchers: readonly T[]): Promise<[T, unknown][]> {
  const watchersByClaim = new Map<string, [T, ...T[]]>();
  for (const watcher of watchers) {
    const { environmentId, accountId, tokenId } = claimOf(watcher);
    const claimKey = `${environmentId} ${accountId} ${tokenId}`;
    const existingGroup = watchersByClaim.get(claimKey);
    if (existingGroup) existingGroup.push(watcher);
    else watchersByClaim.set(claimKey, [watcher]);
  }
  const groups = [...watchersByClaim.values()];
  const bindings = await findRoleBindings(
    db,
    groups.map(([watcher]) => claimOf(watcher)),
  );
  return groups.flatMap((group, index) => {
    const binding = bindings[index] as RoleBinding;
    return group.flatMap((watcher): [T, unknown][] => {
      const refusal = refusalOf(watcher, binding);
      return refusal === undefined ? [] : [[watcher, refusal]];
    });
  });
}

function claimOf({ actor, environmentId }: Watcher): Claim {
  return { environmentId, accountId: actor.accountId, tokenId: actor.tokenId };
}

type RoleBinding = Awaited<ReturnType<typeof findRoleBindings>>[number];

function refusalOf({ actor, environmentId }: Watcher, binding: RoleBinding): unknown {
  const { isAuthenticated, ownerId, shareRoles } = binding;
  if (!isAuthenticated || hasEnded(actor)) return unauthorized();
  if (ownerId === null) return notFound('environment', environmentId);
  const roles = rolesOf(actor, { ownerId, shareRoles }, environmentId);
  if (roles.length === 0) return notFound('environment', environmentId);
  return may(roles, 'ViewAgentSecret') ? undefined : forbidden('The environment action ViewAgentSecret is not allowed');
}
