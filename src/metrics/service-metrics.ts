// What the services of a process hold and wait for, read when somebody asks.
import type { Server } from 'node:http';
import { promisify } from 'node:util';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Services } from '../domain/request/services.js';

/** A database that has not answered within this time is down to whoever asks. */
const PING_WITHIN_MS = 2_000;

export function registerServiceMetrics(registry: Registry, services: Services, server: Server): void {
  const { db, writes, feed, memory, reads, keys, security } = services;
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number, aggregator: 'sum' | 'max' = 'sum') =>
    new Gauge({
      name: `agent_secrets_${name}`,
      help,
      registers,
      aggregator,
      collect() {
        this.set(read());
      },
    });

  /** Both gauges of an answer are of the same ping. */
  let pinging: ReturnType<typeof db.ping> | undefined;
  const ping = () => {
    pinging ??= db.ping().finally(() => {
      pinging = undefined;
    });
    return answerWithin(PING_WITHIN_MS, pinging);
  };
  new Gauge({
    name: 'agent_secrets_database_up',
    help: 'Whether the database answers',
    registers,
    aggregator: 'min',
    async collect() {
      this.set((await ping()) ? 1 : 0);
    },
  });
  new Gauge({
    name: 'agent_secrets_database_writable',
    help: 'Whether the database takes writes',
    registers,
    aggregator: 'min',
    async collect() {
      this.set((await ping())?.isWritable ? 1 : 0);
    },
  });
  const pool = db.pool;
  if (pool) {
    gauge('database_connections', 'Connections to the database', () => pool().size);
    gauge('database_connections_in_use', 'Connections that run a statement or a transaction', () => pool().inUse);
    gauge(
      'database_statements_waiting',
      'Statements and transactions that wait for a connection',
      () => pool().waiting,
    );
  }
  const countConnections = promisify(server.getConnections.bind(server));
  new Gauge({
    name: 'agent_secrets_connections',
    help: 'Open connections of clients',
    registers,
    async collect() {
      this.set(await countConnections());
    },
  });
  gauge('streams', 'Open streams of changes', () => feed.open());
  gauge('writes_waiting', 'Writes under way, and those that wait for an earlier one of the same environment', () =>
    writes.waiting(),
  );
  gauge('answer_bytes', 'Bytes that answers under way hold in memory', () => memory.used);
  gauge('answers_waiting', 'Answers that wait for memory', () => memory.waiting);
  gauge(
    'read_audit_pending',
    'Opened values whose records are not in the database yet',
    () => reads.backlog().openings,
  );
  gauge(
    'read_audit_oldest_seconds',
    'How long the oldest of these records has waited',
    () => reads.backlog().oldestMs / 1_000,
    'max',
  );
  gauge('key_cache_environments', 'Environments whose keys are in memory', () => keys.usage().environments);
  gauge(
    'last_write_timestamp_seconds',
    'When this process, or one that has told it, last added to a log; 0: not since its start',
    () => feed.lastChangeAt() / 1_000,
    'max',
  );
  new Counter({
    name: 'agent_secrets_key_cache_lookups_total',
    help: 'How often the keys of an environment were asked for, by whether they were in memory',
    labelNames: ['outcome'],
    registers,
    collect() {
      const { hits, loads } = keys.usage();
      this.reset();
      this.inc({ outcome: 'hit' }, hits);
      this.inc({ outcome: 'load' }, loads);
    },
  });
  new Counter({
    name: 'agent_secrets_security_events_total',
    help: 'Failed credentials, refused administrators and limits hit, by kind',
    labelNames: ['event'],
    registers,
    collect() {
      this.reset();
      for (const [event, count] of security.counts()) this.inc({ event }, count);
    },
  });
}

async function answerWithin<T>(ms: number, answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([answer, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
