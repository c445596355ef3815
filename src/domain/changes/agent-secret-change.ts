// The change feed of an environment: all writes after a revision in order, followed by new writes as they are made.
import { AppError } from '../../errors/errors.js';
import { eventIdOf } from '../../ids/event-id.js';
import type { AgentSecretRevisionRow, ChainedRevisionRow } from '../../store/secrets/agent-secret-revision.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { coversPath } from '../request/grant.js';
import { ROW_BYTES } from '../request/item-budget.js';
import type { ChangesPage, Watch } from '../request/services.js';
import { type AgentSecretRevision, revisionOf } from '../secrets/agent-secret-revision.js';
import { getEnvironment } from '../tenancy/environment.js';
import { CHANGES_PAGE } from './change-feed.js';
import {
  type LogPlace,
  logPlace,
  type Resumption,
  requireContinuation,
  resumePointOf,
  type StartPlace,
} from './resume-point.js';

/** The largest change set fits into one page, because a set is always delivered as a whole. */
export const MAX_CHANGES_PER_SET = CHANGES_PAGE;

/**
 * What was written at once: a single change or a change set. Empty only in the first item of a stream that starts at
 * the current revision.
 */
export interface AgentSecretChanges {
  /** The revision from which a client can resume. */
  environmentRevision: bigint;
  /** The id from which it can resume, which also tells whether the log still is the same. */
  eventId: string;
  changes: AgentSecretRevision[];
}

/**
 * Changes after a revision, without gaps or duplicates. Without a revision the stream starts now: its first item
 * contains no changes, only the current revision, so that a client which then reads the environment misses nothing in
 * between. The stream ends with the matching error as soon as the caller loses access, and with CHANGE_HISTORY_LOST when the
 * log is no longer the one that it has told. Throws ENVIRONMENT_NOT_FOUND, AUTH_FORBIDDEN, INVALID_REQUEST,
 * CHANGE_HISTORY_LOST, RATE_LIMITED and UNAVAILABLE (too many streams).
 *
 * Back-pressure: the log is read only as fast as the consumer takes items, so a slow consumer costs one page of memory
 * and not the whole backlog.
 */
export async function watchAgentSecretChanges(
  ctx: Context,
  input: { environmentId: string } & Resumption,
): Promise<AsyncIterableIterator<AgentSecretChanges>> {
  const environment = await getEnvironment(ctx, input.environmentId, 'ViewAgentSecret');
  const start = await resumePointOf(ctx, environment, input);
  const watch = ctx.services.feed.watch(actorOf(ctx), environment.id);
  const changes = readChanges(ctx, environment.id, start, watch);
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
  start: StartPlace,
  watch: Watch,
): AsyncGenerator<AgentSecretChanges, undefined> {
  const { grant } = actorOf(ctx);
  let cursor: LogPlace = start;
  try {
    if (start.isNow) yield toldAt(start, []);
    while (watch.isOpen()) {
      watch.arm();
      const page = await readUnlessAway(ctx, environmentId, cursor.revision);
      if (page) requireContinuation(cursor, page);
      const rows = page?.rows ?? [];
      for (const set of wholeSets(rows)) {
        if (!watch.isOpen()) return undefined;
        // Secrets that the credential does not cover do not exist in its stream either.
        const changes = set.filter(({ path }) => coversPath(grant, path));
        const last = set.at(-1) as ChainedRevisionRow;
        const end = logPlace(last.environmentRevision, last.hash);
        if (changes.length > 0) yield toldAt(end, changes);
        cursor = end;
      }
      ctx.operation?.give(bytesOf(rows));
      if (rows.length < CHANGES_PAGE) await watch.next(cursor.hash);
    }
    return undefined;
  } finally {
    watch.close();
  }
}

function toldAt({ revision, hash }: LogPlace, rows: readonly AgentSecretRevisionRow[]): AgentSecretChanges {
  return { environmentRevision: revision, eventId: eventIdOf(revision, hash), changes: rows.map(revisionOf) };
}

/**
 * Undefined while the database is away: a short outage does not end the stream. Once the database answers again, the stream
 * is woken if there is more than it has told.
 */
async function readUnlessAway(ctx: Context, environmentId: string, cursor: bigint): Promise<ChangesPage | undefined> {
  try {
    // A page is held until the client has taken all of it.
    const wait = ctx.operation?.take(0);
    if (wait) await wait;
    const page = await ctx.services.feed.read(environmentId, cursor);
    ctx.operation?.add(bytesOf(page.rows));
    return page;
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'UNAVAILABLE')) throw error;
    return undefined;
  }
}

function bytesOf(rows: readonly AgentSecretRevisionRow[]): number {
  return rows.reduce((bytes, { path, secretType }) => bytes + ROW_BYTES + path.length + (secretType?.length ?? 0), 0);
}

/** Groups rows by change set, in order. A set that the page cuts off is left for the next page. */
function wholeSets(rows: readonly ChainedRevisionRow[]): ChainedRevisionRow[][] {
  const sets: ChainedRevisionRow[][] = [];
  let incompleteSet: ChainedRevisionRow[] = [];
  for (const row of rows) {
    incompleteSet.push(row);
    if (row.setPosition !== null && row.setPosition + 1 !== row.setSize) continue;
    sets.push(incompleteSet);
    incompleteSet = [];
  }
  return sets;
}
