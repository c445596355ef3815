// Who opened which value: noted as values are opened, written in batches.
import { AppError, unavailable } from '../errors.js';
import { codeOf, createOutageLog, type Logger } from '../log.js';
import type { Database } from '../store/client.js';
import { insertSecretReads } from '../store/secret-read.js';
import type { Context } from './context.js';
import { addRow, addToRow, hasRoom, newReadBatch, type ReadBatch, type ReadRow, ROW, takes } from './read-batch.js';

/**
 * `strict`: no value leaves before its record is committed. `async`: records follow within a second; a process that is
 * killed may lose that second. `off`: nothing is recorded.
 */
export const READ_AUDIT_MODES = ['strict', 'async', 'off'] as const;
export type ReadAuditMode = (typeof READ_AUDIT_MODES)[number];

/** How long a record may wait for others. */
const FLUSH_MS = 500;
/** Openings that may wait while the database does not take them; then nothing more is opened. */
const MAX_WAITING = 250_000;
/** At least so many of a request's latest openings are remembered, so that none is told twice. A stream opens more. */
const REMEMBERED = 10_000;

/** An opened value: the secret, and the revision it was read at. */
export interface OpenedValue {
  environmentId: string;
  id: string;
  revision: bigint;
}

type OpenedItem = Omit<OpenedValue, 'environmentId'>;

export interface ReadAudit {
  /**
   * Notes that a value was opened for a caller. A promise when the value must not be shown before it resolves. UNAVAILABLE
   * when the record cannot be written (strict), or none could be for too long.
   */
  record(ctx: Context, opened: OpenedValue): undefined | Promise<unknown>;
  /** The same for several values of one environment. */
  recordAll(ctx: Context, environmentId: string, opened: readonly OpenedItem[]): undefined | Promise<unknown>;
  /** Writes what is waiting, or UNAVAILABLE. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** What one request has opened so far. */
interface Opened {
  /** All of it, while that is one value or one list: nothing is looked up in it unless something else is opened, too. */
  first: { items: readonly OpenedItem[]; committed: Promise<unknown> } | undefined;
  /** Where the next one is noted, if there is room; requests seldom open values of several environments in turn. */
  row: ReadRow | undefined;
  /** By secret and revision: when it is committed. The latest, and those before them. */
  told: Map<string, Promise<unknown>> | undefined;
  toldBefore: Map<string, Promise<unknown>> | undefined;
}

export function createReadAudit(db: Database, log: Logger, mode: ReadAuditMode): ReadAudit {
  const outage = createOutageLog(log);
  let batches: ReadBatch[] = [];
  let requests = new WeakMap<Context, Opened>();
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;
  /** The write under way, and the one that will take what is noted until it begins. */
  let writing: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let isGathering = false;
  let isFailing = false;

  function note(ctx: Context, value: OpenedValue): Promise<unknown> {
    const opened = requests.get(ctx);
    if (opened) return noteAnother(ctx, opened, value);
    mustRecord();
    const row = begin(ctx, value.environmentId, value.id, String(value.revision), 1);
    const { committed } = row.batch;
    requests.set(ctx, { first: { items: [value], committed }, row, told: undefined, toldBefore: undefined });
    return committed;
  }

  function noteAnother(ctx: Context, opened: Opened, { environmentId, id, revision }: OpenedValue): Promise<unknown> {
    if (opened.first) tellApart(opened, opened.first);
    const key = `${id}${revision}`;
    const known = opened.told?.get(key) ?? opened.toldBefore?.get(key);
    if (known) return known;
    mustRecord();
    if (opened.row && takes(opened.row, environmentId)) {
      addToRow(opened.row, id, revision);
      waiting += 1;
    } else {
      opened.row = begin(ctx, environmentId, id, String(revision), 1);
    }
    const { committed } = opened.row.batch;
    remember(opened, key, committed);
    return committed;
  }

  /** Different secrets, so that none of them need be looked up. */
  function noteList(ctx: Context, environmentId: string, items: readonly OpenedItem[]): Promise<unknown> {
    const opened = requests.get(ctx);
    if (opened) return Promise.all(items.map((item) => noteAnother(ctx, opened, { ...item, environmentId })));
    mustRecord();
    const written = new Set<Promise<void>>();
    for (let first = 0; first < items.length; first += ROW) {
      const part = items.slice(first, first + ROW);
      const ids = part.map(({ id }) => id).join();
      const row = begin(ctx, environmentId, ids, part.map(({ revision }) => revision).join(), part.length);
      written.add(row.batch.committed);
    }
    const committed = Promise.all(written);
    requests.set(ctx, { first: { items, committed }, row: undefined, told: undefined, toldBefore: undefined });
    return committed;
  }

  function begin(ctx: Context, environmentId: string, ids: string, revisions: string, openings: number): ReadRow {
    let batch = batches.at(-1);
    if (!batch || !hasRoom(batch, openings)) {
      batch = newReadBatch(mode === 'strict');
      batches.push(batch);
    }
    waiting += openings;
    return addRow(batch, ctx, environmentId, ids, revisions, openings);
  }

  function mustRecord(): void {
    if (waiting >= MAX_WAITING) throw cannotRecord();
  }

  function tellApart(opened: Opened, { items, committed }: NonNullable<Opened['first']>): void {
    opened.first = undefined;
    for (const { id, revision } of items) remember(opened, `${id}${revision}`, committed);
  }

  function remember(opened: Opened, key: string, committed: Promise<unknown>): void {
    if (opened.told?.size === REMEMBERED) {
      opened.toldBefore = opened.told;
      opened.told = undefined;
    }
    opened.told ??= new Map();
    opened.told.set(key, committed);
  }

  /** Writes what has been noted so far, and nothing that is noted meanwhile: else those who wait would wait for ever. */
  async function write(): Promise<void> {
    const left = batches;
    batches = [];
    for (const batch of left) batch.isClosed = true;
    try {
      for (let batch = left[0]; batch; batch = left[0]) {
        await insertSecretReads(db, batch.columns);
        left.shift();
        settled(batch);
      }
      isFailing = false;
    } catch (error) {
      isFailing = true;
      const refusal = cannotRecord(error);
      if (mode === 'strict') {
        // Nobody is shown these values. What is opened again by the same request is recorded again.
        requests = new WeakMap();
        for (const batch of left) settled(batch, refusal);
      } else {
        batches = [...left, ...batches];
      }
      throw refusal;
    }
  }

  function settled(batch: ReadBatch, refusal?: AppError): void {
    waiting -= batch.openings;
    batch.settle(refusal);
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
        const { cause } = error as AppError;
        outage('cannot write the record of opened values; trying again', { code: codeOf(cause) });
        later();
      });
    }, FLUSH_MS).unref();
  }

  /** A turn later, so that all values of a list are in the batch of the first. */
  function soon(): void {
    if (isGathering) return;
    isGathering = true;
    queueMicrotask(() => {
      isGathering = false;
      // Who waits for a batch is told by the batch.
      commit().catch(() => {});
    });
  }

  /** Sees to it that what was noted gets written; a promise where the caller has to wait for that. */
  function noted<T>(committed: Promise<T>): Promise<T> | undefined {
    if (mode === 'strict' || (batches.length > 1 && !isFailing)) soon();
    if (mode === 'strict') return committed;
    later();
    return undefined;
  }

  return {
    record(ctx, opened) {
      return mode === 'off' ? undefined : noted(note(ctx, opened));
    },
    recordAll(ctx, environmentId, opened) {
      return mode === 'off' ? undefined : noted(noteList(ctx, environmentId, opened));
    },
    flush: commit,
    async close() {
      clearTimeout(timer);
      await commit();
    },
  };
}

function cannotRecord(cause?: unknown): AppError {
  const refusal = unavailable('Opened values cannot be recorded just now, try again later', 5);
  refusal.cause = causeOf(cause);
  return refusal;
}

/** What the driver said, behind the refusal that the store has made of it. */
function causeOf(error: unknown): unknown {
  return error instanceof AppError ? error.cause : error;
}
