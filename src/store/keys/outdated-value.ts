// The values that a rotation has yet to seal anew: under an older data key, or in another format than new values.
import { type Column, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { columns, computed, parameter, type RowOf, statement } from '../engine/statement.js';
import { agentSecretRevisions, agentSecrets } from '../engine/tables.js';
import { versionIn } from './data-key.js';

/** The format of a sealed value. Of a large value, only the beginning is read. */
const formatIn = (sealed: Column) => sql`get_byte(substring(${sealed} from 1 for 1), 0)`;

/**
 * Sealed under an older key than `version`, or under this one in another format than `format`. Values under a newer key
 * belong to another rotation, which must not be undone.
 */
const isOutdated = sql`${agentSecretRevisions.sealedValue} is not null and (
    ${versionIn(agentSecretRevisions.sealedValue)} < int4send(${parameter('version')}::integer)
    or ${versionIn(agentSecretRevisions.sealedValue)} = int4send(${parameter('version')}::integer)
      and ${formatIn(agentSecretRevisions.sealedValue)} <> ${parameter('format')}::integer
  )`;

const VALUE_COUNT = { count: computed(sql`count(*)`, Number) };
const COUNT_OUTDATED = statement<{ environmentId: string; version: number; format: number }>()(
  VALUE_COUNT,
  sql`select ${columns(VALUE_COUNT)} from ${agentSecretRevisions}
    where ${agentSecretRevisions.environmentId} = ${parameter('environmentId')} and ${isOutdated}`,
);

/** How many values, current and former, are sealed under a key older than `version`, or in another format. */
export async function countOutdatedValues(
  db: Session,
  newest: { environmentId: string; version: number; format: number },
): Promise<number> {
  return (await db.row(COUNT_OUTDATED, newest))?.count ?? 0;
}

const COUNT_OTHER_FORMATS = statement<{ format: number }>()(
  VALUE_COUNT,
  sql`select ${columns(VALUE_COUNT)} from ${agentSecretRevisions}
    where ${agentSecretRevisions.sealedValue} is not null
      and ${formatIn(agentSecretRevisions.sealedValue)} <> ${parameter('format')}::integer`,
);

/** How many values of all environments, current and former, are sealed in another format. */
export async function countValuesInOtherFormats(db: Session, format: number): Promise<number> {
  return (await db.row(COUNT_OTHER_FORMATS, { format }))?.count ?? 0;
}

const SEALED = {
  environmentRevision: agentSecretRevisions.environmentRevision,
  agentSecretId: agentSecretRevisions.agentSecretId,
  revision: agentSecretRevisions.revision,
  path: agentSecrets.path,
  secretType: agentSecrets.secretType,
  sealedValue: computed(agentSecretRevisions.sealedValue, (value) => value as Uint8Array),
};
type OutdatedPage = { environmentId: string; version: number; format: number; after: bigint; limit: number };
const OUTDATED_VALUES = statement<OutdatedPage>()(
  SEALED,
  sql`select ${columns(SEALED)} from ${agentSecretRevisions}
    join ${agentSecrets} on ${agentSecrets.id} = ${agentSecretRevisions.agentSecretId}
    where ${agentSecretRevisions.environmentId} = ${parameter('environmentId')}
      and ${agentSecretRevisions.environmentRevision} > ${parameter('after')}::bigint and ${isOutdated}
    order by ${agentSecretRevisions.environmentRevision} limit ${parameter('limit')}::integer`,
);
export type SealedValueRow = RowOf<typeof SEALED>;

/** The same values, oldest first, starting after the environment revision `after`. */
export function findOutdatedValues(db: Session, page: OutdatedPage): Promise<SealedValueRow[]> {
  return db.rows(OUTDATED_VALUES, page);
}
