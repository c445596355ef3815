// Cuts a database by environment, and asks Postgres which parts each statement would touch.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type postgres from 'postgres';
import { ensureBuilt } from '../../support/server.js';

const PARTS = 16;

/** The tables that hang on an environment, and the column by which they are cut. */
const CUT_BY = {
  environments: 'id',
  environment_shares: 'environment_id',
  environment_keys: 'environment_id',
  agent_secrets: 'environment_id',
  agent_secret_revisions: 'environment_id',
  secret_reads: 'environment_id',
  idempotency_keys: 'environment_id',
  // It has no environment of its own. The id of the secret leads to the same part, because it carries the bucket.
  last_secret_reads: 'agent_secret_id',
} as const;

/** Replaces each of these tables by a copy that is hash-partitioned. Indexes come along; those that need not be unique. */
export async function cut(tx: postgres.TransactionSql): Promise<void> {
  const columns = await tx`select distinct table_name from information_schema.columns
    where table_schema = 'public' and column_name = 'environment_id' and is_nullable = 'NO'`;
  const missing = columns.filter(({ table_name }) => !Object.hasOwn(CUT_BY, table_name));
  if (missing.length > 0) throw new Error(`not cut: ${missing.map(({ table_name }) => table_name).join()}`);
  const keys = await tx`select conrelid::regclass::text as table, conname from pg_constraint
    where contype = 'f' and connamespace = 'public'::regnamespace`;
  for (const { table, conname } of keys) await tx.unsafe(`alter table ${table} drop constraint ${conname}`);
  for (const [table, column] of Object.entries(CUT_BY)) {
    const indexes =
      await tx`select pg_get_indexdef(indexrelid) as definition, relname as name, indisunique as is_unique,
        exists (select from pg_attribute where attrelid = indrelid and attnum = any(indkey) and attname = ${column}) as has_column
      from pg_index join pg_class on pg_class.oid = indexrelid where indrelid = ${table}::regclass`;
    await tx.unsafe(`alter table ${table} rename to ${table}_whole;
      create table ${table} (like ${table}_whole including defaults) partition by hash (${column})`);
    for (let part = 0; part < PARTS; part += 1) {
      await tx.unsafe(`create table ${table}_part_${part} partition of ${table}
        for values with (modulus ${PARTS}, remainder ${part})`);
    }
    await tx.unsafe(`insert into ${table} select * from ${table}_whole; drop table ${table}_whole`);
    for (const { definition, name, is_unique, has_column } of indexes) {
      const kept = is_unique && !has_column ? definition.replace('CREATE UNIQUE', 'CREATE') : definition;
      await tx.unsafe(kept.replace(` ${name} ON `, ` cut_${name} ON `).replace(`${table}_whole`, table));
    }
  }
  // As on large tables, where nobody would read all parts to find a few rows.
  await tx.unsafe(`analyze; set local plan_cache_mode = force_custom_plan;
    set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off`);
}

/** For a statement that nothing here has run: parameters made up by their types. Every id is that of an environment. */
export async function madeUp(tx: postgres.TransactionSql, text: string, id: string): Promise<unknown[]> {
  const values: Record<string, unknown> = {
    ...{ uuid: id, 'uuid[]': `{${id}}`, bytea: '\\x00', 'bytea[]': '{"\\\\x00"}', boolean: true },
    ...{ bigint: 1, 'bigint[]': '{1}', integer: 1, 'integer[]': '{1}', numeric: 1, text: 'x', 'text[]': '{x}' },
    ...{ 'timestamp with time zone': '2020-01-01Z', 'timestamp with time zone[]': '{2020-01-01Z}' },
  };
  await tx.unsafe(`prepare unseen as ${text}`).simple();
  const [row] = await tx`select parameter_types::text[] as types from pg_prepared_statements where name = 'unseen'`;
  await tx.unsafe('deallocate unseen').simple();
  const types: string[] = row?.types ?? [];
  return types.map((type) => {
    if (!Object.hasOwn(values, type)) throw new Error(`no value of the type ${type}: ${text}`);
    return values[type];
  });
}

interface Node {
  'Relation Name'?: string;
  'Actual Loops'?: number;
  Plans?: Node[];
}

const LOAD_ALL = `
  import { readdir } from 'node:fs/promises';
  import { pathToFileURL } from 'node:url';
  const [folder] = process.argv.slice(1);
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.js'));
  for (const file of files) await import(pathToFileURL(folder + '/' + file));
  const { compiledTexts } = await import(pathToFileURL(folder + '/engine/statement.js'));
  process.stdout.write(JSON.stringify([...compiledTexts]));`;

/** The text of every statement that the store compiles when it is loaded, in a process of its own: here tests do so, too. */
export async function storeStatements(): Promise<string[]> {
  const store = join(await ensureBuilt(), 'store');
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', LOAD_ALL, store], {
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout) as string[];
}

/** A statement as the list of those that cross names it: its beginning and its end. */
export function abridged(text: string): string {
  const line = text.replaceAll('"', '').replace(/\s+/g, ' ').trim();
  return line.length <= 130 ? line : `${line.slice(0, 60)} … ${line.slice(-64)}`;
}

/**
 * The parts that a statement touches when it runs with these parameters; undefined if it cannot run on the cut tables.
 * What it does is undone.
 */
export async function partsOf(
  tx: postgres.TransactionSql,
  { text, parameters }: { text: string; parameters: unknown[] },
): Promise<ReadonlySet<string> | undefined> {
  for (const options of ['analyze, format json', 'format json']) {
    await tx`savepoint whole`;
    try {
      const rows = await tx.unsafe(`explain (${options}) ${text}`, [...parameters] as never[]);
      const parts = new Set<string>();
      collect(rows[0]?.['QUERY PLAN'][0].Plan, parts);
      return parts;
    } catch {
      // A row may be there already. Then the plan has to do.
    } finally {
      await tx`rollback to savepoint whole`;
    }
  }
  return undefined;
}

function collect(node: Node, parts: Set<string>): void {
  const [, table, part] = /^(.*)_part_(\d+)$/.exec(node['Relation Name'] ?? '') ?? [];
  if (part !== undefined && node['Actual Loops'] !== 0) {
    parts.add(table === 'last_secret_reads' ? `${table} ${part}` : part);
  }
  for (const child of node.Plans ?? []) collect(child, parts);
}
