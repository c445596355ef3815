// Stores and reads the wrapped keys of environments.
import { isNull, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { columns, insertInto, parameter, type RowOf, statement } from '../engine/statement.js';
import { environmentKeys, environments } from '../engine/tables.js';

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

const WITH_ENVIRONMENT = { environmentId: environmentKeys.environmentId, ...KEY };
const SAMPLES = statement()(
  WITH_ENVIRONMENT,
  sql`select ${sql.join(
    Object.keys(WITH_ENVIRONMENT).map((key) => sql.identifier(key)),
    sql`, `,
  )} from (
      select ${columns(WITH_ENVIRONMENT)}, row_number() over (partition by ${environmentKeys.masterKeyId}) as place
      from ${environmentKeys}
      join ${environments} on ${environments.id} = ${environmentKeys.environmentId} and ${isNull(environments.deletedAt)}
    ) numbered where place <= 5`,
);
/** At most five keys for every master key that environments depend on; deleted environments are not considered. */
export function findEnvironmentKeySamples(db: Session): Promise<RowOf<typeof WITH_ENVIRONMENT>[]> {
  return db.rows(SAMPLES, {});
}

const ANY = statement()(KEY, sql`select ${columns(KEY)} from ${environmentKeys} limit 1`);
export async function hasEnvironmentKeys(db: Session): Promise<boolean> {
  return (await db.row(ANY, {})) !== undefined;
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
