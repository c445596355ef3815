// Who opened which value: noted as values are opened, written in batches.
import { AppError, unavailable } from '../errors.js';
import { codeOf, createOutageLog, type Logger } from '../log.js';
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
/** Openings that one row tells at most: a page of the list looks at every opening of the rows it touches. */
const ROW = 1_000;
/**
 * Openings that one statement writes at most: far less than it may take. The more, the better: each of their secrets is
 * told once that it was opened, however often that was.
 */
const STATEMENT = 10_000;
/** Rows that one statement writes at most: nobody is served while its parameters are printed. */
const ROWS = 1_000;
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
  record(ctx: Context, opened: OpenedValue): undefined | Promise<void>;
  /** The same for several values of one environment. */
  recordAll(ctx: Context, environmentId: string, opened: readonly OpenedItem[]): undefined | Promise<unknown>;
  /** Writes what is waiting, or UNAVAILABLE. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** What one request opened in one environment: a row to be. */
interface Batch extends SecretReadInsertion {
  /** Takes no more: it is full, or being written. A row is written once, as it is, however often that is tried. */
  isClosed: boolean;
  committed: Promise<void>;
  settle(error?: unknown): void;
}

/** What one request has opened so far. */
interface Opened {
  /** A list that was all the request had opened: nothing is looked up in it unless something else is opened, too. */
  list: Batch[] | undefined;
  /** The last one; requests seldom open values of several environments, and then one environment after the other. */
  batch: Batch | undefined;
  /** By secret and revision: when it is committed. The latest, and those before them. */
  told: Map<string, Promise<void>>;
  toldBefore: Map<string, Promise<void>> | undefined;
}

export function createReadAudit(db: Database, log: Logger, mode: ReadAuditMode): ReadAudit {
  const outage = createOutageLog(log);
  let batches: Batch[] = [];
  let requests = new WeakMap<Context, Opened>();
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;
  /** The write under way, and the one that will take what is noted until it begins. */
  let writing: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let isGathering = false;
  let isFailing = false;

  function note(ctx: Context, { environmentId, id, revision }: OpenedValue): Promise<void> {
    let opened = requests.get(ctx);
    if (!opened) {
      opened = { list: undefined, batch: undefined, told: new Map(), toldBefore: undefined };
      requests.set(ctx, opened);
    }
    if (opened.list) tellApart(opened);
    const key = `${id}${revision}`;
    const known = opened.told.get(key) ?? opened.toldBefore?.get(key);
    if (known) return known;
    if (waiting >= MAX_WAITING) throw cannotRecord();
    let { batch } = opened;
    if (!batch || batch.isClosed || batch.environmentId !== environmentId) {
      batch = newBatch(ctx, environmentId, mode === 'strict');
      opened.batch = batch;
      batches.push(batch);
    }
    batch.agentSecretIds.push(id);
    batch.revisions.push(revision);
    if (batch.revisions.length === ROW) batch.isClosed = true;
    remember(opened, key, batch.committed);
    waiting += 1;
    return batch.committed;
  }

  /** Different secrets, so that none of them need be looked up. */
  function noteList(ctx: Context, environmentId: string, items: readonly OpenedItem[]): Promise<unknown> {
    if (requests.has(ctx)) return Promise.all(items.map((item) => note(ctx, { ...item, environmentId })));
    if (waiting >= MAX_WAITING) throw cannotRecord();
    const list: Batch[] = [];
    for (let first = 0; first < items.length; first += ROW) {
      const part = items.slice(first, first + ROW);
      const batch = newBatch(ctx, environmentId, mode === 'strict');
      batch.agentSecretIds = part.map(({ id }) => id);
      batch.revisions = part.map(({ revision }) => revision);
      batch.isClosed = true;
      list.push(batch);
    }
    batches.push(...list);
    waiting += items.length;
    requests.set(ctx, { list, batch: undefined, told: new Map(), toldBefore: undefined });
    return list.length === 1 ? (list[0] as Batch).committed : Promise.all(list.map(({ committed }) => committed));
  }

  function tellApart(opened: Opened): void {
    for (const { agentSecretIds, revisions, committed } of opened.list ?? []) {
      agentSecretIds.forEach((id, index) => {
        remember(opened, `${id}${revisions[index]}`, committed);
      });
    }
    opened.list = undefined;
  }

  function remember(opened: Opened, key: string, committed: Promise<void>): void {
    if (opened.told.size === REMEMBERED) {
      opened.toldBefore = opened.told;
      opened.told = new Map();
    }
    opened.told.set(key, committed);
  }

  /** Writes what has been noted so far, and nothing that is noted meanwhile: else those who wait would wait for ever. */
  async function write(): Promise<void> {
    let left = batches;
    batches = [];
    for (const batch of left) batch.isClosed = true;
    try {
      while (left.length > 0) {
        const taken = left.slice(0, statementOf(left));
        await insertSecretReads(db, taken);
        left = left.slice(taken.length);
        for (const batch of taken) settled(batch);
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

  function settled(batch: Batch, refusal?: AppError): void {
    waiting -= batch.revisions.length;
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
    if (mode === 'strict' || ((waiting >= STATEMENT || batches.length >= ROWS) && !isFailing)) soon();
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

function newBatch(ctx: Context, environmentId: string, isAwaited: boolean): Batch {
  const { accountId, tokenId } = actorOf(ctx);
  const { requestId, door } = ctx;
  // Before the id, which begins with its time: whoever looks for rows since a moment goes by that.
  const at = new Date();
  const { committed, settle } = isAwaited ? commitment() : NOBODY_WAITS;
  return {
    id: newId(),
    environmentId,
    accountId,
    tokenId,
    requestId,
    door,
    at,
    agentSecretIds: [],
    revisions: [],
    isClosed: false,
    committed,
    settle,
  };
}

const NOBODY_WAITS = { committed: Promise.resolve(), settle: () => {} };

function commitment(): Pick<Batch, 'committed' | 'settle'> {
  let settle: Batch['settle'] = () => {};
  const committed = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  // Not everybody waits, and an error nobody hears of would end the process.
  committed.catch(() => {});
  return { committed, settle };
}

/** How many of the batches one statement takes. */
function statementOf(batches: readonly Batch[]): number {
  let openings = 0;
  const end = batches.findIndex(({ revisions }, index) => {
    openings += revisions.length;
    return openings > STATEMENT || index === ROWS;
  });
  return end === -1 ? batches.length : end;
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
