// Several instances of the service on one database, each with a pool of its own: in this process, or as real processes.
import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { loadConfig } from '../../../src/config/config.js';
import { createKeyCache } from '../../../src/crypto/environment-keys.js';
import { loadKeyFile } from '../../../src/crypto/key-file.js';
import type { KeyProvider } from '../../../src/crypto/key-provider.js';
import { generateKeyring, localKeyProvider, parseKeyring } from '../../../src/crypto/local-keyring.js';
import type { ReadAuditMode } from '../../../src/domain/reads/read-audit.js';
import { createAccountAsOperator } from '../../../src/domain/tenancy/account.js';
import { createLogger } from '../../../src/logging/logger.js';
import { createApp } from '../../../src/server/app.js';
import { createHttpServer } from '../../../src/server/http-server.js';
import { servicesOn } from '../../../src/start/services.js';
import { openPostgres } from '../../../src/store/engine/client.js';
import { findEnvironmentKeys } from '../../../src/store/keys/environment-key.js';
import type { TestApp } from '../../support/app.js';
import { createTestDatabase } from '../../support/postgres/database.js';
import { closed, listening } from '../../support/rest/app.js';
import { startServer } from '../../support/server.js';
import { addressOf } from '../../support/streams/event-stream.js';

/** As much of a TestApp as the GraphQL helpers and createWorld need, and where it listens. */
export type Instance = TestApp & { url: string };

export interface Fleet {
  instances: [Instance, ...Instance[]];
  /** Any of them. */
  some(random: () => number): Instance;
  /** A view of the database past the service. */
  sql: postgres.Sql;
  url: string;
  /** Fails when an instance has logged a bug, a deadlock for example. */
  close(): Promise<void>;
}

interface FleetOptions {
  kind?: 'instances' | 'processes';
  size?: number;
  poolSize?: number;
  /** Milliseconds. */
  statementTimeout?: number;
  /** The instances' key file; without it a keyring of their own. */
  keyFile?: string;
  /** Milliseconds after which `instances` look for newer keys. */
  keysMaxAge?: number;
  /** The way on which an instance reaches the database, if it is not the straight one. */
  wayOf?(index: number, url: string): Promise<string>;
  /** Log lines that are no bugs in this test. */
  tolerated?: RegExp;
  readAudit?: ReadAuditMode;
}

interface Member {
  url: string;
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
  const members = await Promise.all(
    Array.from({ length: size }, async (_, index) =>
      start((await options.wayOf?.(index, url)) ?? url, keyring, options),
    ),
  );
  const instances = members.map(({ fetch, url }) => ({ fetch, url, operatorToken })) as unknown as Fleet['instances'];
  const sql = postgres(url, { max: 4, onnotice: () => undefined });
  return {
    instances,
    some: (random) => instances[Math.floor(random() * size)] as Instance,
    sql,
    url,
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
    return (await db.transaction((tx) => createAccountAsOperator(tx, { name, roles: ['admin'] }))).secret;
  } finally {
    await db.close();
  }
}

async function startInstance(url: string, keyring: string, options: FleetOptions): Promise<Member> {
  const logs: string[] = [];
  const log = createLogger('warn', { to: { write: (line: string) => void logs.push(line) } });
  const db = databaseOf(url, options);
  const { keyFile, keysMaxAge } = options;
  const provider = keyFile === undefined ? localKeyProvider(parseKeyring(keyring)) : await keyFileProvider(keyFile);
  const services = servicesOn(db, provider, log, options.readAudit);
  const load = (environmentId: string) => findEnvironmentKeys(db, environmentId);
  const keys = createKeyCache({
    provider,
    load,
    max: 1_000,
    ...(keysMaxAge === undefined ? {} : { maxAgeMs: keysMaxAge }),
  });
  const app = createApp({ services: { ...services, keys }, config: loadConfig({ NODE_ENV: 'test' }) });
  const server = await listening(createHttpServer((request, env) => app.fetch(request, env), { log }));
  return {
    url: addressOf(server),
    fetch: async (request) => app.fetch(request),
    logged: () => logs.join(''),
    async close() {
      await closed(server);
      await services.feed.close();
      await services.reads.flush();
      await db.close();
    },
  };
}

/** As the service makes it from MASTER_KEY_FILE. */
export async function keyFileProvider(path: string): Promise<KeyProvider> {
  const keyring = async () => (await loadKeyFile(path)).keyring;
  return localKeyProvider(await keyring(), keyring);
}

async function startProcess(url: string, keyring: string, options: FleetOptions): Promise<Member> {
  const server = await startServer({
    env: {
      NODE_ENV: 'production',
      DATABASE_URL: url,
      ...(options.keyFile === undefined ? { MASTER_KEYS: keyring } : { MASTER_KEY_FILE: options.keyFile }),
      DATABASE_POOL_SIZE: String(options.poolSize ?? 4),
      READ_AUDIT: options.readAudit ?? 'async',
    },
  });
  return {
    url: server.url,
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
