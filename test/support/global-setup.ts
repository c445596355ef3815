// Vitest's global setup: Postgres for the whole run, started when the first test file asks for it.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { leaksInFiles } from './canary-files.js';
import { type PostgresServer, startPostgresServer } from './postgres/server.js';
import { prepareTemplate } from './postgres/template.js';

/** What a worker is told about the server. */
export interface TestPostgres {
  adminUrl: string;
  template: string;
  /** Null: the server is not ours (TEST_DATABASE_URL). */
  logFile: string | null;
  /** Everything it writes; null as above. */
  folder: string | null;
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Ask with GET: answers a TestPostgres, or 500 and the reason why there is none. Use database.ts. */
    postgres: { askAt: string };
  }
}

/**
 * Values can be provided only before the first test starts, and a run of pure unit tests should not wait a second for
 * a server it never uses: so what is provided is where to ask for the server.
 */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const began = Date.now() - 2_000;
  let starting: Promise<{ server: PostgresServer; answer: TestPostgres }> | undefined;
  const path = `/${randomBytes(16).toString('hex')}`;
  const desk = createServer((request, response) => {
    if (request.url !== path) {
      response.writeHead(404).end();
      return;
    }
    starting ??= start();
    starting.then(
      ({ answer }) => response.end(JSON.stringify(answer)),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  desk.listen(0, '127.0.0.1');
  await once(desk, 'listening');
  const address = desk.address();
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1');
  provide('postgres', { askAt: `http://127.0.0.1:${address.port}${path}` });

  return async function teardown() {
    desk.close();
    desk.closeAllConnections();
    // A failed start was already told to every test file that asked.
    const started = await starting?.catch(() => undefined);
    if (!started) return;
    // A server of ours goes away as a whole.
    if (started.answer.logFile === null) await dropTemplate(started.answer);
    const leaks = await leaksOf(started.answer, began).finally(() => started.server.stop());
    if (leaks.length > 0) throw new Error(`a canary is in the files of Postgres:\n${leaks.join('\n')}`);
  };
}

async function start(): Promise<{ server: PostgresServer; answer: TestPostgres }> {
  const server = await startPostgresServer();
  const template = `agent_secrets_template_${randomBytes(6).toString('hex')}`;
  const answer = { adminUrl: server.adminUrl, template, logFile: server.logFile, folder: server.folder };
  const sql = postgres(server.adminUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql`create database ${sql(template)} template template0 encoding 'UTF8' locale_provider libc locale 'C'`;
    const url = new URL(server.adminUrl);
    url.pathname = `/${template}`;
    await prepareTemplate(url.href);
    // Cloning fails while anyone is connected to the template.
    await sql`alter database ${sql(template)} with allow_connections false`;
    return { server, answer };
  } catch (error) {
    await dropTemplate(answer).catch(() => undefined);
    await server.stop();
    throw error;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Dropped databases have left their writes in the server's own log of writes. */
async function leaksOf({ adminUrl, folder }: TestPostgres, since: number): Promise<string[]> {
  if (folder === null) return [];
  const sql = postgres(adminUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql`checkpoint`;
  } finally {
    await sql.end({ timeout: 5 });
  }
  return leaksInFiles(folder, { since });
}

async function dropTemplate({ adminUrl, template }: TestPostgres): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql`drop database if exists ${sql(template)} with (force)`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}
