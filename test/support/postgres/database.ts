// Databases for tests: each a clone of the migrated template, alone with the test file that asked for it.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { inject } from 'vitest';
import type { TestPostgres } from '../global-setup.js';

const CLONE_ATTEMPTS = 20;
const CLONE_PAUSE_MS = 50;
const OBJECT_IN_USE = '55006';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

let asked: Promise<TestPostgres> | undefined;

/** The run's Postgres server; starts it if nobody has asked yet. */
export function testPostgres(): Promise<TestPostgres> {
  asked ??= ask();
  return asked;
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const { adminUrl, template } = await testPostgres();
  const name = `agent_secrets_test_${randomBytes(8).toString('hex')}`;
  await asAdmin(adminUrl, (sql) => clone(sql, template, name));
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () =>
      asAdmin(adminUrl, async (sql) => {
        await sql`drop database if exists ${sql(name)} with (force)`;
      }),
  };
}

async function ask(): Promise<TestPostgres> {
  const response = await fetch(inject('postgres').askAt, { headers: { connection: 'close' } });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as TestPostgres;
}

/** Nobody may connect to the template, but Postgres' own workers pass through every database now and then. */
async function clone(sql: postgres.Sql, template: string, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await sql`create database ${sql(name)} template ${sql(template)}`;
      return;
    } catch (error) {
      const busy = error instanceof postgres.PostgresError && error.code === OBJECT_IN_USE;
      if (!busy || attempt === CLONE_ATTEMPTS) throw error;
      await sleep(CLONE_PAUSE_MS);
    }
  }
}

async function asAdmin(adminUrl: string, work: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => undefined });
  try {
    await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
