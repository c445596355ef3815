// The rights that the service needs in its database, for installations where another role owns the tables.
import { sql } from 'drizzle-orm';
import type { Database } from './client.js';
import { findPlaces, SchemaRefusal } from './migrate.js';
import { computed, elements, parameter, statement } from './statement.js';

/**
 * Every table with what the service does to its rows. Nothing is ever removed where there is no `delete`. To lock a row
 * needs `update` of one column.
 */
export const RIGHTS: Readonly<Record<string, readonly string[]>> = {
  accounts: ['select', 'insert', 'update'],
  agent_secret_revisions: ['select', 'insert', 'update'],
  agent_secrets: ['select', 'insert', 'update'],
  applications: ['select', 'insert', 'update'],
  environment_keys: ['select', 'insert', 'update', 'delete'],
  environment_shares: ['select', 'insert', 'update', 'delete'],
  environments: ['select', 'insert', 'update'],
  idempotency_keys: ['select', 'insert', 'update', 'delete'],
  last_secret_reads: ['select', 'insert', 'update'],
  plans: ['select', 'insert', 'update', 'delete'],
  schema_compatibility: ['select'],
  secret_reads: ['select', 'insert', 'update (id)', 'delete'],
  tokens: ['select', 'insert', 'update'],
};

const MISSING = statement<{ tables: readonly string[]; rights: readonly string[]; columns: readonly string[] }>()(
  { place: computed(sql`place`, Number) },
  sql`select place from unnest(${elements('tables', 'text')}, ${elements('rights', 'text')}, ${elements('columns', 'text')})
      with ordinality as needed(name, privilege, col, place)
    where not case when col = '' then has_table_privilege(name, privilege) else has_column_privilege(name, col, privilege) end
    order by place`,
);
const USER = statement()({ name: computed(sql`current_user`, String) }, sql`select quote_ident(current_user) as name`);
const QUOTED = statement<{ name: string }>()(
  { name: computed(sql`name`, String) },
  sql`select quote_ident(${parameter('name')}::text) as name`,
);

/** Throws with the grants that the role of the service lacks. */
export async function checkRights(db: Database): Promise<void> {
  const needed = rightsWith((await findPlaces(db)).historyTable);
  const parts = needed.map(
    ([table, right]) => [table, ...(/^(\w+)(?: \((\w+)\))?$/.exec(right) ?? []).slice(1)] as const,
  );
  const rows = await db.rows(MISSING, {
    tables: parts.map(([table]) => table),
    rights: parts.map(([, privilege]) => String(privilege)),
    columns: parts.map(([, , column]) => column ?? ''),
  });
  if (rows.length === 0) return;
  const lacking = new Map<string, string[]>();
  for (const { place } of rows) {
    const [table, right] = needed[place - 1] as [string, string];
    lacking.set(table, [...(lacking.get(table) ?? []), right]);
  }
  const { name = '' } = (await db.row(USER, {})) ?? {};
  const grants = [...lacking].map(([table, rights]) => `grant ${rights.join(', ')} on ${table} to ${name}`);
  throw new SchemaRefusal(
    `the role of DATABASE_URL lacks rights; let the owner of the tables run: ${grants.join('; ')}`,
  );
}

/** Gives a role what the service needs. */
export async function grantRights(db: Database, role: string): Promise<void> {
  const { name = '' } = (await db.row(QUOTED, { name: role })) ?? {};
  const { historyTable, schemas } = await findPlaces(db);
  const grants = rightsWith(historyTable).map(([table, right]) => `grant ${right} on ${table} to ${name}`);
  await db.transaction(async (tx) => {
    for (const schema of schemas) await tx.script(`grant usage on schema ${schema} to ${name}`);
    for (const grant of grants) await tx.script(grant);
  });
}

function rightsWith(historyTable: string): [table: string, right: string][] {
  const all = { ...RIGHTS, [historyTable]: ['select'] };
  return Object.entries(all).flatMap(([table, rights]) => rights.map((right): [string, string] => [table, right]));
}
