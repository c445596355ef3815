// Asks Postgres how it would run the service's statements, and finds those that read a whole table.
import type postgres from 'postgres';
import type { Sent } from './statements.js';

/** A statement that reads a whole table or a whole index. */
export interface Scan {
  operation: string;
  table: string;
  /** This is `Seq Scan`, or the name of an index that is read without a condition. */
  node: string;
  /** The plan is for these parameters, or it is the plan that Postgres keeps for a prepared statement. */
  plan: 'custom' | 'generic';
  text: string;
}

/** These tables have only a few rows, however long the service runs. */
const SMALL_FOR_GOOD: readonly string[] = ['plans', 'schema_compatibility'];
/** Postgres is right to read smaller tables completely, so they are not checked. */
const TELLING = 3_000;

interface Node {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Cond'?: string;
  'Index Name'?: string;
  Plans?: Node[];
}

/**
 * Looks at the plan of every statement for its parameters and for any parameters, which Postgres may use for a prepared
 * statement. It runs none of the statements.
 */
export async function findScans(tx: postgres.TransactionSql, statements: readonly Sent[]): Promise<Scan[]> {
  const different = new Map(statements.map((statement) => [statement.text, statement]));
  const scans: Scan[] = [];
  for (const { operation, text, parameters } of different.values()) {
    for (const plan of ['custom', 'generic'] as const) {
      const root = await (plan === 'custom' ? customPlan(tx, text, parameters) : genericPlan(tx, text));
      for (const scan of scansOf(root, false)) {
        if (!SMALL_FOR_GOOD.includes(scan.table)) scans.push({ operation, ...scan, plan, text });
      }
    }
  }
  return scans;
}

/**
 * Adds rows of many accounts, and statistics, to the tables that bench:seed leaves small, because a missing index does not
 * show on a small table. The caller rolls the transaction back.
 */
export async function addNeighbours(tx: postgres.TransactionSql): Promise<void> {
  await tx.unsafe(NEIGHBOURS).simple();
  const small = await tx<{ relname: string; rows: number }[]>`
    select relname, reltuples::int as rows from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> all(${SMALL_FOR_GOOD}) and reltuples < ${TELLING}`;
  if (small.length > 0) {
    throw new Error(`too small to tell: ${small.map(({ relname, rows }) => `${relname} (${rows} rows)`).join(', ')}`);
  }
}

// The environments stand among the others in the order of ids, which is the order of time. Otherwise, a merge could stop
// before it reaches them.
const NEIGHBOURS = `
  create temporary table neighbours on commit drop as
    select (substr(made.id::text, 1, 13) || substr(gen_random_uuid()::text, 14))::uuid as id,
      gen_random_uuid() as account_id, gen_random_uuid() as application_id, now() as at, n
    from generate_series(1, 5000) n
    join (select id, row_number() over () as number, count(*) over () as count from environments) made
      on number = 1 + n % count;
  create temporary table read_secrets on commit drop as
    select id, environment_id from agent_secrets where deleted_at is null limit 5000;
  insert into accounts (id, name, roles, plan_id, created_at)
    select account_id, account_id, '{}', (select id from plans limit 1), at from neighbours;
  insert into applications (id, account_id, name, created_at) select application_id, account_id, n, at from neighbours;
  insert into environments (id, application_id, account_id, name, head_hash, created_at, updated_at)
    select id, application_id, account_id, n, '', at, at from neighbours;
  insert into environment_keys (environment_id, purpose, version, master_key_id, wrapped, created_at)
    select id, purpose, 1, '', '', at from neighbours, unnest(array['data', 'digest']) purpose;
  insert into environment_shares (id, environment_id, account_id, roles, created_at, updated_at)
    select gen_random_uuid(), read.environment_id, account_id, '{viewer}', at, at
    from neighbours join (select environment_id, row_number() over () as n from read_secrets) read using (n);
  insert into tokens (id, account_id, name, token_hash, created_at)
    select id, account_id, n, sha256(n::text::bytea), at from neighbours;
  insert into idempotency_keys (account_id, key_hash, request_hash, environment_id, created_at, expires_at)
    select account_id, sha256(n::text::bytea), '', id, at, at + interval '1 day' from neighbours;
  insert into secret_reads (id, environment_id, agent_secret_ids, revisions, account_id, door, request_id, at)
    select gen_random_uuid(), environment_id, array[id], '{0}', id, 'rest', '', now() from read_secrets;
  insert into last_secret_reads (agent_secret_id, at) select id, now() from read_secrets on conflict do nothing;
  analyze`;

export function describeScan({ operation, table, node, plan, text }: Scan): string {
  return `${operation}: ${node} on ${table} (${plan} plan): ${text.replace(/\s+/g, ' ').trim()}`;
}

async function customPlan(tx: postgres.TransactionSql, text: string, parameters: unknown[]): Promise<Node> {
  return rootOf(await tx.unsafe(`explain (format json) ${text}`, parameters as never[]));
}

async function genericPlan(tx: postgres.TransactionSql, text: string): Promise<Node> {
  const count = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
  const nulls = count === 0 ? '' : `(${Array.from({ length: count }, () => 'null').join()})`;
  await tx.unsafe(`set local plan_cache_mode = force_generic_plan; prepare scan as ${text}`).simple();
  const rows = await tx.unsafe(`explain (format json) execute scan${nulls}`).simple();
  await tx.unsafe('deallocate scan; set local plan_cache_mode = auto').simple();
  return rootOf(rows);
}

function rootOf(rows: readonly postgres.Row[]): Node {
  const plan = rows[0]?.['QUERY PLAN'];
  return (typeof plan === 'string' ? JSON.parse(plan) : plan)[0].Plan as Node;
}

function scansOf(node: Node, isLimited: boolean): { table: string; node: string }[] {
  const type = node['Node Type'];
  const table = node['Relation Name'];
  const found: { table: string; node: string }[] = [];
  if (type === 'Seq Scan' && table !== undefined) found.push({ table, node: type });
  // A first page is read in order, and only until it is complete.
  if (/^Index (Only )?Scan$/.test(type) && table !== undefined && node['Index Cond'] === undefined && !isLimited) {
    found.push({ table, node: `${type} without a condition, by ${node['Index Name']},` });
  }
  // A node that sorts or counts reads all rows, whatever node is above it.
  const stopsEarly = type === 'Limit' || (isLimited && !/^(Sort|Aggregate|Hash|Materialize)$/.test(type));
  return found.concat((node.Plans ?? []).flatMap((child) => scansOf(child, stopsEarly)));
}
