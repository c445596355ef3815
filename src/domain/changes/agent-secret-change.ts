// The change feed of an environment: all writes after a revision in order, followed by new writes as they are made.
import { AppError } from '../../errors/errors.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { coversPath } from '../request/grant.js';
import { ROW_BYTES } from '../request/item-budget.js';
import type { Watch } from '../request/services.js';
import type { AgentSecretRevision } from '../secrets/agent-secret-revision.js';
import { getEnvironment } from '../tenancy/environment.js';
import { logPointOf } from '../tenancy/environment-at.js';
import { CHANGES_PAGE } from './change-feed.js';

/** The largest change set fits into one page, because a set is always delivered as a whole. */
export const MAX_CHANGES_PER_SET = CHANGES_PAGE;

/**
 * What was written at once: a single change or a change set. Empty only in the first item of a stream that starts at
 * the current revision.
 */
export interface AgentSecretChanges {
  /** The revision from which a client can resume. */
  environmentRevision: bigint;
  changes: AgentSecretRevision[];
}

/**
 * Changes after a revision, without gaps or duplicates. Without a revision the stream starts now: its first item
 * contains no changes, only the current revision, so that a client which then reads the environment misses nothing in
 * between. The stream ends with the matching error as soon as the caller loses access. Throws ENVIRONMENT_NOT_FOUND,
 * AUTH_FORBIDDEN, INVALID_REQUEST (a revision in the future), RATE_LIMITED and UNAVAILABLE (too many streams).
 *
 * Back-pressure: the log is read only as fast as the consumer takes items, so a slow consumer costs one page of memory
 * and not the whole backlog.
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
    // `return` of a generator has no effect while the generator awaits a promise. Closing the watch ends that wait.
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
        // Secrets that the credential does not cover do not exist in its stream either.
        const changes = changesOfSet.filter(({ path }) => coversPath(grant, path));
        if (changes.length > 0) yield { environmentRevision, changes };
        cursor = environmentRevision;
      }
      ctx.operation?.give(bytesOf(rows));
      if (rows.length < CHANGES_PAGE) await watch.next();
    }
    return undefined;
  } finally {
    watch.close();
  }
}

/** A short outage of the database does not end the stream: the read is repeated once the database answers again. */
async function readOrRetryLater(
  ctx: Context,
  environmentId: string,
  cursor: bigint,
  watch: Watch,
): Promise<AgentSecretRevision[]> {
  try {
    // A page is held until the client has taken all of it.
    const wait = ctx.operation?.take(0);
    if (wait) await wait;
    const rows = await ctx.services.feed.read(environmentId, cursor);
    ctx.operation?.add(bytesOf(rows));
    return rows;
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'UNAVAILABLE')) throw error;
    watch.lookAgain();
    return [];
  }
}

function bytesOf(rows: readonly AgentSecretRevision[]): number {
  return rows.reduce((bytes, { path, secretType }) => bytes + ROW_BYTES + path.length + (secretType?.length ?? 0), 0);
}

/** Groups rows by change set, in order. A set that the page cuts off is left for the next page. */
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
