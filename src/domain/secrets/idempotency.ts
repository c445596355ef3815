// Safe retries: a write that names a key is done at most once. A repetition is answered with what the first one did.
import { createHash } from 'node:crypto';
import { isSameDigest, requestDigest } from '../../crypto/digest.js';
import { AppError } from '../../errors/errors.js';
import { invalidRequest, unavailable } from '../../errors/refusals.js';
import { printJson } from '../../json/print.js';
import type { Session } from '../../store/engine/client.js';
import {
  findIdempotencyKey,
  type IdempotencyKeyRow,
  insertIdempotencyKey,
  updateIdempotencyKey,
} from '../../store/secrets/idempotency-key.js';
import { isGoodFor } from '../access/permissions.js';
import { type Actor, actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { isAccountWide } from '../request/grant.js';

/** How long a key is remembered. */
const KEY_LIFETIME_MS = 24 * 3_600_000;
const KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;

/** What makes a write safe to repeat: 1 to 255 visible ASCII characters, remembered for 24 hours. */
export interface Repeatable {
  idempotencyKey?: string | null | undefined;
}

/** What a write has done: enough to tell it again from the log. */
export type Outcome = Pick<IdempotencyKeyRow, 'agentSecretId' | 'revision' | 'environmentRevision'>;
/** An earlier write's outcome. */
export type EarlierOutcome = Outcome & { environmentId: string };

/**
 * Runs a write in its environment's turn and announces it. `work` answers undefined when it wrote nothing, and throws
 * `Unwritten` when it has something to tell all the same.
 */
export type Write = <T>(
  environmentId: string,
  work: (session: Session) => Promise<T | undefined>,
  outcomeOf: (written: T) => Outcome,
  options?: { transaction: boolean },
) => Promise<T | undefined>;

/** Takes a transaction back, with something to tell. */
export class Unwritten<T> extends Error {
  readonly result: T;

  constructor(result: T) {
    super('nothing was written');
    this.result = result;
  }
}

/** The key is another request's, which has not ended yet or has just ended. */
class KeyAlreadyUsed extends Error {}

export interface Retry<T> {
  /** Absent or null: the write is an ordinary one. */
  key: string | null | undefined;
  /** Everything that makes the request what it is: the same key with another request is refused. */
  request: readonly unknown[];
  run(write: Write): Promise<T>;
  /** Answers what the earlier write did, authorised again. */
  replay(earlier: EarlierOutcome): Promise<T>;
}

/**
 * Runs a write, or tells what it did the first time. The key is recorded in the write's own transaction, with a keyed hash
 * of the request and the resulting revision, never a value. A concurrent repetition waits for the first one.
 *
 * Refuses besides what `run` refuses: INVALID_REQUEST (malformed key), IDEMPOTENCY_KEY_REUSED.
 */
export async function atMostOnce<T>(ctx: Context, retry: Retry<T>): Promise<T> {
  const { key } = retry;
  if (key == null) return retry.run(plainWrite(ctx));
  if (!KEY_PATTERN.test(key)) throw invalidRequest('idempotencyKey: expected 1 to 255 visible ASCII characters');
  // Refused in any case, and before it is told whether the key belongs to this very request.
  if (!isGoodFor(ctx, 'UpdateAgentSecret')) return retry.run(plainWrite(ctx));
  const { db } = ctx.services;
  const { accountId } = actorOf(ctx);
  const keyHash = createHash('sha256')
    .update(`${key}${keyNamespaceOf(actorOf(ctx))}`)
    .digest();
  const request = printJson(retry.request);

  async function answerFromEarlierRun(): Promise<{ answer: T } | undefined> {
    const row = await findIdempotencyKey(db, { accountId, keyHash, at: new Date() });
    if (!row) return undefined;
    const { digest } = await ctx.services.keys.keysOf(row.environmentId);
    if (!isSameDigest(requestDigest(digest, request), row.requestHash)) {
      throw new AppError('IDEMPOTENCY_KEY_REUSED', 'The idempotency key belongs to another request');
    }
    return { answer: await retry.replay(row) };
  }

  const earlierAnswer = await answerFromEarlierRun();
  if (earlierAnswer) return earlierAnswer.answer;
  try {
    return await retry.run(keyedWrite(ctx, keyHash, request));
  } catch (error) {
    // Refused because the same request has been done meanwhile: a stale revision, a taken path, a lost connection.
    if (!(error instanceof AppError || error instanceof KeyAlreadyUsed)) throw error;
    const concurrentAnswer = await answerFromEarlierRun();
    if (concurrentAnswer) return concurrentAnswer.answer;
    throw error instanceof AppError ? error : unavailable('The same request is being answered just now');
  }
}

/**
 * Who has a key in common: an account's credentials that may be shown the same values; one that may be shown none, with
 * nobody. Else whether a request is the same as another's would tell what was in that. Keys have no blanks.
 */
function keyNamespaceOf({ tokenId, subject, grant }: Actor): string {
  const { scopes, environmentId, pathPrefixes } = grant;
  if (!scopes.has('reveal')) {
    if (tokenId !== null) return ` ${tokenId}`;
    if (subject === undefined) throw invalidRequest('idempotencyKey: a login without a subject has none');
    return ` subject ${subject}`;
  }
  return isAccountWide(grant) ? '' : ` ${JSON.stringify([environmentId, pathPrefixes && [...pathPrefixes].sort()])}`;
}

function plainWrite(ctx: Context): Write {
  const { db, writes, feed } = ctx.services;
  return async (environmentId, work, _, options) => {
    const written = await writes.run(environmentId, () => (options?.transaction ? db.transaction(work) : work(db)));
    if (written !== undefined) feed.announce(environmentId);
    return written;
  };
}

function keyedWrite(ctx: Context, keyHash: Uint8Array, request: string): Write {
  const { db, writes, feed, keys } = ctx.services;
  const { accountId } = actorOf(ctx);
  return async (environmentId, work, outcomeOf) => {
    const requestHash = requestDigest((await keys.keysOf(environmentId)).digest, request);
    const transaction = () =>
      db.transaction(async (tx) => {
        const createdAt = new Date();
        const expiresAt = new Date(createdAt.getTime() + KEY_LIFETIME_MS);
        const isNewKey = await insertIdempotencyKey(tx, {
          accountId,
          keyHash,
          requestHash,
          environmentId,
          createdAt,
          expiresAt,
        });
        if (!isNewKey) throw new KeyAlreadyUsed();
        const written = await work(tx);
        if (written === undefined) throw new Unwritten(undefined);
        await updateIdempotencyKey(tx, { accountId, keyHash, ...outcomeOf(written) });
        return written;
      });
    try {
      const written = await writes.run(environmentId, transaction);
      feed.announce(environmentId);
      return written;
    } catch (error) {
      if (error instanceof Unwritten && error.result === undefined) return undefined;
      throw error;
    }
  };
}
