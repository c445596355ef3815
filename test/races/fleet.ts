// Several instances of the service on one database, each with a pool of its own: in this process, or as real processes.
import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { createApp } from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { generateKeyring, localKeyProvider, parseKeyring } from '../../src/crypto/local-keyring.js';
import { insertWithToken } from '../../src/domain/account.js';
import { createLogger } from '../../src/log.js';
import { servicesOn } from '../../src/services.js';
import { openPostgres } from '../../src/store/client.js';
import type { TestApp } from '../support/app.js';
import { createTestDatabase } from '../support/database.js';
import { startServer } from '../support/server.js';

/** As much of a TestApp as the GraphQL helpers and createWorld need. */
export type Instance = TestApp;

export interface Fleet {
  instances: [Instance, ...Instance[]];
  /** Any of them. */
  some(random: () => number): Instance;
  /** A view of the database past the service. */
  sql: postgres.Sql;
  /** Fails when an instance has logged a bug, a deadlock for example. */
  close(): Promise<void>;
}

interface FleetOptions {
  kind?: 'instances' | 'processes';
  size?: number;
  poolSize?: number;
  /** Milliseconds. */
  statementTimeout?: number;
  /** Log lines that are no bugs in this test. */
  tolerated?: RegExp;
}

interface Member {
  fetch(request: Request): Promise<Response>;
  logged(): string;
  close(): Promise<unknown>;
}

export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const { kind = 'instances', size = 3 } = options;
  const { url, drop } = await createTestDatabase();
  const keyring = generateKeyring();
  const operatorToken = await createOperator(url);
  const start = kind === 'instances' ? startInstance : startProcess;
  const members = await Promise.all(Array.from({ length: size }, () => start(url, keyring, options)));
  const instances = members.map(({ fetch }) => ({ fetch, operatorToken })) as unknown as Fleet['instances'];
  const sql = postgres(url, { max: 4, onnotice: () => undefined });
  return {
    instances,
    some: (random) => instances[Math.floor(random() * size)] as Instance,
    sql,
    async close() {
      await Promise.all(members.map((member) => member.close()));
      await sql.end({ timeout: 5 });
      await drop();
      const lines = members.flatMap((member) => member.logged().split('\n'));
      const bugs = lines.filter((line) => line !== '' && !options.tolerated?.test(line));
      if (bugs.length > 0) throw new Error(`logged:\n${bugs.join('\n')}`);
    },
  };
}

function databaseOf(url: string, { poolSize = 4, statementTimeout = 10_000 }: FleetOptions) {
  return openPostgres({ url, poolSize, statementTimeout, connectTimeout: 5, prepare: true });
}

async function createOperator(url: string): Promise<string> {
  const db = databaseOf(url, { poolSize: 1 });
  try {
    const name = `operator-${randomBytes(4).toString('hex')}`;
    return (await db.transaction((tx) => insertWithToken(tx, { name, roles: ['admin'] }))).secret;
  } finally {
    await db.close();
  }
}

async function startInstance(url: string, keyring: string, options: FleetOptions): Promise<Member> {
  const logs: string[] = [];
  const log = createLogger('warn', { write: (line: string) => void logs.push(line) });
  const db = databaseOf(url, options);
  const app = createApp({
    services: servicesOn(db, localKeyProvider(parseKeyring(keyring)), log),
    config: loadConfig({ NODE_ENV: 'test' }),
  });
  return { fetch: async (request) => app.fetch(request), logged: () => logs.join(''), close: () => db.close() };
}

async function startProcess(url: string, keyring: string, options: FleetOptions): Promise<Member> {
  const server = await startServer({
    env: {
      NODE_ENV: 'production',
      DATABASE_URL: url,
      MASTER_KEYS: keyring,
      DATABASE_POOL_SIZE: String(options.poolSize ?? 4),
    },
  });
  return {
    fetch: (request) => fetch(new Request(request.url.replace('http://localhost', server.url), request)),
    logged: server.complaints,
    async close() {
      const code = await server.stop();
      if (code !== 0) throw new Error(`a process ended with ${code}:\n${server.stderr()}`);
    },
  };
}

export interface RestAnswer {
  status: number;
  body: any;
}

/** A request to the REST door. */
export async function rest(
  instance: Instance,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<RestAnswer> {
  const response = await instance.fetch(
    new Request(`http://localhost${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    }),
  );
  return { status: response.status, body: await response.json() };
}

/** How often each key of the answers came. */
export function tally<T>(items: readonly T[], keyOf: (item: T) => string | number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}
