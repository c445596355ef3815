// One small interface to the database: a Postgres server through postgres.js, or the embedded database (embedded.ts).
import { hash, randomBytes } from 'node:crypto';
import type postgres from 'postgres';
import { type ConnectionOptions, type Execution, openConnectionPool, type PoolUsage } from './connection-pool.js';
import { type Listener, openListener } from './listener.js';
import { causeOf, hasGivenWay, isConnectionLoss, translate, withOneRetry } from './outage.js';
import type { Statement } from './statement.js';

/** Runs statements, either on any connection of the pool or inside a transaction. */
export interface Session {
  /** Whether statements of several callers may be batched. Not inside a transaction, which belongs to one caller. */
  readonly isShared: boolean;
  rows<Row, Input extends object>(statement: Statement<Row, Input>, input: Input): Promise<Row[]>;
  row<Row, Input extends object>(statement: Statement<Row, Input>, input: Input): Promise<Row | undefined>;
  /** Runs SQL text without parameters, such as a migration. */
  script(text: string): Promise<void>;
}

export interface TransactionOptions {
  /** Sets no deadline, for example for migrations, which may take as long as they need. */
  withoutDeadline?: boolean;
}

export interface Database extends Session {
  readonly kind: 'postgres' | 'embedded';
  /** The schema that is searched for tables; undefined: whichever the database has in its search path. */
  readonly schema: string | undefined;
  /** Runs `work` in a transaction. An error of `work` rolls the transaction back and is passed on. */
  transaction<T>(work: (session: Session) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Resolves if the database can answer a query now, and tells whether it takes writes; else rejects with UNAVAILABLE. */
  ping(): Promise<{ isWritable: boolean }>;
  /** How the connections are used; the embedded database has none. */
  pool?(): PoolUsage;
  /** Notifies the other processes on this database that environments have changed. */
  notify(environmentIds: readonly string[]): Promise<void>;
  /**
   * Calls `onChange` for every environment that another process has changed, as long as there is a connection. Returns
   * a function that stops listening.
   */
  listen(onChange: (environmentId: string) => void): () => Promise<void>;
  close(): Promise<void>;
}

type Raw = Record<string, unknown>;
type Run = (text: string, parameters: unknown[], isBulk?: boolean) => Promise<Raw[]>;

/** Each schema has a channel of its own: another installation in the same database has other environments. */
function channelOf(schema = 'public'): string {
  return schema === 'public' ? 'agent_secret_changes' : `agent_secret_changes_${hash('sha256', schema).slice(0, 16)}`;
}
const PING = `select current_setting('transaction_read_only') = 'off' as writable`;
const NOTIFY = 'select pg_notify($1, $2 || id::text) from unnest($3::uuid[]) as id';

export function openPostgres(options: ConnectionOptions): Database {
  const channel = channelOf(options.schema);
  const listeners = new Set<Listener>();
  const pool = openConnectionPool({
    ...options,
    onServerChanged() {
      for (const listener of listeners) listener.renew();
    },
  });
  const queryOptions = { prepare: options.prepare };
  // Postgres also sends a process its own notifications; this prefix identifies them, so that they are ignored.
  const origin = `${randomBytes(6).toString('hex')}:`;
  const runOn =
    (target: postgres.Sql | postgres.TransactionSql): Run =>
    (text, parameters) =>
      target.unsafe(text, parameters as never[], queryOptions) as unknown as Promise<Raw[]>;
  return {
    kind: 'postgres',
    schema: options.schema,
    ...session(
      (text, parameters, isBulk) => pool.statement((client) => runOn(client)(text, parameters), isBulk),
      (text) => pool.statement((client) => client.unsafe(text).simple()),
    ),
    transaction: (work, { withoutDeadline = false } = {}) =>
      withOneRetry(() =>
        guarded(() =>
          pool.transaction(
            (client, execution) =>
              client.begin((tx) =>
                inTransaction(runOn(tx), (text) => tx.unsafe(text).simple(), work, execution).catch((error) =>
                  rejectUnlessLost(error, execution),
                ),
              ),
            withoutDeadline,
          ),
        ),
      ) as Promise<never>,
    async ping() {
      const isWritable = await guarded(() =>
        pool.statement(async (client, execution) => {
          const [row] = await client.unsafe(PING, [], queryOptions);
          if (!row?.writable) execution.isOnReadOnlyServer = true;
          return row?.writable === true;
        }),
      );
      return { isWritable };
    },
    pool: () => pool.usage(),
    async notify(environmentIds) {
      const list = `{${environmentIds.join()}}`;
      await guarded(() => pool.statement((client) => client.unsafe(NOTIFY, [channel, origin, list], queryOptions)));
    },
    listen(onChange) {
      const listener = openListener(options, channel, (payload) => {
        if (!payload.startsWith(origin)) onChange(payload.slice(origin.length));
      });
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        return listener.close();
      };
    },
    close: () => pool.close(),
  };
}

/**
 * Rejects with the error of a transaction, unless its connection is lost: then it never settles. postgres.js would send
 * ROLLBACK to the dead socket as soon as the body of the transaction rejects, and that throws where no handler can
 * catch it. `begin` rejects by itself once it notices the loss.
 */
function rejectUnlessLost(error: unknown, execution: Execution): Promise<never> {
  const isLost = execution.givenUp !== undefined || isConnectionLoss(causeOf(error));
  return isLost ? new Promise(() => {}) : Promise.reject(error);
}

type Script = (text: string) => PromiseLike<unknown>;

/**
 * Runs the body of a transaction. It rejects when the transaction must be rolled back, even if `work` ignores that a
 * statement has failed or that its execution was given up. Statements may be requested concurrently and run in that
 * order.
 *
 * No statement runs once `work` has ended, because it would run outside of the transaction and would not be rolled
 * back. This can happen in a Promise.all: when one branch fails, the others continue.
 */
export async function inTransaction<T>(
  run: Run,
  script: Script,
  work: (session: Session) => Promise<T>,
  execution?: Execution,
): Promise<T> {
  let isOver = false;
  let failure: { error: unknown } | undefined;
  async function inside<Result>(send: () => PromiseLike<Result>): Promise<Result> {
    if (execution?.givenUp) throw execution.givenUp;
    // Postgres would reject the statement as well; but on a lost connection the driver throws where no handler can
    // catch it.
    if (failure) throw failure.error;
    if (isOver) throw new Error('the transaction is over');
    try {
      return await send();
    } catch (error) {
      failure ??= { error };
      throw error;
    }
  }
  try {
    const result = await work(
      session(
        (text, parameters) => inside(() => run(text, parameters)),
        (text) => inside(() => script(text)),
        false,
      ),
    );
    if (execution?.givenUp) throw execution.givenUp;
    if (failure) throw failure.error;
    return result;
  } finally {
    isOver = true;
  }
}

/**
 * A session on any driver that takes SQL text and parameters and returns rows keyed by column name. The driver's arrays
 * of rows are emptied after use: V8 sometimes starts to allocate them in its old generation, where each of them would
 * keep all of its rows in memory until the next full garbage collection. That took up to a fifth of the CPU time of a
 * list of 100.
 */
export function session(run: Run, script: Script, isShared = true): Session {
  /** A statement inside a transaction is not sent again: it has ended its transaction, which begins anew as a whole. */
  function sendAgain(error: unknown, send: () => Promise<Raw[]>): Promise<Raw[]> {
    if (!isShared || !hasGivenWay(error)) throw translate(error);
    return guarded(send);
  }
  return {
    isShared,
    // `guarded` is not used here: its additional promise, on the hottest path, would cost a tenth of a read.
    async rows(statement, input) {
      let raw: Raw[];
      try {
        raw = await run(statement.text, statement.parameters(input), statement.isBulk);
      } catch (error) {
        raw = await sendAgain(error, () => run(statement.text, statement.parameters(input), statement.isBulk));
      }
      const rows = withoutGap(raw).map(statement.decode);
      raw.length = 0;
      return rows;
    },
    async row(statement, input) {
      let raw: Raw[];
      try {
        raw = await run(statement.text, statement.parameters(input), statement.isBulk);
      } catch (error) {
        raw = await sendAgain(error, () => run(statement.text, statement.parameters(input), statement.isBulk));
      }
      const [row] = withoutGap(raw);
      raw.length = 0;
      return row && statement.decode(row);
    },
    async script(text) {
      await guarded(() => script(text));
    },
  };
}

/**
 * The rows of a result. postgres.js does not count from zero again after a statement that failed among its rows, such as
 * one that was cancelled for its time: the next result on that connection begins with as many missing elements.
 */
function withoutGap(raw: Raw[]): Raw[] {
  // `filter` passes over elements that are missing.
  return raw.length > 0 && raw[0] === undefined ? raw.filter(() => true) : raw;
}

/** Runs work on a driver, and translates the driver's errors into those that callers may see. */
export async function guarded<T>(work: () => PromiseLike<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translate(error);
  }
}

/** Whether the database itself has rejected a statement, or cancelled it after its timeout: it has had no effect. */
export function isRefused(error: unknown): boolean {
  return (causeOf(error) as { severity?: unknown } | null)?.severity === 'ERROR';
}
