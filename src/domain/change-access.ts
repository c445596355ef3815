// Whether those who wait for changes still may see them.
import { notFound, unauthorized } from '../errors.js';
import { type Claim, findStandings } from '../store/change-feed.js';
import type { Database } from '../store/client.js';
import { authorizeEnvironment, rolesOf } from './access.js';
import type { Actor } from './context.js';

export interface Watcher {
  actor: Actor;
  environmentId: string;
}

/** Those whose token, account, role or environment is gone, and what each is told. One statement, however many they are. */
export async function findRefused<T extends Watcher>(db: Database, watchers: readonly T[]): Promise<[T, unknown][]> {
  const alike = new Map<string, [T, ...T[]]>();
  for (const watcher of watchers) {
    const { environmentId, accountId, tokenId } = claimOf(watcher);
    const name = `${environmentId} ${accountId} ${tokenId}`;
    const known = alike.get(name);
    if (known) known.push(watcher);
    else alike.set(name, [watcher]);
  }
  const groups = [...alike.values()];
  const standings = await findStandings(
    db,
    groups.map(([watcher]) => claimOf(watcher)),
  );
  return groups.flatMap((group, index) => {
    const refusal = refusalOf(group[0], standings[index] as Standing);
    return refusal === undefined ? [] : group.map((watcher): [T, unknown] => [watcher, refusal]);
  });
}

function claimOf({ actor, environmentId }: Watcher): Claim {
  return { environmentId, accountId: actor.accountId, tokenId: actor.tokenId };
}

type Standing = Awaited<ReturnType<typeof findStandings>>[number];

function refusalOf({ actor, environmentId }: Watcher, standing: Standing): unknown {
  const { isAuthenticated, ownerId, shareRoles } = standing;
  if (!isAuthenticated) return unauthorized();
  if (ownerId === null) return notFound('environment', environmentId);
  try {
    authorizeEnvironment(environmentId, rolesOf(actor, { ownerId, shareRoles }), 'ViewAgentSecret');
    return undefined;
  } catch (refusal) {
    return refusal;
  }
}
