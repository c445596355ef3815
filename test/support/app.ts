// Runs the whole service for one test file on its own database. Both APIs run in this process, and everything that leaves
// the service is searched for canaries.
import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import { inject } from 'vitest';
import { type Config, loadConfig } from '../../src/config/config.js';
import type { KeyProvider } from '../../src/crypto/key-provider.js';
import { generateKeyring, localKeyProvider, parseKeyring } from '../../src/crypto/local-keyring.js';
import type { Services } from '../../src/domain/request/services.js';
import { createAccountAsOperator } from '../../src/domain/tenancy/account.js';
import { createLogger } from '../../src/logging/logger.js';
import { createApp } from '../../src/server/app.js';
import { createHttpServer } from '../../src/server/http-server.js';
import { servicesOn } from '../../src/start/services.js';
import { type Database, openPostgres } from '../../src/store/engine/client.js';
import { openEmbedded } from '../../src/store/engine/embedded.js';
import { migrate } from '../../src/store/engine/migrate.js';
import { leaksIn } from './canary.js';
import { leaksInText } from './canary-files.js';
import { createTestDatabase } from './postgres/database.js';

export interface TestApp {
  services: Services;
  config: Config;
  /** This is the app as a function, for GraphQL requests in this process. */
  fetch(request: Request): Promise<Response>;
  /** This is the app as a node:http server for supertest. It does not listen yet. */
  server: Server;
  /** This token belongs to an account with the account role admin. */
  operatorToken: string;
  /** These are the log lines that were written so far. */
  logs: string[];
  /** Counts the statements that were sent to the database so far. */
  queries(): number;
  /** Closes the app, and fails when a canary has appeared in an error body or in a log line. */
  close(): Promise<void>;
}

declare module 'vitest' {
  interface ProvidedContext {
    database: 'postgres' | 'embedded';
  }
}

/** Returns the kind of database that this run of the suite uses. */
export const databaseKind = (): 'postgres' | 'embedded' => inject('database');

export async function createTestApp(
  overrides: Partial<Config> = {},
  keyProvider: KeyProvider = localKeyProvider(parseKeyring(generateKeyring())),
): Promise<TestApp> {
  // Tests of credentials send many wrong ones, all from one address.
  const config = { ...loadConfig({ NODE_ENV: 'test' }), failedCredentials: 0, ...overrides };
  const { db, drop } = await openTestDatabase(config);
  let queries = 0;
  const counted = counting(db, () => {
    queries += 1;
  });
  const logs: string[] = [];
  const log = createLogger('debug', { to: { write: (line: string) => void logs.push(line) } });
  const services = servicesOn(counted, keyProvider, log, config.readAudit);
  const name = `operator-${randomBytes(4).toString('hex')}`;
  const { secret } = await db.transaction((tx) => createAccountAsOperator(tx, { name, roles: ['admin'] }));
  const app = createApp({ services, config });
  const leaks: string[] = [];

  async function fetch(request: Request, env?: object): Promise<Response> {
    const response = await app.fetch(request, env);
    leaks.push(...(await leaksIn(response)));
    return response;
  }

  return {
    services,
    config,
    fetch,
    server: createHttpServer(fetch, { log }),
    operatorToken: secret,
    logs,
    queries: () => queries,
    async close() {
      await services.feed.close();
      await services.reads.flush();
      await counted.close();
      await drop();
      leaks.push(...leaksInText(logs.join('')));
      if (leaks.length > 0) throw new Error(`a canary leaked:\n${leaks.join('\n')}`);
    },
  };
}

async function openTestDatabase(config: Config): Promise<{ db: Database; drop(): Promise<void> }> {
  if (databaseKind() === 'embedded') {
    const db = await openEmbedded(undefined);
    await migrate(db);
    return { db, drop: async () => {} };
  }
  const { url, drop } = await createTestDatabase();
  const db = openPostgres({
    url,
    poolSize: 8,
    statementTimeout: config.databaseStatementTimeout,
    connectTimeout: 5,
    prepare: true,
  });
  return { db, drop };
}

function counting(db: Database, count: () => void): Database {
  return {
    ...db,
    rows(statement, input) {
      count();
      return db.rows(statement, input);
    },
    row(statement, input) {
      count();
      return db.row(statement, input);
    },
  };
}
