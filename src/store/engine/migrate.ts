// Applies the SQL migrations in drizzle/ to a database. This runs at every start, and is safe when several instances
// start at once.
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import type { Database } from './client.js';
import { computed, parameter, statement } from './statement.js';

/** The relative path is the same from src/store/engine and from dist/store/engine. */
const FOLDER = fileURLToPath(new URL('../../../drizzle', import.meta.url));
/** An arbitrary number; nothing else in the database may take the same advisory lock. */
const LOCK = 7_305_441_018;

// Applied migrations are recorded in drizzle-kit's own table, so that its commands understand a database migrated here.
const BOOKKEEPING = `
  create schema if not exists drizzle;
  create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint);
`;

const HAS_BOOKKEEPING = statement()(
  { exists: computed(sql`to_regclass('drizzle.__drizzle_migrations') is not null`, Boolean) },
  sql`select to_regclass('drizzle.__drizzle_migrations') is not null as "exists"`,
);
const APPLIED = statement()(
  { at: computed(sql`max(created_at)`, Number) },
  sql`select max(created_at) as at from drizzle.__drizzle_migrations`,
);
const TAKE_LOCK = statement()({}, sql`select pg_advisory_xact_lock(${sql.raw(String(LOCK))})`);
const RECORD = statement<{ hash: string; at: number }>()(
  {},
  sql`insert into drizzle.__drizzle_migrations (hash, created_at) values (${parameter('hash')}, ${parameter('at')})`,
);

/** Whether all migrations have been applied. */
export async function isMigrated(db: Database): Promise<boolean> {
  const newest = readMigrationFiles({ migrationsFolder: FOLDER }).at(-1)?.folderMillis ?? 0;
  return ((await db.row(HAS_BOOKKEEPING, {}))?.exists ?? false) && ((await db.row(APPLIED, {}))?.at ?? 0) >= newest;
}

/** Applies the missing migrations in one transaction, under an advisory lock; returns how many there were. */
export async function migrate(db: Database): Promise<number> {
  const migrations = readMigrationFiles({ migrationsFolder: FOLDER });
  // The common case at start is a database that is up to date; it is recognised without taking the lock.
  if (await isMigrated(db)) return 0;
  return db.transaction(
    async (tx) => {
      // The timeout is meant for requests. A migration may have to wait for another instance, or for an index on a
      // large table.
      await tx.script('set local statement_timeout = 0');
      await tx.rows(TAKE_LOCK, {});
      await tx.script(BOOKKEEPING);
      const applied = (await tx.row(APPLIED, {}))?.at ?? 0;
      const missing = migrations.filter((migration) => migration.folderMillis > applied);
      for (const migration of missing) {
        for (const text of migration.sql) await tx.script(text);
        await tx.rows(RECORD, { hash: migration.hash, at: migration.folderMillis });
      }
      return missing.length;
    },
    { withoutDeadline: true },
  );
}
