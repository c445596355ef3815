// Migrations, run again and again: the schema is made once, and what is in it stays.
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../../src/store/engine/migrate.js';
import { computed, statement } from '../../../src/store/engine/statement.js';
import { type OpenedDatabase, openDatabase } from '../open.js';

let opened: OpenedDatabase;
beforeAll(async () => {
  opened = await openDatabase();
});
afterAll(() => opened?.close());

const TABLES = statement()(
  { names: computed(sql`names`, String) },
  sql`select string_agg(table_name, ' ' order by table_name) as names from information_schema.tables
    where table_schema = 'public'`,
);
const APPLIED = statement()(
  { hashes: computed(sql`hashes`, String) },
  sql`select string_agg(hash, ' ' order by id) as hashes from drizzle.__drizzle_migrations`,
);
const PLANS = statement()(
  { names: computed(sql`names`, String) },
  sql`select string_agg(name, ' ') as names from plans`,
);

test('a migrated database has every table of the data model and the default plan', async () => {
  expect((await opened.db.row(TABLES, {}))?.names.split(' ')).toEqual([
    'accounts',
    'agent_secret_revisions',
    'agent_secrets',
    'applications',
    'environment_keys',
    'environment_shares',
    'environments',
    'idempotency_keys',
    'last_secret_reads',
    'plans',
    'schema_compatibility',
    'secret_reads',
    'tokens',
  ]);
  expect(await opened.db.row(PLANS, {})).toEqual({ names: 'default' });
});

test('migrating again does nothing, however often and at once', async () => {
  const before = [await opened.db.row(TABLES, {}), await opened.db.row(APPLIED, {})];
  expect(await migrate(opened.db)).toBe(0);
  expect(await Promise.all(Array.from({ length: 5 }, () => migrate(opened.db)))).toEqual([0, 0, 0, 0, 0]);
  expect([await opened.db.row(TABLES, {}), await opened.db.row(APPLIED, {})]).toEqual(before);
  expect(await opened.db.row(PLANS, {})).toEqual({ names: 'default' });
});
