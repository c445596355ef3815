// The keys of environments by the master key that wraps them, for the rotation of master keys.
import { sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { columns, computed, name, parameter, type RowOf, statement } from '../engine/statement.js';
import { environmentKeys } from '../engine/tables.js';

const WRAPPED = {
  environmentId: environmentKeys.environmentId,
  purpose: environmentKeys.purpose,
  version: environmentKeys.version,
  masterKeyId: environmentKeys.masterKeyId,
  wrapped: environmentKeys.wrapped,
};
export type WrappedKeyRow = RowOf<typeof WRAPPED>;

const keyPlace = sql.join([environmentKeys.environmentId, environmentKeys.purpose, environmentKeys.version], sql`, `);
const OF_OTHER_MASTER_KEYS = statement<{
  masterKeyId: string;
  environmentId: string | null;
  purpose: string | null;
  version: number | null;
  limit: number;
}>()(
  WRAPPED,
  sql`select ${columns(WRAPPED)} from ${environmentKeys}
    where ${environmentKeys.masterKeyId} <> ${parameter('masterKeyId')}
      and (${parameter('environmentId')}::uuid is null
        or (${keyPlace}) > (${parameter('environmentId')}::uuid, ${parameter('purpose')}::text, ${parameter('version')}::integer))
    order by ${keyPlace} limit ${parameter('limit')}::integer`,
);

/** Keys of all environments, also deleted ones, that are wrapped under another master key; starts after `after`. */
export function findKeysOfOtherMasterKeys(
  db: Session,
  masterKeyId: string,
  after: WrappedKeyRow | undefined,
  limit: number,
): Promise<WrappedKeyRow[]> {
  const { environmentId = null, purpose = null, version = null } = after ?? {};
  return db.rows(OF_OTHER_MASTER_KEYS, { masterKeyId, environmentId, purpose, version, limit });
}

const REWRAP = statement<WrappedKeyRow & { before: Uint8Array }>()(
  { version: environmentKeys.version },
  sql`update ${environmentKeys} set ${name(environmentKeys.masterKeyId)} = ${parameter('masterKeyId')}, ${name(environmentKeys.wrapped)} = ${parameter('wrapped')}::bytea
    where ${environmentKeys.environmentId} = ${parameter('environmentId')} and ${environmentKeys.purpose} = ${parameter('purpose')}
      and ${environmentKeys.version} = ${parameter('version')}::integer and ${environmentKeys.wrapped} = ${parameter('before')}::bytea
    returning ${columns({ version: environmentKeys.version })}`,
);

/** Returns false when the stored bytes are no longer `before`: another process has re-wrapped or removed the key. */
export async function updateWrappedKey(db: Session, key: WrappedKeyRow, before: Uint8Array): Promise<boolean> {
  return (await db.row(REWRAP, { ...key, before })) !== undefined;
}

const KEYS_BY_MASTER_KEY = {
  masterKeyId: environmentKeys.masterKeyId,
  purpose: environmentKeys.purpose,
  count: computed(sql`count(*)`, Number),
};
const COUNT_BY_MASTER_KEY = statement()(
  KEYS_BY_MASTER_KEY,
  sql`select ${columns(KEYS_BY_MASTER_KEY)} from ${environmentKeys}
    group by ${environmentKeys.masterKeyId}, ${environmentKeys.purpose} order by ${environmentKeys.masterKeyId}, ${environmentKeys.purpose}`,
);

/** How many keys each master key wraps, by their purpose. */
export function countKeysByMasterKey(db: Session): Promise<RowOf<typeof KEYS_BY_MASTER_KEY>[]> {
  return db.rows(COUNT_BY_MASTER_KEY, {});
}
