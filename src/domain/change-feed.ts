// Who waits for changes of which environment, and what wakes them. The log is the truth: a wake-up only says "look again".
//
// A write wakes the waiting in its own process at once, those in others by a notification of the database; whatever is
// lost on the way, a poll finds. The same poll ends the streams of those who may no longer look.
import { forbidden, notFound, unauthorized, unavailable } from '../errors.js';
import type { Logger } from '../log.js';
import { findHeads, findStandings } from '../store/change-feed.js';
import type { Database } from '../store/client.js';
import { may, rolesOf } from './access.js';
import type { Actor } from './context.js';

/** What a lost notification costs at most. */
const POLL_MS = 1_000;
/** How long access that is lost may still be used. */
const RECHECK_MS = 2_000;
/** Writes are announced together: a notification each would cost as much as a write. */
const ANNOUNCE_MS = 20;
/** Streams that one process holds open. */
const MAX_WATCHES = 10_000;

/** One waiting stream. */
export interface Watch {
  /** Forgets wake-ups so far; to be called before looking, so that none is lost between looking and waiting. */
  arm(): void;
  /** Waits until there may be something new: true, or false once closed. Rejects when the stream must end, saying why. */
  next(): Promise<boolean>;
  /** False once closed. Throws when the stream must end, saying why. */
  isOpen(): boolean;
  close(): void;
}

export interface ChangeFeed {
  /** Tells everybody who waits for this environment's changes that there are some. */
  announce(environmentId: string): void;
  /** UNAVAILABLE when this process has too many already, or is stopping. */
  watch(actor: Actor, environmentId: string, seen: bigint): Watch;
  /** Ends every stream, for a process that stops. */
  close(): Promise<void>;
}

interface Waiting {
  actor: Actor;
  environmentId: string;
  isAwake: boolean;
  ended: unknown;
  isClosed: boolean;
  wake(): void;
}

export function createChangeFeed(db: Database, log: Logger): ChangeFeed {
  const watches = new Map<string, Set<Waiting>>();
  /** The newest revision that is known to have been told, by environment. */
  const heads = new Map<string, bigint>();
  const announced = new Set<string>();
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  let announcing: NodeJS.Timeout | undefined;
  let stopListening: (() => Promise<void>) | undefined;
  let rechecked = 0;
  let isPolling = false;
  let isClosed = false;

  function wake(environmentId: string): void {
    for (const waiting of watches.get(environmentId) ?? []) waiting.wake();
  }

  function announce(environmentId: string): void {
    wake(environmentId);
    announced.add(environmentId);
    announcing ??= setTimeout(() => {
      announcing = undefined;
      const ids = [...announced];
      announced.clear();
      // Best effort: who misses it finds out by polling.
      db.notify(ids).catch(() => {});
    }, ANNOUNCE_MS).unref();
  }

  function begin(): void {
    timer ??= setInterval(() => void poll(), POLL_MS).unref();
    stopListening ??= db.listen(wake);
  }

  async function poll(): Promise<void> {
    if (isPolling || watches.size === 0) return;
    isPolling = true;
    try {
      const found = await findHeads(db, [...watches.keys()]);
      for (const { id, revision } of found) {
        if (heads.get(id) === revision) continue;
        heads.set(id, revision);
        wake(id);
      }
      if (performance.now() - rechecked >= RECHECK_MS) {
        rechecked = performance.now();
        await recheck();
      }
    } catch (error) {
      // An unreachable database has no news either; the next poll tries again.
      log.debug({ err: error }, 'cannot poll for changes');
    } finally {
      isPolling = false;
    }
  }

  /** Ends the streams of callers whose token, account, role or environment is gone. */
  async function recheck(): Promise<void> {
    const all = [...watches.values()].flatMap((set) => [...set]);
    const standings = await findStandings(
      db,
      all.map(({ actor, environmentId }) => ({ environmentId, accountId: actor.accountId, tokenId: actor.tokenId })),
    );
    for (const [index, standing] of standings.entries()) {
      const waiting = all[index] as Waiting;
      const refusal = refusalOf(waiting, standing);
      if (refusal) end(waiting, refusal);
    }
  }

  function end(waiting: Waiting, reason: unknown): void {
    waiting.ended ??= reason;
    waiting.wake();
  }

  function leave(waiting: Waiting): void {
    if (waiting.isClosed) return;
    waiting.isClosed = true;
    waiting.wake();
    count -= 1;
    const set = watches.get(waiting.environmentId);
    set?.delete(waiting);
    if (set?.size === 0) {
      watches.delete(waiting.environmentId);
      heads.delete(waiting.environmentId);
    }
  }

  return {
    announce,
    watch(actor, environmentId, seen) {
      if (isClosed) throw stopping();
      if (count >= MAX_WATCHES) throw unavailable('Too many streams are open', 10);
      count += 1;
      let resolve: (() => void) | undefined;
      const waiting: Waiting = {
        actor,
        environmentId,
        isAwake: true,
        ended: undefined,
        isClosed: false,
        wake() {
          waiting.isAwake = true;
          resolve?.();
        },
      };
      const set = watches.get(environmentId) ?? new Set();
      watches.set(environmentId, set.add(waiting));
      if (!heads.has(environmentId)) heads.set(environmentId, seen);
      begin();
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
    async close() {
      isClosed = true;
      clearInterval(timer);
      clearTimeout(announcing);
      for (const set of watches.values()) for (const waiting of set) end(waiting, stopping());
      await stopListening?.();
    },
  };
}

function stopping() {
  return unavailable('The service is stopping; resume from the last revision', 1);
}

/** A login that no row tells the end of. */
function hasEnded({ expiresAt }: Actor): boolean {
  return expiresAt != null && expiresAt.getTime() <= Date.now();
}

type Standing = Awaited<ReturnType<typeof findStandings>>[number];

function refusalOf({ actor, environmentId }: Waiting, standing: Standing): unknown {
  if (!standing.isAuthenticated || hasEnded(actor)) return unauthorized();
  if (standing.ownerId === null) return notFound('environment', environmentId);
  const { ownerId, shareRoles } = standing;
  const roles = rolesOf(actor, { ownerId, shareRoles }, environmentId);
  if (roles.length === 0) return notFound('environment', environmentId);
  return may(roles, 'ViewAgentSecret') ? undefined : forbidden('The environment action ViewAgentSecret is not allowed');
}
