// Keeps track of the open change streams of each environment and wakes them. The log is the only source of changes: a
// wake-up merely means "read the log again".
//
// A write wakes the streams in its own process directly, and those in other processes through a Postgres notification.
// Polling finds whatever a lost notification has missed. The same polling ends the streams of callers that have lost
// access, and wakes those whose callers were not checked for a while.
import { AppError } from '../../errors/errors.js';
import { unavailable } from '../../errors/refusals.js';
import type { Logger } from '../../logging/logger.js';
import type { SecurityLog } from '../../logging/security-log.js';
import { findHeads } from '../../store/changes/change-feed.js';
import type { Database } from '../../store/engine/client.js';
import type { ChangeFeed } from '../request/services.js';
import { findRefused, type Watcher } from './change-access.js';
import { shareChangeReads } from './change-reads.js';

/**
 * Page size when reading changes. The largest change set fits into one page, because a set is always delivered as a
 * whole.
 */
export const CHANGES_PAGE = 100;
/** The longest delay that a lost notification can cause. */
const POLL_MS = 1_000;
/** How long a caller that has lost access may keep its streams. */
const RECHECK_MS = 2_000;
/**
 * A stream whose caller was not checked for longer, because the database was away, is shown nothing before it has been
 * checked again.
 */
const MAX_UNCHECKED_MS = 10_000;
/**
 * Minimum time between two notifications of other processes. Under load, one notification per write would cost nearly
 * as much as the write itself.
 */
const NOTIFY_INTERVAL_MS = 100;

/** How many streams one process keeps open, in total and per account. */
export interface FeedLimits {
  all: number;
  ofAccount: number;
}
const DEFAULT_LIMITS: FeedLimits = { all: 10_000, ofAccount: 1_000 };
const RETRY_AFTER_SECONDS = 10;

interface OpenStream extends Watcher {
  openedAt: number;
  isAwake: boolean;
  /** The hash of the log up to what the stream has told, when it waited last. */
  told: Uint8Array | undefined;
  endReason: unknown;
  isClosed: boolean;
  wake(): void;
}

export function createChangeFeed(
  db: Database,
  log: Logger,
  limits = DEFAULT_LIMITS,
  security?: SecurityLog,
): ChangeFeed {
  const streamsByEnvironment = new Map<string, Set<OpenStream>>();
  const streamCountByAccount = new Map<string, number>();
  const environmentsToNotify = new Set<string>();
  let streamCount = 0;
  let pollTimer: NodeJS.Timeout | undefined;
  let notifyTimer: NodeJS.Timeout | undefined;
  let lastNotifiedAt = 0;
  let stopListening: (() => Promise<void>) | undefined;
  let lastCheckedAt = 0;
  let isPolling = false;
  let isClosed = false;
  let lastChangeAt = 0;

  const allStreams = () => [...streamsByEnvironment.values()].flatMap((set) => [...set]);

  function wake(environmentId: string): void {
    const now = performance.now();
    lastChangeAt = Date.now();
    for (const stream of streamsByEnvironment.get(environmentId) ?? []) {
      // Polling wakes the others, once it has checked their callers.
      if (now - Math.max(lastCheckedAt, stream.openedAt) < MAX_UNCHECKED_MS) stream.wake();
    }
  }

  function announce(environmentId: string): void {
    wake(environmentId);
    environmentsToNotify.add(environmentId);
    notifyTimer ??= setTimeout(
      notifyOtherProcesses,
      Math.max(0, lastNotifiedAt + NOTIFY_INTERVAL_MS - performance.now()),
    ).unref();
  }

  async function notifyOtherProcesses(): Promise<void> {
    clearTimeout(notifyTimer);
    notifyTimer = undefined;
    lastNotifiedAt = performance.now();
    const ids = [...environmentsToNotify];
    environmentsToNotify.clear();
    // Best effort: a process that misses the notification finds the change by polling.
    if (ids.length > 0) await db.notify(ids).catch(() => {});
  }

  async function poll(): Promise<void> {
    if (isPolling || streamsByEnvironment.size === 0) return;
    isPolling = true;
    try {
      if (performance.now() - lastCheckedAt >= RECHECK_MS) await recheck();
      for (const { id, headHash } of await findHeads(db, [...streamsByEnvironment.keys()])) {
        // By the hash, because a database that goes back may have the same revision again.
        for (const stream of streamsByEnvironment.get(id) ?? []) {
          if (!stream.told || Buffer.compare(stream.told, headHash) !== 0) stream.wake();
        }
      }
    } catch (error) {
      // The streams stay open. While the database is away, there is nothing to show to anybody.
      log.debug({ err: error }, 'cannot poll for changes');
    } finally {
      isPolling = false;
    }
  }

  /** Ends the streams of callers whose token, account, role or environment is gone. */
  async function recheck(): Promise<void> {
    const now = performance.now();
    const refused = await findRefused(db, allStreams());
    lastCheckedAt = now;
    for (const [stream, refusal] of refused) end(stream, refusal);
  }

  function end(stream: OpenStream, reason: unknown): void {
    stream.endReason ??= reason;
    stream.wake();
  }

  function addStream(stream: OpenStream): void {
    const { environmentId, actor } = stream;
    if (isClosed) throw stoppingError();
    if (streamCount >= limits.all) throw unavailable('Too many streams are open', RETRY_AFTER_SECONDS);
    const ofAccount = streamCountByAccount.get(actor.accountId) ?? 0;
    if (ofAccount >= limits.ofAccount) {
      security?.note('stream_limit', { accountId: actor.accountId });
      const message = `Too many streams: ${limits.ofAccount} of an account may be open`;
      throw new AppError('RATE_LIMITED', message, { retryAfter: RETRY_AFTER_SECONDS });
    }
    streamCount += 1;
    streamCountByAccount.set(actor.accountId, ofAccount + 1);
    streamsByEnvironment.set(environmentId, (streamsByEnvironment.get(environmentId) ?? new Set()).add(stream));
    pollTimer ??= setInterval(() => void poll(), POLL_MS).unref();
    stopListening ??= db.listen(wake);
  }

  function removeStream(stream: OpenStream): void {
    if (stream.isClosed) return;
    stream.isClosed = true;
    stream.wake();
    streamCount -= 1;
    const { environmentId, actor } = stream;
    const ofAccount = (streamCountByAccount.get(actor.accountId) ?? 1) - 1;
    if (ofAccount > 0) streamCountByAccount.set(actor.accountId, ofAccount);
    else streamCountByAccount.delete(actor.accountId);
    const set = streamsByEnvironment.get(environmentId);
    set?.delete(stream);
    if (set?.size === 0) {
      streamsByEnvironment.delete(environmentId);
    }
  }

  return {
    announce,
    watch(actor, environmentId) {
      let resolve: (() => void) | undefined;
      const stream: OpenStream = {
        actor,
        environmentId,
        openedAt: performance.now(),
        isAwake: true,
        told: undefined,
        endReason: undefined,
        isClosed: false,
        wake() {
          stream.isAwake = true;
          resolve?.();
        },
      };
      addStream(stream);
      function isOpen(): boolean {
        if (stream.isClosed) return false;
        if (stream.endReason !== undefined) throw stream.endReason;
        return true;
      }
      return {
        isOpen,
        arm() {
          stream.isAwake = false;
        },
        async next(told) {
          stream.told = told;
          if (!stream.isAwake && stream.endReason === undefined && !stream.isClosed) {
            await new Promise<void>((done) => {
              resolve = done;
            });
            resolve = undefined;
          }
          return isOpen();
        },
        close: () => removeStream(stream),
      };
    },
    read: shareChangeReads(db, CHANGES_PAGE),
    open: () => streamCount,
    lastChangeAt: () => lastChangeAt,
    async close() {
      isClosed = true;
      clearInterval(pollTimer);
      for (const stream of allStreams()) end(stream, stoppingError());
      // Not awaited, because the database may be unreachable.
      void notifyOtherProcesses();
      await stopListening?.();
    },
  };
}

function stoppingError() {
  const message = 'The service is stopping; resume from the last revision';
  return new AppError('UNAVAILABLE', message, { retryAfter: 1, isRoutine: true });
}
