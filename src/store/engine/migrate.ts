// Applies the SQL migrations in drizzle/ to a database. This runs at every start, and is safe when several instances
// start at once.
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import type { Database, Session } from './client.js';
import { computed, parameter, statement } from './statement.js';

/** The relative path is the same from src/store/engine and from dist/store/engine. */
const FOLDER = fileURLToPath(new URL('../../../drizzle', import.meta.url));
/** An arbitrary number. The advisory lock of an installation is this, or made of this and the name of its schema. */
const LOCK = 7_305_441_018;

const SCHEMA = statement()(
  { name: computed(sql`current_schema()`, (value) => value as string | null) },
  sql`select current_schema() as name`,
);
const TAKE_LOCK = statement<{ schema: string }>()(
  {},
  sql`select pg_advisory_xact_lock(case ${parameter('schema')}::text when 'public' then ${sql.raw(String(LOCK))}
    else hashtextextended(${parameter('schema')}::text, ${sql.raw(String(LOCK))}) end)`,
);

/**
 * Where applied migrations are recorded: in drizzle-kit's own table, so that its commands understand a database migrated
 * here. Installations in public have it in the schema of drizzle-kit, as they always had, if that is there or may be made;
 * all others have it beside their tables.
 */
const HISTORY_SCHEMA = statement<{ schema: string }>()(
  { name: computed(sql`name`, String) },
  sql`select case when ${parameter('schema')}::text = 'public'
      and to_regclass('public.__drizzle_migrations') is null
      and (to_regclass('drizzle.__drizzle_migrations') is not null
        or has_database_privilege(current_database(), 'create'))
    then 'drizzle' else ${parameter('schema')}::text end as name`,
);

/** The statements on the table of applied migrations in this schema. */
function historyIn(schema: string) {
  const table = sql`${sql.identifier(schema)}.__drizzle_migrations`;
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  return {
    exists: statement<{ table: string }>()(
      { exists: computed(sql`to_regclass(${parameter('table')}::text) is not null`, Boolean) },
      sql`select to_regclass(${parameter('table')}::text) is not null as "exists"`,
    ),
    name: `${quoted}.__drizzle_migrations`,
    create: `create table if not exists ${quoted}.__drizzle_migrations
      (id serial primary key, hash text not null, created_at bigint)`,
    createSchema: `create schema if not exists ${quoted}`,
    applied: statement()(
      { at: computed(sql`max(created_at)`, Number) },
      sql`select max(created_at) as at from ${table}`,
    ),
    record: statement<{ hash: string; at: number }>()(
      {},
      sql`insert into ${table} (hash, created_at) values (${parameter('hash')}, ${parameter('at')})`,
    ),
  };
}

async function schemaOf(db: Session, { schema }: Database): Promise<string> {
  return schema ?? (await db.row(SCHEMA, {}))?.name ?? 'public';
}

async function findHistory(db: Session, schema: string) {
  return historyIn((await db.row(HISTORY_SCHEMA, { schema }))?.name ?? schema);
}

/** Whether all migrations have been applied. */
export async function isMigrated(db: Database): Promise<boolean> {
  const newest = readMigrationFiles({ migrationsFolder: FOLDER }).at(-1)?.folderMillis ?? 0;
  const history = await findHistory(db, await schemaOf(db, db));
  const exists = (await db.row(history.exists, { table: history.name }))?.exists ?? false;
  return exists && ((await db.row(history.applied, {}))?.at ?? 0) >= newest;
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
      const schema = await schemaOf(tx, db);
      await tx.rows(TAKE_LOCK, { schema });
      // Only what is missing is created: whoever may use a schema need not be allowed to create one.
      if ((await tx.row(SCHEMA, {}))?.name == null) await tx.script(historyIn(schema).createSchema);
      const history = await findHistory(tx, schema);
      if (!(await tx.row(history.exists, { table: history.name }))?.exists) {
        if (history.name.startsWith('"drizzle".')) await tx.script(history.createSchema);
        await tx.script(history.create);
      }
      const applied = (await tx.row(history.applied, {}))?.at ?? 0;
      const missing = migrations.filter((migration) => migration.folderMillis > applied);
      for (const migration of missing) {
        // drizzle-kit names this schema in foreign keys, whichever one a migration is for.
        for (const text of migration.sql) await tx.script(text.replaceAll('"public".', ''));
        await tx.rows(history.record, { hash: migration.hash, at: migration.folderMillis });
      }
      return missing.length;
    },
    { withoutDeadline: true },
  );
}
