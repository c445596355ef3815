// The pool of connections to a Postgres server. Each connection is a postgres.js client of its own.
//
// The pool of postgres.js is not used: it slows down under sustained load (its queue keeps the holes that removals
// leave), and it pipelines statements behind a connection that has died silently.
import postgres from 'postgres';
import { type Address, addressOf } from '../../address/address.js';
import type { Host } from '../../address/hosts.js';
import { sessionSettings } from '../../address/session.js';
import { identityOf, socketsTo } from '../../address/sockets.js';
import { unavailable } from '../../errors/refusals.js';
import { isConnectionLoss } from './outage.js';
import { isWriteRefused, type PooledServer, ReadOnlyServers, ServerState } from './read-only.js';

export interface ConnectionOptions {
  /** An address, or its text. */
  url: string | Address;
  /** The schema of the tables. Without it, the search path of the database counts. */
  schema?: string | undefined;
  poolSize: number;
  /** Milliseconds after which the server cancels a statement. */
  statementTimeout: number;
  /** Seconds to wait for a connection. */
  connectTimeout: number;
  /** Whether to use named prepared statements; false behind a pooler that does not support them. */
  prepare: boolean;
  /** Called for every connection that is replaced by a new one, with the error that ended it, if there was one. */
  onReplaced?(error: unknown): void;
  /** Called when all connections are replaced, because new ones reach another server, which takes writes. */
  onServerChanged?(): void;
  /** Behind a pooler in transaction mode sessions are shared, so no timeouts are sent: those of the role apply. */
  pooler?: boolean;
}

/** How long after the server's own statement timeout a response may still arrive. */
const GRACE_MS = 2_000;
const CHECK_EVERY_MS = 500;

/** A statement or transaction that is running on a connection. */
export interface Execution {
  /** The reason once it was given up or lost: its caller has got an error, so it must not have any further effect. */
  givenUp: unknown;
  /** Set when its server was found to be read-only: by work that has asked, or by a refused write. */
  isOnReadOnlyServer: boolean;
}

interface ActiveExecution extends Execution {
  isBulk: boolean;
  /** When it is given up if it has not ended, by `performance.now`. */
  deadline: number;
  reject(error: unknown): void;
}

/**
 * A connection runs one execution at a time: one behind a statement that waits for a lock would have to wait as well.
 */
interface PooledConnection extends PooledServer {
  client: postgres.Sql;
  execution: ActiveExecution | undefined;
}

interface Waiter {
  deadline: number;
  start(connection: PooledConnection): void;
  reject(error: unknown): void;
}

export interface PoolUsage {
  size: number;
  inUse: number;
  /** Statements and transactions that wait for a connection. */
  waiting: number;
}

export interface ConnectionPool {
  /**
   * Runs one statement on a connection of its own, as soon as one is free. One in bulk waits behind all others, and never
   * takes the last connection.
   */
  statement<T>(work: (client: postgres.Sql, execution: Execution) => PromiseLike<T>, isBulk?: boolean): Promise<T>;
  /** Runs a transaction on a connection of its own. With `withoutDeadline` it may take any time. */
  transaction<T>(
    work: (client: postgres.Sql, execution: Execution) => PromiseLike<T>,
    withoutDeadline: boolean,
  ): Promise<T>;
  usage(): PoolUsage;
  close(): Promise<void>;
}

export function openConnectionPool(options: ConnectionOptions): ConnectionPool {
  const readOnly = new ReadOnlyServers<PooledConnection>(replace, options.onServerChanged);
  const connections = Array.from(
    { length: options.poolSize },
    (): PooledConnection => ({ ...open(), execution: undefined }),
  );
  const idle = [...connections];
  const waiting: Waiter[] = [];
  const waitingInBulk: Waiter[] = [];
  const maxInBulk = Math.max(1, options.poolSize - 1);
  let inBulk = 0;
  const timeoutMs = options.statementTimeout + GRACE_MS;
  let closed = false;

  function open(): Pick<PooledConnection, 'client' | 'server' | 'generation'> {
    const server = new ServerState();
    const onparameter = (setting: string, value: string) => {
      if (server.report(setting, value)) readOnly.isSuspicious = true;
    };
    return {
      client: connect(options, { onparameter } as postgres.Options<never>),
      server,
      generation: readOnly.generation,
    };
  }

  function run<T>(
    work: (client: postgres.Sql, execution: Execution) => PromiseLike<T>,
    limitMs: number,
    isBulk = false,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      function start(connection: PooledConnection): void {
        const { client } = connection;
        const execution: ActiveExecution = {
          deadline: performance.now() + limitMs,
          isBulk,
          reject,
          givenUp: undefined,
          isOnReadOnlyServer: false,
        };
        connection.execution = execution;
        if (isBulk) inBulk += 1;
        work(client, execution).then(
          (value) => {
            release(connection, execution);
            resolve(value);
          },
          (error) => {
            execution.givenUp ??= error;
            // postgres.js would report the loss once more, to the next statement on this connection.
            if (isConnectionLoss(error) && connection.execution === execution) replace(connection, error);
            if (isWriteRefused(error)) execution.isOnReadOnlyServer = true;
            release(connection, execution);
            reject(error);
          },
        );
      }
      const connection = isBulk && inBulk >= maxInBulk ? undefined : idle.pop();
      if (connection) start(connection);
      else (isBulk ? waitingInBulk : waiting).push({ deadline: performance.now() + timeoutMs, start, reject });
    });
  }

  /** Passes the connection on to the longest waiting caller. An execution that was given up has released it already. */
  function release(connection: PooledConnection, execution: ActiveExecution): void {
    if (connection.execution !== execution) return;
    connection.execution = undefined;
    if (execution.isBulk) inBulk -= 1;
    if (execution.isOnReadOnlyServer) {
      connection.server.hasRefusedWrites = true;
      readOnly.isSuspicious = true;
    }
    if (readOnly.isSuspicious) readOnly.afterUse(connection, connections);
    const next = waiting.shift() ?? (inBulk < maxInBulk ? waitingInBulk.shift() : undefined);
    if (next) next.start(connection);
    else idle.push(connection);
  }

  /**
   * Closes the connection, whatever is running on it, and opens a new one. It is up to the execution to send nothing
   * more before the old one is closed.
   */
  function replace(connection: PooledConnection, error?: unknown): void {
    if (closed) return;
    options.onReplaced?.(error);
    connection.client.end({ timeout: 0 }).catch(() => {});
    Object.assign(connection, open());
  }

  /**
   * Gives up connections and waiting callers whose deadline has passed. The server's own timeout does not help when the
   * network drops everything.
   */
  function enforceDeadlines(): void {
    const now = performance.now();
    const timeoutError = () => unavailable('The database does not answer in time, try again later');
    for (const queue of [waiting, waitingInBulk]) {
      while (queue[0] && queue[0].deadline < now) queue.shift()?.reject(timeoutError());
    }
    for (const connection of connections) {
      const { execution } = connection;
      if (!execution || execution.deadline >= now) continue;
      execution.givenUp = timeoutError();
      replace(connection);
      release(connection, execution);
      execution.reject(execution.givenUp);
    }
  }
  const timer = setInterval(enforceDeadlines, CHECK_EVERY_MS);
  timer.unref();

  return {
    statement: (work, isBulk) => run(work, timeoutMs, isBulk),
    transaction: (work, withoutDeadline) => run(work, withoutDeadline ? Number.POSITIVE_INFINITY : 3 * timeoutMs),
    usage: () => ({
      size: connections.length,
      inUse: connections.length - idle.length,
      waiting: waiting.length + waitingInBulk.length,
    }),
    async close() {
      closed = true;
      clearInterval(timer);
      await Promise.all(connections.map(({ client }) => client.end({ timeout: 5 })));
    },
  };
}

/** A client with one connection. */
export function connect(options: ConnectionOptions, extraOptions: postgres.Options<never> = {}): postgres.Sql {
  const address = typeof options.url === 'string' ? addressOf(options.url) : options.url;
  const connectTimeout = address.connectTimeoutSeconds ?? options.connectTimeout;
  const sockets = socketsTo(address, connectTimeout);
  const client = postgres({
    ...identityOf(address, address.hosts[0] as Host),
    ...extraOptions,
    pass: sockets.password,
    socket: sockets.open,
    connect_timeout: connectTimeout,
    prepare: options.prepare,
    onnotice: () => {},
    connection: {
      ...address.startup,
      ...sessionSettings(options.schema, options.pooler ?? false),
      ...(options.pooler
        ? {}
        : {
            statement_timeout: options.statementTimeout,
            idle_in_transaction_session_timeout: 3 * options.statementTimeout,
          }),
    },
  } as postgres.Options<never>);
  const { end } = client;
  // The driver does not wait for a socket that is being opened, and would leave it open.
  client.end = (how) => end(how).finally(sockets.close);
  return client;
}
