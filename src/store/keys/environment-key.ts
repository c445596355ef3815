// Stores and reads the wrapped keys of environments.
import { isNull, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { columns, insertInto, name, parameter, type RowOf, statement } from '../engine/statement.js';
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
const masterKeyId = name(environmentKeys.masterKeyId);
// The master key ids are found one after the other in their index: each is the smallest one behind the last. To sort or
// group all keys would take seconds with a million environments, at every start of every process. `offset 0` keeps the planner from reading all environments beside the keys.
const SAMPLES = statement()(
  WITH_ENVIRONMENT,
  sql`with recursive used as (
      (select ${masterKeyId} from ${environmentKeys} order by ${masterKeyId} limit 1)
      union all
      select (select ${environmentKeys.masterKeyId} from ${environmentKeys}
        where ${environmentKeys.masterKeyId} > used.${masterKeyId} order by ${environmentKeys.masterKeyId} limit 1)
      from used where used.${masterKeyId} is not null
    )
    select sample.* from used cross join lateral (
      select ${columns(WITH_ENVIRONMENT)} from ${environmentKeys}
      cross join lateral (select from ${environments}
        where ${environments.id} = ${environmentKeys.environmentId} and ${isNull(environments.deletedAt)} offset 0) live
      where ${environmentKeys.masterKeyId} = used.${masterKeyId} order by ${environmentKeys.environmentId} limit 5
    ) sample`,
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
