// Checks at the start that the database server is one the service can rely on; if not, says what to change, by name.
import type { Logger } from '../logging/logger.js';
import type { Database } from '../store/engine/client.js';
import { findServer, findWrongSettings } from '../store/engine/server.js';

/** The oldest supported major version. */
const OLDEST_POSTGRES = 15;

interface Expected {
  isPooled: boolean;
  /** Not for commands that only read. */
  writes: boolean;
}

/** Throws an error that names everything that is wrong. */
export async function checkServer(db: Database, { isPooled, writes }: Expected, log: Logger): Promise<void> {
  const server = await findServer(db);
  const refuse = (problem: string) => {
    throw new Error(`the database of DATABASE_URL ${problem}`);
  };
  if (server.versionNumber < OLDEST_POSTGRES * 10_000) {
    refuse(`is Postgres ${server.version}; ${OLDEST_POSTGRES} or newer is needed`);
  }
  if (server.encoding !== 'UTF8') refuse(`has the encoding ${server.encoding}; UTF8 is needed`);
  const wrong = (await findWrongSettings(db)).map(({ name, is, needed }) => `${name} is ${is} and has to be ${needed}`);
  if (writes && server.isSetReadOnly) wrong.push('default_transaction_read_only is on and has to be off');
  if (isPooled && server.schema !== db.schema) {
    const is = server.schema === null ? 'leads to no schema' : `leads to the schema ${server.schema}`;
    wrong.push(`search_path ${is} and has to begin with ${db.schema}`);
  }
  if (wrong.length > 0) refuse(`or its role is set otherwise: ${wrong.join('; ')}. Set it with alter role`);
  if (server.statementTimeout === 0 || server.idleInTransactionTimeout === 0) {
    log.warn(
      'DATABASE_POOLER: without statement_timeout and idle_in_transaction_session_timeout nothing ends a statement whose client has gone; set both with alter role',
    );
  }
}
