// The version and settings of the database server, queried once at the start.
import { sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { columns, computed, type RowOf, statement } from './statement.js';

const milliseconds = (setting: string) =>
  computed(sql`(select setting from pg_settings where name = ${sql.raw(`'${setting}'`)})`, Number);
const SERVER = {
  version: computed(sql`current_setting('server_version')`, String),
  versionNumber: computed(sql`current_setting('server_version_num')`, Number),
  statementTimeout: milliseconds('statement_timeout'),
  idleInTransactionTimeout: milliseconds('idle_in_transaction_session_timeout'),
};
const SETTINGS = statement()(SERVER, sql`select ${columns(SERVER)}`);
export type Server = RowOf<typeof SERVER>;

export async function findServer(db: Session): Promise<Server> {
  return (await db.row(SETTINGS, {})) as Server;
}
