// Values and types in lists: read together with their rows as long as they are small together, else on demand. So it is
// known beforehand how much memory the rows of a list can take at most.
import { type SQL, sql } from 'drizzle-orm';
import { computed } from '../engine/statement.js';
import { agentSecrets } from '../engine/tables.js';

/** Bytes of types and sealed values that one statement reads together with the rows of a list. */
export const MAX_INLINE_BYTES = 256 * 1024;

const isInline = sql.raw(`running_bytes <= ${MAX_INLINE_BYTES}`);
const { secretType, sealedValue } = agentSecrets;

/** Instead of the column `secret_type`, in statements that have `running_bytes`: null where it was left out. */
export const INLINE_TYPE = computed(sql`case when ${isInline} then ${secretType} end`, (type) => type as string | null);

/** Instead of the columns `secret_type` and `sealed_value`, in statements that read from `withRunningBytes`. */
export const INLINE = {
  secretType: INLINE_TYPE,
  /** Null without a value, where it was destroyed, and where it was left out. */
  sealedValue: computed(sql`case when ${isInline} then ${sealedValue} end`, (value) => value as Uint8Array | null),
  /** Bytes of the sealed value where it was left out for its size. */
  leftOutBytes: computed(
    sql`case when not ${isInline} then octet_length(${sealedValue}) end`,
    (bytes) => bytes as number | null,
  ),
};

/** Rows of secrets in this order, each with the bytes of the types and values up to it. */
export function withRunningBytes(rows: SQL, order: SQL): SQL {
  const bytes = sql`octet_length(${secretType}) + coalesce(octet_length(${sealedValue}), 0)`;
  return sql`(select ${agentSecrets}.*, sum(${bytes}) over (order by ${order} rows unbounded preceding) as running_bytes
    from ${rows}) as ${sql.identifier('agent_secrets')}`;
}
