// Which keys an environment has now, by the name that its row has for them. A write confirms its keys by that name.
import { sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { columns, name, parameter, type RowOf, statement } from '../engine/statement.js';
import { environments } from '../engine/tables.js';

const KEYS = { minDataKeyVersion: environments.minDataKeyVersion, keysId: environments.keysId };
const select = sql`select ${columns(KEYS)} from ${environments} where ${environments.id} = ${parameter('environmentId')}`;
const FIND = statement<{ environmentId: string }>()(KEYS, select);
const LOCK = statement<{ environmentId: string }>()(KEYS, sql`${select} for update`);
export type CurrentKeysRow = RowOf<typeof KEYS>;

/** Undefined when there is no such environment, deleted or not. */
export function findCurrentKeys(db: Session, environmentId: string): Promise<CurrentKeysRow | undefined> {
  return db.row(FIND, { environmentId });
}

/** Does the same, and locks the environment. */
export function lockCurrentKeys(tx: Session, environmentId: string): Promise<CurrentKeysRow | undefined> {
  return tx.row(LOCK, { environmentId });
}

const UPDATE = statement<{ environmentId: string; keysId: Uint8Array }>()(
  {},
  sql`update ${environments} set ${name(environments.keysId)} = ${parameter('keysId')}::bytea
    where ${environments.id} = ${parameter('environmentId')}`,
);
/** The caller must hold the environment's lock, and have seen under it that the environment has these keys. */
export async function updateCurrentKeys(tx: Session, environmentId: string, keysId: Uint8Array): Promise<void> {
  await tx.rows(UPDATE, { environmentId, keysId });
}
