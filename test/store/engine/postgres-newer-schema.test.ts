// A database that other code has migrated: used only where that code has declared that this one may.
import { readdirSync, readFileSync } from 'node:fs';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Database, openPostgres } from '../../../src/store/engine/client.js';
import { checkMigrated, migrate, SchemaRefusal } from '../../../src/store/engine/migrate.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';

const FOLDER = new URL('../../../drizzle/', import.meta.url);
const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.sql'))
  .sort();
const newest = files.length - 1;

let database: TestDatabase;
let sql: postgres.Sql;
let db: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  db = openPostgres({ url: database.url, poolSize: 2, statementTimeout: 10_000, connectTimeout: 5, prepare: true });
});
afterAll(async () => {
  await db?.close();
  await sql?.end({ timeout: 5 });
  await database?.drop();
});
beforeEach(async () => {
  await sql`delete from drizzle.__drizzle_migrations where hash = 'from the future'`;
  await sql`update schema_compatibility set readable_since = ${newest}`;
});

/** What newer code leaves behind. */
async function migrateFurther(readableSince: number): Promise<void> {
  await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('from the future', 99999999999999)`;
  await sql`update schema_compatibility set readable_since = ${readableSince}`;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SchemaRefusal);
  return (error as Error).message;
}

for (const [what, use] of [
  ['a start', migrate],
  ['a start that does not migrate', checkMigrated],
] as const) {
  test(`${what} refuses a migration that it does not know, and says when it may be allowed`, async () => {
    await migrateFurther(newest);
    expect(await refusal(use(db))).toMatch(/has 1 migration that this version does not know.*ALLOW_NEWER_SCHEMA=true/);
    await use(db, { allowNewer: true });
  });

  test(`${what} is not allowed where newer code has not declared itself readable`, async () => {
    await migrateFurther(newest + 1);
    for (const allowNewer of [false, true]) {
      const message = await refusal(use(db, { allowNewer }));
      expect(message).toContain(`it needs a version with migration ${newest + 1}, and this one ends at ${newest}`);
      expect(message).not.toContain('ALLOW_NEWER_SCHEMA');
    }
    await sql`alter table schema_compatibility rename to elsewhere`;
    try {
      expect(await refusal(use(db, { allowNewer: true }))).not.toContain('ALLOW_NEWER_SCHEMA');
    } finally {
      await sql`alter table elsewhere rename to schema_compatibility`;
    }
  });

  test(`${what} refuses a database that has gone another way`, async () => {
    await migrateFurther(newest);
    const [last] = await sql`delete from drizzle.__drizzle_migrations where id = (
      select id from drizzle.__drizzle_migrations where hash <> 'from the future' order by created_at desc limit 1) returning *`;
    try {
      expect(await refusal(use(db, { allowNewer: true }))).toMatch(
        /does not know, and lacks 1 migration \(\d{4}_\w+\)/,
      );
    } finally {
      await sql`insert into drizzle.__drizzle_migrations ${sql(last as postgres.Row)}`;
    }
  });
}

test('a database that lacks migrations is not used by a start that does not migrate, which names them', async () => {
  const rows = await sql`delete from drizzle.__drizzle_migrations returning *`;
  try {
    const names = files.map((name) => name.replace('.sql', '')).join(', ');
    expect(await refusal(checkMigrated(db))).toBe(
      `the database is not migrated to this version; it lacks ${files.length} migrations (${names}): npm run migrate`,
    );
  } finally {
    await sql`insert into drizzle.__drizzle_migrations ${sql(rows)}`;
  }
  await checkMigrated(db);
});

/** The first migration that says who may use the database. */
const FIRST = files.findIndex((name) => name.endsWith('_schema_compatibility.sql'));

test.each(files.slice(FIRST))(
  '%s says the number of the oldest migration that a version must know beside it',
  (file) => {
    const text = readFileSync(new URL(file, FOLDER), 'utf8');
    const [, said] =
      /(?:INSERT INTO "schema_compatibility" \("readable_since"\) VALUES \(|UPDATE "schema_compatibility" SET "readable_since" = )(\d+)/.exec(
        text,
      ) ?? [];
    expect(Number(said)).toBeGreaterThanOrEqual(FIRST);
    expect(Number(said)).toBeLessThanOrEqual(files.indexOf(file));
  },
);
