// Idempotency keys for safe retries: a write with a key is made at most once, and a retry receives the result of the
// first request.
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
import { writingKeys } from '../keys/current-keys.js';
import { type Actor, actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { isAccountWide } from '../request/grant.js';

/** How long a key is kept. */
const KEY_LIFETIME_MS = 24 * 3_600_000;
const KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;

/** Input of a write that is safe to retry. A key has 1 to 255 visible ASCII characters and is kept for 24 hours. */
export interface Repeatable {
  idempotencyKey?: string | null | undefined;
}

/** The outcome of a write: enough to rebuild its result from the log. */
export type Outcome = Pick<IdempotencyKeyRow, 'agentSecretId' | 'revision' | 'environmentRevision'>;
/** The outcome of an earlier write. */
export type EarlierOutcome = Outcome & { environmentId: string };

/**
 * Runs a write in the write queue of its environment, and then announces it to the change feed. `work` returns
 * undefined when it wrote nothing, and throws `Unwritten` when it wrote nothing but still has a result.
 */
export type Write = <T>(
  environmentId: string,
  work: (session: Session) => Promise<T | undefined>,
  outcomeOf: (written: T) => Outcome,
  options?: { transaction: boolean },
) => Promise<T | undefined>;

/** Rolls the transaction back, but passes on a result. */
export class Unwritten<T> extends Error {
  readonly result: T;

  constructor(result: T) {
    super('nothing was written');
    this.result = result;
  }
}

/** Another request uses the key at this moment or has just used it. */
class KeyAlreadyUsed extends Error {}

export interface Retry<T> {
  /** Absent or null makes an ordinary write. */
  key: string | null | undefined;
  /** Everything that identifies the request. The same key with a different request is refused. */
  request: readonly unknown[];
  run(write: Write): Promise<T>;
  /** Returns what the earlier write did, after authorizing the caller again. */
  replay(earlier: EarlierOutcome): Promise<T>;
}

/**
 * Runs a write once, or returns the result of its first run. The key is stored in the transaction of the write,
 * together with a keyed hash of the request and the resulting revision, but never with a value. A concurrent retry
 * waits for the first request.
 *
 * In addition to the errors of `run`, throws INVALID_REQUEST (malformed key) and IDEMPOTENCY_KEY_REUSED.
 */
export async function atMostOnce<T>(ctx: Context, retry: Retry<T>): Promise<T> {
  const { key } = retry;
  if (key == null) return retry.run(plainWrite(ctx));
  if (!KEY_PATTERN.test(key)) throw invalidRequest('idempotencyKey: expected 1 to 255 visible ASCII characters');
  // `run` refuses such a credential in any case. The key is not looked up before, so that the caller cannot find out
  // whether the key belongs to this very request.
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
    const { digest } = await writingKeys(ctx.services, row.environmentId);
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
    // The error may exist only because the same request has succeeded in the meantime: a stale revision, a taken path,
    // a lost connection.
    if (!(error instanceof AppError || error instanceof KeyAlreadyUsed)) throw error;
    const concurrentAnswer = await answerFromEarlierRun();
    if (concurrentAnswer) return concurrentAnswer.answer;
    throw error instanceof AppError ? error : unavailable('The same request is being answered just now');
  }
}

/**
 * A suffix that separates the keys of credentials which must not share them. Credentials of an account that may read
 * the same values share their keys; a credential that may read no values shares them with nobody. Otherwise the answer
 * to whether two requests are equal would reveal the value in the other request. The suffix begins with a blank, which
 * no key contains.
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
  const { db, writes, feed } = ctx.services;
  const { accountId } = actorOf(ctx);
  return async (environmentId, work, outcomeOf) => {
    const requestHash = requestDigest((await writingKeys(ctx.services, environmentId)).digest, request);
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
