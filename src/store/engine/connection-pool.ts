// The connections to a real Postgres, one postgres.js client each. Its own pool slows down under sustained load (its queue
// keeps the holes that removals leave), and pipelines statements behind a connection that has died without saying so.
import postgres from 'postgres';
import { unavailable } from '../../errors/refusals.js';

export interface ConnectionOptions {
  url: string;
  poolSize: number;
  /** Milliseconds after which the server cancels a statement. */
  statementTimeout: number;
  /** Seconds to wait for a connection. */
  connectTimeout: number;
  /** Named prepared statements; off behind poolers that cannot keep them. */
  prepare: boolean;
  /** Told of every connection that is given up for a new one, with the error that was its end, if there was one. */
  onReplaced?(error: unknown): void;
  /** Behind a pooler in transaction mode sessions are shared: timeouts are the role's own, and none are sent. */
  pooler?: boolean;
}

/** How much later than the server's own statement timeout an answer may come. */
const GRACE_MS = 2_000;
const WATCH_EVERY_MS = 500;

/** What is under way on a connection. */
export interface Execution {
  /** Why it was given up or lost, once it was: its caller has been refused, so nothing of it may happen any more. */
  givenUp: unknown;
}

interface ActiveExecution extends Execution {
  /** Until when something must have been heard. */
  until: number;
  reject(error: unknown): void;
}

/** A connection, with one thing at a time on it: what is behind a statement that waits for a lock would wait as well. */
interface PooledConnection {
  client: postgres.Sql;
  execution: ActiveExecution | undefined;
}

interface Waiter {
  until: number;
  take(connection: PooledConnection): void;
  reject(error: unknown): void;
}

/** Whether an error says that the connection is gone. */
export function isConnectionLoss(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return severity === 'FATAL' || /^(57P0[1-4]|CONNECTION_.*|ECONN.*|EPIPE|ETIMEDOUT)$/.test(String(code));
}

export interface ConnectionPool {
  /** Runs one statement on a connection of its own, as soon as there is one. */
  statement<T>(work: (client: postgres.Sql) => PromiseLike<T>): Promise<T>;
  /** Runs a transaction on a connection of its own; `withoutDeadline` ones may take any time. */
  transaction<T>(
    work: (client: postgres.Sql, execution: Execution) => PromiseLike<T>,
    withoutDeadline: boolean,
  ): Promise<T>;
  close(): Promise<void>;
}

export function openConnectionPool(options: ConnectionOptions): ConnectionPool {
  const connections = Array.from(
    { length: options.poolSize },
    (): PooledConnection => ({ client: connect(options), execution: undefined }),
  );
  const idle = [...connections];
  const waiting: Waiter[] = [];
  const patience = options.statementTimeout + GRACE_MS;
  let closed = false;

  function run<T>(work: (client: postgres.Sql, execution: Execution) => PromiseLike<T>, allowed: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      function take(connection: PooledConnection): void {
        const { client } = connection;
        const execution: ActiveExecution = { until: performance.now() + allowed, reject, givenUp: undefined };
        connection.execution = execution;
        work(client, execution).then(
          (value) => {
            release(connection, execution);
            resolve(value);
          },
          (error) => {
            execution.givenUp ??= error;
            // postgres.js would tell of the loss once more, to the first statement on the connection after it.
            if (isConnectionLoss(error) && connection.execution === execution) replace(connection, error);
            release(connection, execution);
            reject(error);
          },
        );
      }
      const connection = idle.pop();
      if (connection) take(connection);
      else waiting.push({ until: performance.now() + patience, take, reject });
    });
  }

  /** Frees the connection for whoever waits longest; a execution that was given up has freed it already. */
  function release(connection: PooledConnection, execution: ActiveExecution): void {
    if (connection.execution !== execution) return;
    connection.execution = undefined;
    const next = waiting.shift();
    if (next) next.take(connection);
    else idle.push(connection);
  }

  /** Cuts the connection, whatever is on it, for a fresh one; what may still be sent before the cut is up to the execution. */
  function replace(connection: PooledConnection, error?: unknown): void {
    if (closed) return;
    options.onReplaced?.(error);
    connection.client.end({ timeout: 0 }).catch(() => {});
    connection.client = connect(options);
  }

  /** The server's timeout cannot reach us over a network that swallows everything: then the connection is given up. */
  function watch(): void {
    const now = performance.now();
    const refusal = () => unavailable('The database does not answer in time, try again later');
    while (waiting[0] && waiting[0].until < now) waiting.shift()?.reject(refusal());
    for (const connection of connections) {
      const { execution } = connection;
      if (!execution || execution.until >= now) continue;
      execution.givenUp = refusal();
      replace(connection);
      release(connection, execution);
      execution.reject(execution.givenUp);
    }
  }
  const timer = setInterval(watch, WATCH_EVERY_MS);
  timer.unref();

  return {
    statement: (work) => run(work, patience),
    transaction: (work, withoutDeadline) => run(work, withoutDeadline ? Number.POSITIVE_INFINITY : 3 * patience),
    async close() {
      closed = true;
      clearInterval(timer);
      await Promise.all(connections.map(({ client }) => client.end({ timeout: 5 })));
    },
  };
}

/** A client with one connection. */
export function connect(options: ConnectionOptions, more: postgres.Options<never> = {}): postgres.Sql {
  return postgres(options.url, {
    ...more,
    max: 1,
    connect_timeout: options.connectTimeout,
    fetch_types: false,
    prepare: options.prepare,
    onnotice: () => {},
    connection: {
      application_name: 'agent-secrets-gateway',
      ...(options.pooler
        ? {}
        : {
            statement_timeout: options.statementTimeout,
            idle_in_transaction_session_timeout: 3 * options.statementTimeout,
          }),
    },
  });
}
