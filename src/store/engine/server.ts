// The version, the settings and the schema of the database server, queried once at the start.
import { sql } from 'drizzle-orm';
import { CHECKED_SETTINGS, wrongSettings } from '../../address/session.js';
import type { Session } from './client.js';
import { type ConnectionOptions, connect } from './connection-pool.js';
import { translate } from './outage.js';
import { columns, computed, elements, type RowOf, statement } from './statement.js';

const milliseconds = (setting: string) =>
  computed(sql`(select setting from pg_settings where name = ${sql.raw(`'${setting}'`)})`, Number);
const SERVER = {
  version: computed(sql`current_setting('server_version')`, String),
  versionNumber: computed(sql`current_setting('server_version_num')`, Number),
  encoding: computed(sql`current_setting('server_encoding')`, String),
  statementTimeout: milliseconds('statement_timeout'),
  idleInTransactionTimeout: milliseconds('idle_in_transaction_session_timeout'),
  /** The schema in which something new would be created. */
  schema: computed(sql`current_schema()`, (name) => name as string | null),
  /** Whether the role or the database, and not the whole server, is set to take no writes. */
  isSetReadOnly: computed(
    sql`(select setting = 'on' and source in ('client', 'user', 'database', 'database user')
      from pg_settings where name = 'default_transaction_read_only')`,
    Boolean,
  ),
};
const SERVER_QUERY = statement()(SERVER, sql`select ${columns(SERVER)}`);
export type Server = RowOf<typeof SERVER>;

export async function findServer(db: Session): Promise<Server> {
  return (await db.row(SERVER_QUERY, {})) as Server;
}

const SETTING = { name: computed(sql`name`, String), setting: computed(sql`setting`, String) };
const SETTINGS_QUERY = statement<{ names: readonly string[] }>()(
  SETTING,
  sql`select ${columns(SETTING)} from pg_settings where name = any(${elements('names', 'text')})`,
);

/** Settings of a session under which values would be printed, read or found otherwise than the service expects. */
export async function findWrongSettings(db: Session): Promise<{ name: string; is: string; needed: string }[]> {
  const rows = await db.rows(SETTINGS_QUERY, { names: CHECKED_SETTINGS });
  return wrongSettings(new Map(rows.map(({ name, setting }) => [name, setting])));
}

const SCHEMA = `select coalesce(
  (select nspname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where pg_class.oid = to_regclass('agent_secret_revisions')),
  current_schema()) as name`;

/**
 * The schema of an installation that the search path leads to, even if another schema has come to stand in front of it;
 * without one, the schema in which it would be made. Undefined if the search path leads to no schema at all.
 */
export async function findSchema(options: ConnectionOptions): Promise<string | undefined> {
  const client = connect({ ...options, schema: undefined });
  try {
    const [row] = await client.unsafe(SCHEMA, [], { prepare: false });
    return (row?.name as string | null) ?? undefined;
  } catch (error) {
    throw translate(error);
  } finally {
    await client.end({ timeout: 1 });
  }
}
