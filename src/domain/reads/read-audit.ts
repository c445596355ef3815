// The audit log of opened values: collects who opened which value, and writes the records in batches.
import type { AppError } from '../../errors/errors.js';
import { unavailable, withCause } from '../../errors/refusals.js';
import { codeOf, type Logger } from '../../logging/logger.js';
import { createOutageLog } from '../../logging/outage-log.js';
import type { Database } from '../../store/engine/client.js';
import { causeOf } from '../../store/engine/outage.js';
import { insertSecretReads } from '../../store/reads/read-audit.js';
import type { RequestFacts } from '../request/actor.js';
import type { OpenedValue, ReadAudit } from '../request/services.js';
import { createLastReads } from './last-reads.js';
import {
  addRow,
  addToRow,
  hasRoom,
  merged,
  newReadBatch,
  type ReadBatch,
  type ReadRow,
  ROW,
  takes,
} from './read-batch.js';
import { findRecorded, type RecordedOpenings, recordedBy, rememberRecorded } from './recorded-openings.js';

/**
 * `strict`: no value is returned before its record is committed. `async`: records are committed within a second, and a
 * process that is killed may lose the records of that second. `off`: nothing is recorded.
 */
export const READ_AUDIT_MODES = ['strict', 'async', 'off'] as const;
export type ReadAuditMode = (typeof READ_AUDIT_MODES)[number];

/** How long a record may wait to be written together with others. */
const FLUSH_MS = 500;
/** How many openings may be pending while the database is unavailable. Beyond that no value is opened. */
const MAX_PENDING_OPENINGS = 250_000;

type OpenedItem = Omit<OpenedValue, 'environmentId'>;

/**
 * What one request has opened so far. It is a single object, because it stays in memory after the request until the
 * garbage collector runs.
 */
interface RequestOpenings {
  /**
   * The row to which the next opening is added if there is room. One row is enough, because requests seldom alternate
   * between the values of several environments.
   */
  row: ReadRow;
  /** The rows of a list before that one. */
  earlier: readonly ReadRow[] | undefined;
  /**
   * The openings in the rows above, indexed. It is built only when the request opens another value, because only then
   * duplicates are possible.
   */
  recorded: RecordedOpenings | undefined;
}

export function createReadAudit(db: Database, log: Logger, mode: ReadAuditMode): ReadAudit {
  const outage = createOutageLog(log);
  const lastReads = createLastReads();
  let batches: ReadBatch[] = [];
  let requests = new WeakMap<RequestFacts, RequestOpenings>();
  let pendingOpenings = 0;
  /** Since when something has been pending, by `performance.now`. */
  let pendingSince: number | undefined;
  let isFlushScheduled = false;
  /** The write in progress, and the one that follows it with everything recorded until it starts. */
  let writeInFlight: Promise<void> | undefined;
  let queuedWrite: Promise<void> | undefined;
  /** What is being written, and may be in the database already. */
  let writing: readonly ReadBatch[] = [];
  let isCommitScheduled = false;
  let isFailing = false;

  function noteOpening(ctx: RequestFacts, value: OpenedValue): Promise<void> {
    const opened = requests.get(ctx);
    if (opened) return noteFurtherOpening(ctx, opened, value);
    refuseWhenFull();
    const row = startRow(ctx, value.environmentId, value.id, String(value.revision), 1);
    requests.set(ctx, { row, earlier: undefined, recorded: undefined });
    return row.batch.committed;
  }

  function noteFurtherOpening(
    ctx: RequestFacts,
    opened: RequestOpenings,
    { environmentId, id, revision }: OpenedValue,
  ): Promise<void> {
    opened.recorded ??= recordedBy([...(opened.earlier ?? []), opened.row]);
    const known = findRecorded(opened.recorded, id, revision);
    if (known) return known;
    refuseWhenFull();
    if (takes(opened.row, environmentId)) {
      addToRow(opened.row, id, revision);
      pendingOpenings += 1;
    } else {
      opened.row = startRow(ctx, environmentId, id, String(revision), 1);
    }
    const { committed } = opened.row.batch;
    rememberRecorded(opened.recorded, id, revision, committed);
    return committed;
  }

  /** The items are different secrets, so they are not checked for duplicates. */
  function noteList(ctx: RequestFacts, environmentId: string, items: readonly OpenedItem[]): Promise<unknown> {
    const opened = requests.get(ctx);
    if (opened) return Promise.all(items.map((item) => noteFurtherOpening(ctx, opened, { ...item, environmentId })));
    refuseWhenFull();
    const rows: ReadRow[] = [];
    for (let first = 0; first < items.length; first += ROW) {
      const part = items.slice(first, first + ROW);
      const ids = part.map(({ id }) => id).join();
      rows.push(startRow(ctx, environmentId, ids, part.map(({ revision }) => revision).join(), part.length));
    }
    const earlier = rows.slice(0, -1);
    const row = rows.at(-1);
    if (row) requests.set(ctx, { row, earlier, recorded: undefined });
    return Promise.all(new Set(rows.map(({ batch }) => batch.committed)));
  }

  function startRow(
    ctx: RequestFacts,
    environmentId: string,
    ids: string,
    revisions: string,
    openings: number,
  ): ReadRow {
    let batch = batches.at(-1);
    if (!batch || !hasRoom(batch, openings)) {
      batch = newReadBatch(mode === 'strict');
      batches.push(batch);
    }
    const row = addRow(batch, ctx, environmentId, ids, revisions, openings);
    pendingOpenings += openings;
    pendingSince ??= performance.now();
    return row;
  }

  function refuseWhenFull(): void {
    if (pendingOpenings >= MAX_PENDING_OPENINGS) throw recordUnavailable();
  }

  /**
   * Writes what has been recorded so far, but nothing that is recorded meanwhile, because the callers would otherwise
   * wait without end.
   */
  async function write(): Promise<void> {
    const began = performance.now();
    const remaining = batches;
    writing = remaining;
    batches = [];
    for (const batch of remaining) batch.isClosed = true;
    try {
      for (let batch = remaining[0]; batch; batch = remaining[0]) {
        const last = lastReads.untold(batch.columns);
        await insertSecretReads(db, batch.columns, last);
        lastReads.told(last);
        remaining.shift();
        settleBatch(batch);
      }
      isFailing = false;
      pendingSince = pendingOpenings === 0 ? undefined : began;
    } catch (error) {
      isFailing = true;
      lastReads.forget();
      const refusal = recordUnavailable(error);
      if (mode === 'strict') {
        // The callers never see these values. If the same request opens one of them again, that is recorded again.
        requests = new WeakMap();
        for (const batch of remaining) settleBatch(batch, refusal);
      } else {
        batches = [...merged(remaining), ...batches];
      }
      writing = [];
      throw refusal;
    }
  }

  function settleBatch(batch: ReadBatch, refusal?: AppError): void {
    pendingOpenings -= batch.openings;
    batch.settle(refusal);
  }

  /** Everything that was recorded before the call is committed when this resolves. */
  function commit(): Promise<void> {
    if (!writeInFlight) {
      writeInFlight = write().finally(() => {
        writeInFlight = undefined;
      });
      return writeInFlight;
    }
    queuedWrite ??= writeInFlight
      .catch(() => {})
      .then(() => {
        queuedWrite = undefined;
        return commit();
      });
    return queuedWrite;
  }

  function scheduleFlush(): void {
    if (isFlushScheduled) return;
    isFlushScheduled = true;
    setTimeout(() => {
      isFlushScheduled = false;
      commit().catch((error: unknown) => {
        const { cause } = error as AppError;
        outage('cannot write the record of opened values; trying again', { code: codeOf(cause) });
        scheduleFlush();
      });
    }, FLUSH_MS).unref();
  }

  /** Commits in a microtask, so that all values of a list are in the same batch as the first. */
  function scheduleCommit(): void {
    if (isCommitScheduled) return;
    isCommitScheduled = true;
    queueMicrotask(() => {
      isCommitScheduled = false;
      // The callers that wait for a batch learn of the error through the batch.
      commit().catch(() => {});
    });
  }

  /** Whether the next row may not fit into the last batch. */
  function isLastBatchFull(): boolean {
    const last = batches.at(-1);
    return last !== undefined && !hasRoom(last, ROW);
  }

  /** Schedules the write of what was recorded. Returns a promise when the caller has to wait for it. */
  function ensureWritten<T>(committed: Promise<T>): Promise<T> | undefined {
    if (mode === 'strict' || (isLastBatchFull() && !isFailing)) scheduleCommit();
    if (mode === 'strict') return committed;
    scheduleFlush();
    return undefined;
  }

  return {
    record(ctx, opened) {
      return mode === 'off' ? undefined : ensureWritten(noteOpening(ctx, opened));
    },
    recordAll(ctx, environmentId, opened) {
      return mode === 'off' ? undefined : ensureWritten(noteList(ctx, environmentId, opened));
    },
    flush: commit,
    backlog: () => ({
      openings: pendingOpenings,
      oldestMs: pendingOpenings === 0 || pendingSince === undefined ? 0 : performance.now() - pendingSince,
    }),
    pending: () => [...writing, ...batches].map(({ columns }) => columns),
  };
}

function recordUnavailable(cause?: unknown): AppError {
  return withCause(unavailable('Opened values cannot be recorded just now, try again later', 5), causeOf(cause));
}
