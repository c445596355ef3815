// The change feed of an environment: every write behind a revision, in order, then live ones as they are made.
import { AppError } from '../../errors/errors.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { coversPath } from '../request/grant.js';
import type { Watch } from '../request/services.js';
import type { AgentSecretRevision } from '../secrets/agent-secret-revision.js';
import { getEnvironment } from '../tenancy/environment.js';
import { logPointOf } from '../tenancy/environment-at.js';
import { CHANGES_PAGE } from './change-feed.js';

/** The largest change set fits into one page: a set is always told whole. */
export const MAX_CHANGES_PER_SET = CHANGES_PAGE;

/** What was written at once: one change, or a change set. None at the beginning of a stream that only looks ahead. */
export interface AgentSecretChanges {
  /** The revision to resume from. */
  environmentRevision: bigint;
  changes: AgentSecretRevision[];
}

/**
 * Changes after a revision, without gap or duplicate. Without a revision those from now on, and first, without changes,
 * the revision that now is: whoever reads the environment then misses nothing in between. Ends with the refusal that
 * applies once the caller may no longer look. Refuses: ENVIRONMENT_NOT_FOUND, AUTH_FORBIDDEN, INVALID_REQUEST (a revision
 * to come), RATE_LIMITED and UNAVAILABLE (too many streams).
 *
 * Reads no further than its consumer takes: a slow one costs a page of memory, not the backlog.
 */
export async function watchAgentSecretChanges(
  ctx: Context,
  input: { environmentId: string; after?: bigint | null | undefined },
): Promise<AsyncIterableIterator<AgentSecretChanges>> {
  const environment = await getEnvironment(ctx, input.environmentId, 'ViewAgentSecret');
  const { revision } = environment;
  const after = input.after == null ? revision : (await logPointOf(ctx, environment, 'after', input.after)).at;
  const watch = ctx.services.feed.watch(actorOf(ctx), environment.id, revision);
  const changes = readChanges(ctx, environment.id, after, watch, input.after == null);
  const iterator: AsyncIterableIterator<AgentSecretChanges> = {
    next: () => changes.next(),
    // A generator that waits cannot be returned from outside: closing the watch ends the wait.
    return() {
      watch.close();
      return changes.return(undefined);
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

async function* readChanges(
  ctx: Context,
  environmentId: string,
  after: bigint,
  watch: Watch,
  startsNow: boolean,
): AsyncGenerator<AgentSecretChanges, undefined> {
  const { grant } = actorOf(ctx);
  let cursor = after;
  try {
    if (startsNow) yield { environmentRevision: after, changes: [] };
    while (watch.isOpen()) {
      watch.arm();
      const rows = await readOrRetryLater(ctx, environmentId, cursor, watch);
      for (const { environmentRevision, changes: changesOfSet } of wholeSets(rows)) {
        if (!watch.isOpen()) return undefined;
        // Secrets the credential is not good for do not exist in its stream, either.
        const changes = changesOfSet.filter(({ path }) => coversPath(grant, path));
        if (changes.length > 0) yield { environmentRevision, changes };
        cursor = environmentRevision;
      }
      if (rows.length < CHANGES_PAGE) await watch.next();
    }
    return undefined;
  } finally {
    watch.close();
  }
}

/** A database that is away for a moment ends no stream. */
async function readOrRetryLater(
  ctx: Context,
  environmentId: string,
  cursor: bigint,
  watch: Watch,
): Promise<AgentSecretRevision[]> {
  try {
    return await ctx.services.feed.read(environmentId, cursor);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'UNAVAILABLE')) throw error;
    watch.lookAgain();
    return [];
  }
}

/** Rows in order, those of one set together; a set that the page has cut off is left for the next page. */
function wholeSets(rows: readonly AgentSecretRevision[]): AgentSecretChanges[] {
  const sets: AgentSecretChanges[] = [];
  let incompleteSet: AgentSecretRevision[] = [];
  for (const row of rows) {
    incompleteSet.push(row);
    if (row.setPosition !== null && row.setPosition + 1 !== row.setSize) continue;
    sets.push({ environmentRevision: row.environmentRevision, changes: incompleteSet });
    incompleteSet = [];
  }
  return sets;
}
