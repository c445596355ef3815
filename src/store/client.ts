// The database behind one small interface: a real Postgres through postgres.js, or the embedded one (embedded.ts).
import postgres from 'postgres';
import { AppError, unavailable } from '../errors.js';
import type { Statement } from './statement.js';

/** Runs statements; either a connection of the pool or the inside of a transaction. */
export interface Session {
  rows<Row, Input extends object>(statement: Statement<Row, Input>, input: Input): Promise<Row[]>;
  row<Row, Input extends object>(statement: Statement<Row, Input>, input: Input): Promise<Row | undefined>;
  /** Text that takes no parameters: migrations. */
  script(text: string): Promise<void>;
}

export interface TransactionOptions {
  /** Without any deadline: for migrations, which may take as long as they need. */
  unhurried?: boolean;
}

export interface Database extends Session {
  readonly kind: 'postgres' | 'embedded';
  /** All or nothing: what `work` throws rolls back and is thrown on. */
  transaction<T>(work: (session: Session) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Whether a query can be answered now; rejects with UNAVAILABLE otherwise. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface PostgresOptions {
  url: string;
  poolSize: number;
  /** Milliseconds after which the server cancels a statement. */
  statementTimeout: number;
  /** Seconds to wait for a connection. */
  connectTimeout: number;
  /** Named prepared statements; off behind poolers that cannot keep them. */
  prepare: boolean;
}

type Raw = Record<string, unknown>;
type Run = (text: string, parameters: unknown[]) => Promise<Raw[]>;

export function openPostgres(options: PostgresOptions): Database {
  let client = connect(options);
  const execution = { prepare: options.prepare };
  const runOn =
    (target: postgres.Sql | postgres.TransactionSql): Run =>
    (text, parameters) =>
      target.unsafe(text, parameters as never[], execution) as unknown as Promise<Raw[]>;

  let lastAnswer = 0;
  const answered = () => {
    lastAnswer = performance.now();
  };

  /**
   * Answers within the statement timeout and a little, or says why it takes longer. What only waits in line is taken out
   * of it; what was sent while answers arrive has its turn to come; and when nothing at all is answered, the network
   * swallows everything, the server's own timeout cannot reach us, and the connections are given up for new ones.
   */
  async function inTime<T>(factor: number, work: (client: postgres.Sql) => PromiseLike<T>): Promise<T> {
    const asked = client;
    const answer = work(asked);
    let since = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      const patience = Math.min(options.statementTimeout * factor + GRACE_MS, 2 ** 31 - 1);
      timer = setTimeout(lookAgain, patience);
      function lookAgain() {
        if (isWaitingInLine(answer)) {
          answer.cancel();
        } else if (lastAnswer >= since) {
          since = performance.now();
          timer = setTimeout(lookAgain, patience);
        } else {
          if (client === asked) client = connect(options);
          asked.end({ timeout: 0 }).catch(() => {});
          reject(unavailable('The database does not answer, try again later'));
        }
      }
    });
    try {
      return await Promise.race([Promise.resolve(answer).finally(answered), tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    kind: 'postgres',
    ...session(
      (text, parameters) => inTime(1, (sql) => runOn(sql)(text, parameters)),
      (text) => client.unsafe(text).simple(),
    ),
    transaction: (work, { unhurried = false } = {}) =>
      guarded(() =>
        inTime(unhurried ? Number.POSITIVE_INFINITY : 3, (sql) =>
          sql.begin((tx) => work(session(runOn(tx), (text) => tx.unsafe(text).simple())).catch(unlessLost)),
        ),
      ) as Promise<never>,
    async ping() {
      await guarded(() => inTime(1, (sql) => sql.unsafe('select 1', [], execution)));
    },
    close: () => client.end({ timeout: 5 }),
  };
}

/** A query of postgres.js that no connection has taken yet; only such a one can be cancelled without asking the server. */
function isWaitingInLine(answer: unknown): answer is { cancel(): void } {
  const { state, cancel } = answer as { state?: unknown; cancel?: unknown };
  return state === null && typeof cancel === 'function';
}

const LOST = /^(08...|57P0[1-4]|CONNECTION_.*|ECONN.*|EPIPE|ETIMEDOUT)$/;

/**
 * A transaction whose connection is gone must not end by itself: postgres.js would send ROLLBACK into the dead socket,
 * which throws past every handler. `begin` rejects on its own once it learns of the loss.
 */
function unlessLost(error: unknown): Promise<never> {
  const cause = (error instanceof AppError ? error.cause : error) as { code?: unknown } | undefined;
  return LOST.test(String(cause?.code)) ? new Promise(() => {}) : Promise.reject(error);
}

/** How much later than the server's own statement timeout an answer may come. */
const GRACE_MS = 2_000;

function connect(options: PostgresOptions): postgres.Sql {
  return postgres(options.url, {
    max: options.poolSize,
    connect_timeout: options.connectTimeout,
    fetch_types: false,
    prepare: options.prepare,
    onnotice: () => {},
    connection: { application_name: 'agent-secrets-gateway', statement_timeout: options.statementTimeout },
  });
}

/** A session over any driver that answers `text, parameters` with rows keyed by column name. */
export function session(run: Run, script: (text: string) => PromiseLike<unknown>): Session {
  return {
    async rows(statement, input) {
      const raw = await guarded(() => run(statement.text, statement.parameters(input)));
      return raw.map(statement.decode);
    },
    async row(statement, input) {
      const [raw] = await guarded(() => run(statement.text, statement.parameters(input)));
      return raw && statement.decode(raw);
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
