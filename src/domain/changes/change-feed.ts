// Who waits for changes of which environment, and what wakes them. The log is the truth: a wake-up only says "look again".
//
// A write wakes the waiting in its own process at once, those in others by a notification of the database; whatever is
// lost on the way, a poll finds. The same poll ends the streams of those who may no longer look.
import { AppError } from '../../errors/errors.js';
import { unavailable } from '../../errors/refusals.js';
import type { Logger } from '../../logging/logger.js';
import { findHeads } from '../../store/changes/change-feed.js';
import type { Database } from '../../store/engine/client.js';
import type { ChangeFeed } from '../request/services.js';
import { findRefused, type Watcher } from './change-access.js';
import { shareChangeReads } from './change-reads.js';

/** The largest change set fits into one page: a set is always told whole. */
export const CHANGES_PAGE = 100;
/** What a lost notification costs at most. */
const POLL_MS = 1_000;
/** How long access that is lost may still be used. */
const RECHECK_MS = 2_000;
/** For how long streams outlive a database that does not answer: meanwhile neither changes nor lost access show. */
const BLIND_MS = 10_000;
/** How far apart announcements to others are, under load: one for each write would cost nearly as much as the write. */
const ANNOUNCE_MS = 100;

/** Streams that one process holds open. */
export interface FeedLimits {
  all: number;
  ofAccount: number;
}
const LIMITS: FeedLimits = { all: 10_000, ofAccount: 1_000 };
const RETRY_AFTER = 10;

interface Waiting extends Watcher {
  since: number;
  isAwake: boolean;
  ended: unknown;
  isClosed: boolean;
  wake(): void;
}

/** Before every revision: whoever waits is told again. */
const NOTHING_TOLD = -1n;

export function createChangeFeed(db: Database, log: Logger, limits = LIMITS): ChangeFeed {
  const watches = new Map<string, Set<Waiting>>();
  const perAccount = new Map<string, number>();
  /** The newest revision that is known to have been told, by environment. */
  const heads = new Map<string, bigint>();
  const announced = new Set<string>();
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  let announcing: NodeJS.Timeout | undefined;
  let told = 0;
  let stopListening: (() => Promise<void>) | undefined;
  let checked = 0;
  let isPolling = false;
  let isClosed = false;

  const everyone = () => [...watches.values()].flatMap((set) => [...set]);

  function wake(environmentId: string): void {
    for (const waiting of watches.get(environmentId) ?? []) waiting.wake();
  }

  function announce(environmentId: string): void {
    wake(environmentId);
    announced.add(environmentId);
    announcing ??= setTimeout(tellOthers, Math.max(0, told + ANNOUNCE_MS - performance.now())).unref();
  }

  async function tellOthers(): Promise<void> {
    clearTimeout(announcing);
    announcing = undefined;
    told = performance.now();
    const ids = [...announced];
    announced.clear();
    // Best effort: who misses it finds out by polling.
    if (ids.length > 0) await db.notify(ids).catch(() => {});
  }

  async function poll(): Promise<void> {
    if (isPolling || watches.size === 0) return;
    isPolling = true;
    try {
      for (const { id, revision } of await findHeads(db, [...watches.keys()])) {
        if (!watches.has(id) || heads.get(id) === revision) continue;
        heads.set(id, revision);
        wake(id);
      }
      if (performance.now() - checked >= RECHECK_MS) await recheck();
    } catch (error) {
      log.debug({ err: error }, 'cannot poll for changes');
      endTheBlind();
    } finally {
      isPolling = false;
    }
  }

  /** Ends the streams of callers whose token, account, role or environment is gone. */
  async function recheck(): Promise<void> {
    const now = performance.now();
    const refused = await findRefused(db, everyone());
    checked = now;
    for (const [waiting, refusal] of refused) end(waiting, refusal);
  }

  /** Streams that stand still beside others that go on, or outlive their caller's access, are worse than none. */
  function endTheBlind(): void {
    const now = performance.now();
    for (const waiting of everyone()) {
      if (now - Math.max(checked, waiting.since) < BLIND_MS) continue;
      end(waiting, unavailable('The changes cannot be read just now; resume from the last revision'));
    }
  }

  function end(waiting: Waiting, reason: unknown): void {
    waiting.ended ??= reason;
    waiting.wake();
  }

  function enter(waiting: Waiting, seen: bigint): void {
    const { environmentId, actor } = waiting;
    if (isClosed) throw stopping();
    if (count >= limits.all) throw unavailable('Too many streams are open', RETRY_AFTER);
    const ofAccount = perAccount.get(actor.accountId) ?? 0;
    if (ofAccount >= limits.ofAccount) {
      const message = `Too many streams: ${limits.ofAccount} of an account may be open`;
      throw new AppError('RATE_LIMITED', message, { retryAfter: RETRY_AFTER });
    }
    count += 1;
    perAccount.set(actor.accountId, ofAccount + 1);
    watches.set(environmentId, (watches.get(environmentId) ?? new Set()).add(waiting));
    if (!heads.has(environmentId)) heads.set(environmentId, seen);
    timer ??= setInterval(() => void poll(), POLL_MS).unref();
    stopListening ??= db.listen(wake);
  }

  function leave(waiting: Waiting): void {
    if (waiting.isClosed) return;
    waiting.isClosed = true;
    waiting.wake();
    count -= 1;
    const { environmentId, actor } = waiting;
    const ofAccount = (perAccount.get(actor.accountId) ?? 1) - 1;
    if (ofAccount > 0) perAccount.set(actor.accountId, ofAccount);
    else perAccount.delete(actor.accountId);
    const set = watches.get(environmentId);
    set?.delete(waiting);
    if (set?.size === 0) {
      watches.delete(environmentId);
      heads.delete(environmentId);
    }
  }

  return {
    announce,
    watch(actor, environmentId, seen) {
      let resolve: (() => void) | undefined;
      const waiting: Waiting = {
        actor,
        environmentId,
        since: performance.now(),
        isAwake: true,
        ended: undefined,
        isClosed: false,
        wake() {
          waiting.isAwake = true;
          resolve?.();
        },
      };
      enter(waiting, seen);
      function isOpen(): boolean {
        if (waiting.isClosed) return false;
        if (waiting.ended !== undefined) throw waiting.ended;
        return true;
      }
      return {
        isOpen,
        arm() {
          waiting.isAwake = false;
        },
        lookAgain() {
          if (!waiting.isClosed) heads.set(environmentId, NOTHING_TOLD);
        },
        async next() {
          if (!waiting.isAwake && waiting.ended === undefined && !waiting.isClosed) {
            await new Promise<void>((done) => {
              resolve = done;
            });
            resolve = undefined;
          }
          return isOpen();
        },
        close: () => leave(waiting),
      };
    },
    read: shareChangeReads(db, CHANGES_PAGE),
    async close() {
      isClosed = true;
      clearInterval(timer);
      for (const waiting of everyone()) end(waiting, stopping());
      // Not waited for: the database may be away.
      void tellOthers();
      await stopListening?.();
    },
  };
}

function stopping() {
  const message = 'The service is stopping; resume from the last revision';
  return new AppError('UNAVAILABLE', message, { retryAfter: 1, isRoutine: true });
}
