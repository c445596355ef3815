// Where a change stream begins, and whether the log still is the one that the stream has told.
import { AppError } from '../../errors/errors.js';
import { invalidRequest } from '../../errors/refusals.js';
import { type EventId, eventIdFrom, isOfLog } from '../../ids/event-id.js';
import type { Context } from '../request/context.js';
import type { ChangesPage } from '../request/services.js';
import type { Environment } from '../tenancy/environment.js';
import { logPointOf } from '../tenancy/environment-at.js';

/** A place in an environment's log: the hash commits to everything up to it. */
export interface LogPlace {
  revision: bigint;
  hash: Uint8Array;
}

/** Copies the hash: bytes from the driver would keep the whole buffer in memory that they came in, for each open stream. */
export function logPlace(revision: bigint, hash: Uint8Array): LogPlace {
  return { revision, hash: Uint8Array.from(hash) };
}

/** Where a stream begins: at the present end of the log, unless the caller has named a place. */
export interface StartPlace extends LogPlace {
  isNow: boolean;
}

export interface Resumption {
  /** A revision of the environment. */
  after?: bigint | null | undefined;
  /** The id of the last event, or a revision. */
  afterEventId?: string | null | undefined;
  /** The same, from the header of a request that repeats its first one. It counts instead of the others. */
  lastEventId?: string | undefined;
}

/**
 * The place behind which the stream begins; without any, the present end of the log. Throws INVALID_REQUEST (both, or a text
 * that is no id), and CHANGE_HISTORY_LOST when the log has no such place.
 */
export async function resumePointOf(
  ctx: Context,
  environment: Environment,
  resumption: Resumption,
): Promise<StartPlace> {
  const named = askedPlace(resumption);
  const asked = named ?? { revision: environment.revision, hash: undefined };
  if (asked.revision > environment.revision) throw historyLost();
  const { at, hash } = await logPointOf(ctx, environment, 'after', asked.revision);
  // No event ends inside of a change set: an id that names such a revision is of another log, too.
  if (asked.hash !== undefined && (at !== asked.revision || !isOfLog(asked, hash))) throw historyLost();
  return { ...logPlace(at, hash), isNow: named === undefined };
}

function askedPlace({ after, afterEventId, lastEventId }: Resumption): EventId | undefined {
  if (lastEventId !== undefined) return idIn('Last-Event-ID', lastEventId);
  if (afterEventId == null) return after == null ? undefined : { revision: after, hash: undefined };
  if (after != null) throw invalidRequest('expected either after or afterEventId');
  return idIn('afterEventId', afterEventId);
}

function idIn(name: string, text: string): EventId {
  const id = eventIdFrom(text);
  if (!id) throw invalidRequest(`${name}: expected the id of an event, or a revision in decimal digits`);
  return id;
}

/** Throws CHANGE_HISTORY_LOST unless the page continues the log from this place. */
export function requireContinuation({ revision, hash }: LogPlace, { hashBefore }: ChangesPage): void {
  // Every log of the environment begins alike.
  if (revision === 0n) return;
  if (hashBefore === null || Buffer.compare(hashBefore, hash) !== 0) throw historyLost();
}

function historyLost(): AppError {
  const message =
    'The log of the environment is not the one that was told: read the secrets anew, then watch from now on';
  return new AppError('CHANGE_HISTORY_LOST', message);
}
