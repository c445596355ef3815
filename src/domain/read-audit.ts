// Who opened which value: noted as values are opened, written in batches.
import { unavailable } from '../errors.js';
import type { Logger } from '../log.js';
import type { Database } from '../store/client.js';
import { insertSecretReads, type SecretReadInsertion } from '../store/secret-read.js';
import { actorOf, type Context, newId } from './context.js';

/**
 * `strict`: no value leaves before its record is committed. `async`: records follow within a second; a process that is
 * killed may lose that second. `off`: nothing is recorded.
 */
export const READ_AUDIT_MODES = ['strict', 'async', 'off'] as const;
export type ReadAuditMode = (typeof READ_AUDIT_MODES)[number];

/** How long a record may wait for others. */
const FLUSH_MS = 500;
/** Requests whose records one statement writes. */
const BATCH = 1_000;
/** Openings that may wait while the database does not take them; then nothing more is opened. */
const MAX_WAITING = 100_000;

/** An opened value: the secret, and the revision it was read at. */
export interface OpenedValue {
  environmentId: string;
  id: string;
  revision: bigint;
}

export interface ReadAudit {
  /**
   * Notes that a value was opened for a caller. A promise when the value must not be shown before it resolves. UNAVAILABLE
   * when records cannot be written for too long.
   */
  record(ctx: Context, opened: OpenedValue): undefined | Promise<void>;
  /** Writes what is waiting. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** What one request opened in one environment. */
interface Batch extends SecretReadInsertion {
  seen: Set<string>;
}

export function createReadAudit(db: Database, log: Logger, mode: ReadAuditMode): ReadAudit {
  let batches: Batch[] = [];
  let open = new WeakMap<Context, Batch[]>();
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;
  /** The write under way, and the one that will take what is noted until it begins. */
  let writing: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let gathering: Promise<void> | undefined;

  function note(ctx: Context, { environmentId, id, revision }: OpenedValue): void {
    let ofRequest = open.get(ctx);
    if (!ofRequest) {
      ofRequest = [];
      open.set(ctx, ofRequest);
    }
    let batch = ofRequest.find((each) => each.environmentId === environmentId);
    if (!batch) {
      const { accountId, tokenId } = actorOf(ctx);
      const { requestId, door } = ctx;
      batch = {
        id: newId(),
        environmentId,
        accountId,
        tokenId,
        requestId,
        door,
        at: new Date(),
        agentSecretIds: [],
        revisions: [],
        seen: new Set(),
      };
      ofRequest.push(batch);
      batches.push(batch);
    }
    const key = `${id}${revision}`;
    if (batch.seen.has(key)) return;
    batch.seen.add(key);
    batch.agentSecretIds.push(id);
    batch.revisions.push(revision);
    waiting += 1;
  }

  async function write(): Promise<void> {
    while (batches.length > 0) {
      const taken = batches.slice(0, BATCH);
      batches = batches.slice(BATCH);
      // A request that goes on opening begins a batch of its own.
      open = new WeakMap();
      try {
        await insertSecretReads(db, taken);
      } catch (error) {
        batches = [...taken, ...batches];
        throw error;
      }
      for (const { agentSecretIds } of taken) waiting -= agentSecretIds.length;
    }
  }

  /** Everything noted before the call is committed once this resolves. */
  function commit(): Promise<void> {
    if (!writing) {
      writing = write().finally(() => {
        writing = undefined;
      });
      return writing;
    }
    next ??= writing
      .catch(() => {})
      .then(() => {
        next = undefined;
        return commit();
      });
    return next;
  }

  function later(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      commit().catch((error: unknown) => {
        log.warn({ err: error }, 'cannot write the record of opened values; trying again');
        later();
      });
    }, FLUSH_MS).unref();
  }

  /** A turn later, so that all values of a list are in the batch of the first. */
  function soon(): Promise<void> {
    gathering ??= Promise.resolve().then(() => {
      gathering = undefined;
      return commit();
    });
    return gathering;
  }

  return {
    record(ctx, opened) {
      if (mode === 'off') return undefined;
      if (waiting >= MAX_WAITING) throw unavailable('Opened values cannot be recorded just now', 5);
      note(ctx, opened);
      if (mode === 'strict') return soon();
      later();
      return undefined;
    },
    flush: commit,
    async close() {
      clearTimeout(timer);
      await commit();
    },
  };
}
