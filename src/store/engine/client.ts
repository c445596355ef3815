// The database behind one small interface: a real Postgres through postgres.js, or the embedded one (embedded.ts).
import { randomBytes } from 'node:crypto';
import type postgres from 'postgres';
import { AppError } from '../../errors/errors.js';
import { unavailable } from '../../errors/refusals.js';
import { type ConnectionOptions, type Execution, isConnectionLoss, openConnectionPool } from './connection-pool.js';
import { openListener } from './listener.js';
import type { Statement } from './statement.js';

/** Runs statements; either a connection of the pool or the inside of a transaction. */
export interface Session {
  /** Whether statements of several callers may go together here: not inside a transaction, which is one caller's. */
  readonly isShared: boolean;
  rows<Row, Input extends object>(statement: Statement<Row, Input>, input: Input): Promise<Row[]>;
  row<Row, Input extends object>(statement: Statement<Row, Input>, input: Input): Promise<Row | undefined>;
  /** Text that takes no parameters: migrations. */
  script(text: string): Promise<void>;
}

export interface TransactionOptions {
  /** Without any deadline: for migrations, which may take as long as they need. */
  withoutDeadline?: boolean;
}

export interface Database extends Session {
  readonly kind: 'postgres' | 'embedded';
  /** All or nothing: what `work` throws rolls back and is thrown on. */
  transaction<T>(work: (session: Session) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Whether a query can be answered now; rejects with UNAVAILABLE otherwise. */
  ping(): Promise<void>;
  /** Tells other processes on this database that environments have changed. */
  notify(environmentIds: readonly string[]): Promise<void>;
  /** Calls back for every environment another process tells of, as long as there is a connection. Stops by the result. */
  listen(onChange: (environmentId: string) => void): () => Promise<void>;
  close(): Promise<void>;
}

type Raw = Record<string, unknown>;
type Run = (text: string, parameters: unknown[]) => Promise<Raw[]>;

const CHANNEL = 'agent_secret_changes';
const NOTIFY = 'select pg_notify($1, $2 || id::text) from unnest($3::uuid[]) as id';

export function openPostgres(options: ConnectionOptions): Database {
  const pool = openConnectionPool(options);
  const queryOptions = { prepare: options.prepare };
  // What this process tells comes back to it, and is no news.
  const origin = `${randomBytes(6).toString('hex')}:`;
  const runOn =
    (target: postgres.Sql | postgres.TransactionSql): Run =>
    (text, parameters) =>
      target.unsafe(text, parameters as never[], queryOptions) as unknown as Promise<Raw[]>;
  return {
    kind: 'postgres',
    ...session(
      (text, parameters) => pool.statement((client) => runOn(client)(text, parameters)),
      (text) => pool.statement((client) => client.unsafe(text).simple()),
    ),
    transaction: (work, { withoutDeadline = false } = {}) =>
      guarded(() =>
        pool.transaction(
          (client, execution) =>
            client.begin((tx) =>
              inTransaction(runOn(tx), (text) => tx.unsafe(text).simple(), work, execution).catch((error) =>
                unlessLost(error, execution),
              ),
            ),
          withoutDeadline,
        ),
      ) as Promise<never>,
    async ping() {
      await guarded(() => pool.statement((client) => client.unsafe('select 1', [], queryOptions)));
    },
    async notify(environmentIds) {
      const list = `{${environmentIds.join()}}`;
      await guarded(() => pool.statement((client) => client.unsafe(NOTIFY, [CHANNEL, origin, list], queryOptions)));
    },
    listen: (onChange) =>
      openListener(options, CHANNEL, (payload) => {
        if (!payload.startsWith(origin)) onChange(payload.slice(origin.length));
      }),
    close: () => pool.close(),
  };
}

/**
 * A transaction whose connection is gone must not end by itself: postgres.js would send ROLLBACK into the dead socket,
 * which throws past every handler. `begin` rejects on its own once it learns of the loss.
 */
function unlessLost(error: unknown, execution: Execution): Promise<never> {
  const isLost = execution.givenUp !== undefined || isConnectionLoss(error instanceof AppError ? error.cause : error);
  return isLost ? new Promise(() => {}) : Promise.reject(error);
}

type Script = (text: string) => PromiseLike<unknown>;

/**
 * Runs the inside of a transaction: rejects when it must be rolled back, even if `work` minds neither a statement that has
 * failed nor being given up. Statements may be asked for at once, and run in that order. None runs once `work` is over
 * (a branch of a Promise.all goes on when another has failed): behind the end it would be outside of the transaction, and stay.
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
    // Postgres would refuse it, too; on a connection that is gone the driver would throw past every handler.
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
 * A session over any driver that answers `text, parameters` with rows keyed by column name. The driver's lists are emptied: V8
 * sometimes takes to making them in its old generation, where each would keep all of its rows until the next full collection.
 * That was up to a fifth of the processor time of a list of 100.
 */
export function session(run: Run, script: Script, isShared = true): Session {
  return {
    isShared,
    // Not through `guarded`: a promise more on the hottest path costs a tenth of a read.
    async rows(statement, input) {
      let raw: Raw[];
      try {
        raw = await run(statement.text, statement.parameters(input));
      } catch (error) {
        throw translate(error);
      }
      const rows = raw.map(statement.decode);
      raw.length = 0;
      return rows;
    },
    async row(statement, input) {
      let raw: Raw[];
      try {
        raw = await run(statement.text, statement.parameters(input));
      } catch (error) {
        throw translate(error);
      }
      const [row] = raw;
      raw.length = 0;
      return row && statement.decode(row);
    },
    async script(text) {
      await guarded(() => script(text));
    },
  };
}

/** Runs something on a driver, with its errors as everybody else may see them. */
export async function guarded<T>(work: () => PromiseLike<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translate(error);
  }
}

/** SQLSTATE classes and driver codes that mean "not now": lost connections, shutdown, too many clients, timeouts. */
const UNAVAILABLE =
  /^(08...|53...|57014|57P0[1-5]|55P03|25006|CONNECT.*|CONNECTION_.*|ECONN.*|ENOTFOUND|ENOENT|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH)$/;

/** Whether the database itself has refused a statement, or ended it for the time it took: nothing of it was done. */
export function isRefused(error: unknown): boolean {
  const said = error instanceof AppError ? error.cause : error;
  return (said as { severity?: unknown } | null)?.severity === 'ERROR';
}

/** An unreachable database is an expected refusal; everything else the driver throws is a bug and stays what it is. */
function translate(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  const isClosed = error instanceof Error && error.message === 'PGlite is closed';
  // FATAL ends the session, or never lets it begin: the statement had no part in it.
  if (isClosed || severity === 'FATAL' || (typeof code === 'string' && UNAVAILABLE.test(code))) {
    const refusal = unavailable('The database is not reachable, try again later');
    refusal.cause = error;
    return refusal;
  }
  return error;
}
