// Applies the SQL migrations in drizzle/ to a database, and refuses a database that was migrated by other code. It runs at
// every start unless told otherwise, and is safe when several instances start at once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { quotedName } from '../../address/session.js';
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
  const quoted = quotedName(schema);
  return {
    schema: quoted,
    name: `${quoted}.__drizzle_migrations`,
    create: `create table if not exists ${quoted}.__drizzle_migrations
      (id serial primary key, hash text not null, created_at bigint)`,
    createSchema: `create schema if not exists ${quoted}`,
    applied: statement()(
      { at: computed(sql`created_at`, Number) },
      sql`select coalesce(created_at, 0) as at from ${table}`,
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

/** The table of applied migrations, and the schemas that hold it and the service's tables, by their quoted names. */
export async function findPlaces(db: Database): Promise<{ historyTable: string; schemas: Set<string> }> {
  const schema = await schemaOf(db, db);
  const history = await findHistory(db, schema);
  return { historyTable: history.name, schemas: new Set([history.schema, quotedName(schema)]) };
}

/** The database is not one that this version may use. The message says why, and what to do. */
export class SchemaRefusal extends Error {}

export interface MigrationOptions {
  /** Whether a database with unknown migrations may be used that declares itself readable by this version. */
  allowNewer?: boolean;
}

interface Migration {
  number: number;
  name: string;
  at: number;
}

/** The migrations that this version knows, in their order. */
function knownMigrations(): Migration[] {
  const { entries } = JSON.parse(readFileSync(join(FOLDER, 'meta/_journal.json'), 'utf8')) as {
    entries: { idx: number; when: number; tag: string }[];
  };
  return entries.map(({ idx, when, tag }) => ({ number: idx, name: tag, at: when }));
}

const EXISTS = statement<{ table: string }>()(
  { exists: computed(sql`to_regclass(${parameter('table')}::text) is not null`, Boolean) },
  sql`select to_regclass(${parameter('table')}::text) is not null as "exists"`,
);
async function exists(db: Session, table: string): Promise<boolean> {
  return (await db.row(EXISTS, { table }))?.exists ?? false;
}

const READABLE_SINCE = statement()(
  { since: computed(sql`max(readable_since)`, Number) },
  sql`select max(readable_since) as since from schema_compatibility`,
);

async function findApplied(db: Session, history: ReturnType<typeof historyIn>): Promise<Set<number>> {
  if (!(await exists(db, history.name))) return new Set();
  return new Set((await db.rows(history.applied, {})).map(({ at }) => at));
}

/** The migrations that the database lacks. Throws if it has others that this version does not know. */
async function findMissing(db: Session, applied: ReadonlySet<number>, allowNewer: boolean): Promise<Migration[]> {
  const known = knownMigrations();
  const missing = known.filter(({ at }) => !applied.has(at));
  const unknown = [...applied].filter((at) => !known.some((migration) => migration.at === at)).length;
  if (unknown === 0) return missing;
  const found = `the database has ${counted(unknown)} that this version does not know`;
  if (missing.length > 0) {
    throw new SchemaRefusal(`${found}, and lacks ${namesOf(missing)}; start the version that has migrated it`);
  }
  const hasNumber = await exists(db, 'schema_compatibility');
  const since = hasNumber ? ((await db.row(READABLE_SINCE, {}))?.since ?? 0) : Number.POSITIVE_INFINITY;
  const newest = known.at(-1)?.number ?? -1;
  if (since > newest) {
    const needs = Number.isFinite(since)
      ? `; it needs a version with migration ${since}, and this one ends at ${newest}`
      : '';
    throw new SchemaRefusal(`${found}${needs}; start the version that has migrated it, or restore a backup`);
  }
  if (allowNewer) return missing;
  throw new SchemaRefusal(
    `${found}; start the newer version, or set ALLOW_NEWER_SCHEMA=true: the database declares that this version may use it`,
  );
}

function namesOf(migrations: readonly Migration[]): string {
  return `${counted(migrations.length)} (${migrations.map(({ name }) => name).join(', ')})`;
}

function counted(count: number): string {
  return count === 1 ? '1 migration' : `${count} migrations`;
}

/** Throws a SchemaRefusal unless the database has the migrations of this version. Changes nothing. */
export async function checkMigrated(db: Database, { allowNewer = false }: MigrationOptions = {}): Promise<void> {
  const history = await findHistory(db, await schemaOf(db, db));
  const missing = await findMissing(db, await findApplied(db, history), allowNewer);
  if (missing.length > 0)
    throw new SchemaRefusal(
      `the database is not migrated to this version; it lacks ${namesOf(missing)}: npm run migrate`,
    );
}

/** Applies the missing migrations in one transaction, under an advisory lock; returns how many there were. */
export async function migrate(db: Database, { allowNewer = false }: MigrationOptions = {}): Promise<number> {
  // The common case at start is a database that is up to date; it is recognised without taking the lock.
  const known = await findHistory(db, await schemaOf(db, db));
  if ((await findMissing(db, await findApplied(db, known), allowNewer)).length === 0) return 0;
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
      if (!(await exists(tx, history.name))) {
        if (history.schema === '"drizzle"') await tx.script(history.createSchema);
        await tx.script(history.create);
      }
      // Another version may have migrated meanwhile.
      const lacking = await findMissing(tx, await findApplied(tx, history), allowNewer);
      const moments = new Set(lacking.map(({ at }) => at));
      const migrations = readMigrationFiles({ migrationsFolder: FOLDER });
      const missing = migrations.filter(({ folderMillis }) => moments.has(folderMillis));
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
