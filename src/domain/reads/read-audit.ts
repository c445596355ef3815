// Who opened which value: noted as values are opened, written in batches.
import { AppError } from '../../errors/errors.js';
import { unavailable } from '../../errors/refusals.js';
import { codeOf, type Logger } from '../../logging/logger.js';
import { createOutageLog } from '../../logging/outage-log.js';
import type { Database } from '../../store/engine/client.js';
import { insertSecretReads } from '../../store/reads/read-audit.js';
import type { RequestFacts } from '../request/actor.js';
import type { OpenedValue, ReadAudit } from '../request/services.js';
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
 * `strict`: no value leaves before its record is committed. `async`: records follow within a second; a process that is
 * killed may lose that second. `off`: nothing is recorded.
 */
export const READ_AUDIT_MODES = ['strict', 'async', 'off'] as const;
export type ReadAuditMode = (typeof READ_AUDIT_MODES)[number];

/** How long a record may wait for others. */
const FLUSH_MS = 500;
/** Openings that may wait while the database does not take them; then nothing more is opened. */
const MAX_PENDING_OPENINGS = 250_000;

type OpenedItem = Omit<OpenedValue, 'environmentId'>;

/** What one request has opened so far. One object: it outlives the request until the garbage collector looks at all. */
interface RequestOpenings {
  /** Where the next one is noted, if there is room; requests seldom open values of several environments in turn. */
  row: ReadRow;
  /** Those of a list before that one. */
  earlier: readonly ReadRow[] | undefined;
  /** Of what the rows tell, as soon as it has to be recorded apart: when something else is opened. */
  recorded: RecordedOpenings | undefined;
}

export function createReadAudit(db: Database, log: Logger, mode: ReadAuditMode): ReadAudit {
  const outage = createOutageLog(log);
  let batches: ReadBatch[] = [];
  let requests = new WeakMap<RequestFacts, RequestOpenings>();
  let pendingOpenings = 0;
  let flushTimer: NodeJS.Timeout | undefined;
  /** The write under way, and the one that will take what is noted until it begins. */
  let writeInFlight: Promise<void> | undefined;
  let queuedWrite: Promise<void> | undefined;
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

  /** Different secrets, so that none of them need be looked up. */
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
    return row;
  }

  function refuseWhenFull(): void {
    if (pendingOpenings >= MAX_PENDING_OPENINGS) throw recordUnavailable();
  }

  /** Writes what has been noted so far, and nothing that is noted meanwhile: else those who wait would wait for ever. */
  async function write(): Promise<void> {
    const remaining = batches;
    batches = [];
    for (const batch of remaining) batch.isClosed = true;
    try {
      for (let batch = remaining[0]; batch; batch = remaining[0]) {
        await insertSecretReads(db, batch.columns);
        remaining.shift();
        settleBatch(batch);
      }
      isFailing = false;
    } catch (error) {
      isFailing = true;
      const refusal = recordUnavailable(error);
      if (mode === 'strict') {
        // Nobody is shown these values. What is opened again by the same request is recorded again.
        requests = new WeakMap();
        for (const batch of remaining) settleBatch(batch, refusal);
      } else {
        batches = [...merged(remaining), ...batches];
      }
      throw refusal;
    }
  }

  function settleBatch(batch: ReadBatch, refusal?: AppError): void {
    pendingOpenings -= batch.openings;
    batch.settle(refusal);
  }

  /** Everything noted before the call is committed once this resolves. */
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
    flushTimer ??= setTimeout(() => {
      flushTimer = undefined;
      commit().catch((error: unknown) => {
        const { cause } = error as AppError;
        outage('cannot write the record of opened values; trying again', { code: codeOf(cause) });
        scheduleFlush();
      });
    }, FLUSH_MS).unref();
  }

  /** A turn later, so that all values of a list are in the batch of the first. */
  function scheduleCommit(): void {
    if (isCommitScheduled) return;
    isCommitScheduled = true;
    queueMicrotask(() => {
      isCommitScheduled = false;
      // Who waits for a batch is recorded by the batch.
      commit().catch(() => {});
    });
  }

  /** Whether the next row may not fit any more. */
  function isLastBatchFull(): boolean {
    const last = batches.at(-1);
    return last !== undefined && !hasRoom(last, ROW);
  }

  /** Sees to it that what was noted gets written; a promise where the caller has to wait for that. */
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
    async close() {
      clearTimeout(flushTimer);
      await commit();
    },
  };
}

function recordUnavailable(cause?: unknown): AppError {
  const refusal = unavailable('Opened values cannot be recorded just now, try again later', 5);
  refusal.cause = causeOf(cause);
  return refusal;
}

/** What the driver said, behind the refusal that the store has made of it. */
function causeOf(error: unknown): unknown {
  return error instanceof AppError ? error.cause : error;
}
