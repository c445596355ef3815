// Several instances that start at once on one database: the schema is made exactly once, and nobody fails.
import { readdir } from 'node:fs/promises';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../src/crypto/local-keyring.js';
import { type Database, openPostgres } from '../../src/store/engine/client.js';
import { migrate } from '../../src/store/engine/migrate.js';
import { until } from '../server/process/client.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres/database.js';
import { startServer } from '../support/server.js';
import { createEmptyDatabase } from './support/empty-database.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 60_000 });

const INSTANCES = 8;

let database: TestDatabase;
let sql: postgres.Sql;
let opened: Database[];
beforeEach(async () => {
  database = await createEmptyDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((db) => db.close()));
  await sql.end({ timeout: 5 });
  await database.drop();
});

function open(prepare = true): Database {
  const db = openPostgres({ url: database.url, poolSize: 2, statementTimeout: 10_000, connectTimeout: 5, prepare });
  opened.push(db);
  return db;
}

async function migrationFiles(): Promise<number> {
  const files = await readdir(new URL('../../drizzle', import.meta.url));
  return files.filter((file) => file.endsWith('.sql')).length;
}

/** Every column, index and constraint of the schema, by name. */
async function schemaOf(target: postgres.Sql): Promise<unknown> {
  const columns = await target`
    select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
    where table_schema = 'public' order by 1, 2`;
  const indexes = await target`select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1`;
  const constraints = await target`
    select conname, pg_get_constraintdef(oid) as definition from pg_constraint
    where connamespace = 'public'::regnamespace order by 1`;
  return { columns: [...columns], indexes: [...indexes], constraints: [...constraints] };
}

test.each([
  ['prepared statements', true],
  ['a pooler that knows none', false],
])(
  `${INSTANCES} parallel migrations of an empty database all succeed, with %s, and one of them does the work`,
  async (_, prepare) => {
    const counts = await Promise.all(Array.from({ length: INSTANCES }, () => migrate(open(prepare))));
    const files = await migrationFiles();
    expect(counts.sort()).toEqual([...Array(INSTANCES - 1).fill(0), files]);
    expect(await sql`select count(*)::int as count from drizzle.__drizzle_migrations`).toEqual([{ count: files }]);
    expect(await sql`select name from plans`).toEqual([{ name: 'default' }]);

    const reference = await createTestDatabase();
    const template = postgres(reference.url, { max: 1 });
    try {
      expect(await schemaOf(sql)).toEqual(await schemaOf(template));
    } finally {
      await template.end({ timeout: 5 });
      await reference.drop();
    }
  },
);

test('a migration whose session dies half-way leaves nothing behind, and one that waits for it takes over', async () => {
  let rivals: Promise<number>[] = [];
  const death = open().transaction(async (tx) => {
    // The lock of src/store/migrate.ts: what follows happens as in the middle of a migration.
    await tx.script('select pg_advisory_xact_lock(7305441018); create table half_made ()');
    rivals = [1, 2, 3].map(() => migrate(open()));
    await until('the others wait', async () => {
      const waiting = await sql`select 1 from pg_stat_activity where wait_event = 'advisory'
        and datname = current_database()`;
      return waiting.length === rivals.length;
    });
    await tx.script('select pg_terminate_backend(pg_backend_pid())');
  });
  await expect(death).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect((await Promise.all(rivals)).sort()).toEqual([0, 0, await migrationFiles()]);
  expect(await sql`select to_regclass('half_made') as made`).toEqual([{ made: null }]);
});

test('three processes that start at once on an empty database all come up', async () => {
  const env = { NODE_ENV: 'production', DATABASE_URL: database.url, MASTER_KEYS: generateKeyring() };
  const servers = await Promise.all(Array.from({ length: 3 }, () => startServer({ env })));
  try {
    for (const { url } of servers) expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(servers.map((server) => server.complaints())).toEqual(['', '', '']);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
});
