// Wrapped keys of environments.
import { sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { columns, insertInto, parameter, type RowOf, statement } from './statement.js';
import { environmentKeys } from './tables.js';

const KEY = {
  purpose: environmentKeys.purpose,
  version: environmentKeys.version,
  masterKeyId: environmentKeys.masterKeyId,
  wrapped: environmentKeys.wrapped,
};
export type EnvironmentKeyRow = RowOf<typeof KEY>;

const OF_ENVIRONMENT = statement<{ environmentId: string }>()(
  KEY,
  sql`select ${columns(KEY)} from ${environmentKeys}
    where ${environmentKeys.environmentId} = ${parameter('environmentId')} order by ${environmentKeys.purpose}, ${environmentKeys.version}`,
);
export function findEnvironmentKeys(db: Session, environmentId: string): Promise<EnvironmentKeyRow[]> {
  return db.rows(OF_ENVIRONMENT, { environmentId });
}

const INSERT = statement<EnvironmentKeyRow & { environmentId: string; createdAt: Date }>()(
  {},
  insertInto(environmentKeys, {
    environmentId: environmentKeys.environmentId,
    ...KEY,
    createdAt: environmentKeys.createdAt,
  }),
);
export async function insertEnvironmentKey(
  db: Session,
  key: EnvironmentKeyRow & { environmentId: string; createdAt: Date },
): Promise<void> {
  await db.rows(INSERT, key);
}
