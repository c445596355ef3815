// Writes and prunes the audit records of opened values.
import { sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { computed, elements, name, parameter, statement } from '../engine/statement.js';
import { lastSecretReads as last, secretReads as reads } from '../engine/tables.js';

/**
 * Rows in columns: the elements at the same index form one row, which records what one request opened in one
 * environment. The secrets of a row, and the revisions at which they were read, are lists separated by commas.
 */
export interface SecretReadColumns {
  readonly id: string[];
  readonly environmentId: string[];
  readonly agentSecretIds: string[];
  readonly revisions: string[];
  readonly accountId: string[];
  readonly tokenId: (string | null)[];
  readonly door: string[];
  readonly requestId: string[];
  readonly at: Date[];
}

const COLUMNS = {
  id: [reads.id, 'uuid'],
  environmentId: [reads.environmentId, 'uuid'],
  // A Postgres array cannot contain lists of different lengths, so each of these lists is passed as text.
  agentSecretIds: [reads.agentSecretIds, 'text'],
  revisions: [reads.revisions, 'text'],
  accountId: [reads.accountId, 'uuid'],
  tokenId: [reads.tokenId, 'uuid'],
  door: [reads.door, 'text'],
  requestId: [reads.requestId, 'text'],
  at: [reads.at, 'timestamptz'],
} as const satisfies Record<keyof SecretReadColumns, unknown>;
export const KEYS = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
const NAMES = sql.join(
  KEYS.map((key) => name(COLUMNS[key][0])),
  sql`, `,
);

/** When values of secrets were last opened: the elements at the same index form a row. No secret is in it twice. */
export interface LastReadColumns {
  readonly lastIds: string[];
  readonly lastAt: Date[];
}

// The rows of `last` are written in the order of their ids, so that two instances with the same ids do not deadlock.
const INSERT = statement<SecretReadColumns & LastReadColumns>()(
  {},
  sql`with given as (
      select id, environment_id, string_to_array(agent_secret_ids, ',')::uuid[] as agent_secret_ids,
        string_to_array(revisions, ',')::bigint[] as revisions, account_id, token_id, door, request_id, at
      from unnest(${sql.join(
        KEYS.map((key) => elements(key, COLUMNS[key][1])),
        sql`, `,
      )}) as given(${NAMES})
    ),
    noted as (
      insert into ${reads} (${NAMES}) select ${NAMES} from given on conflict do nothing
    )
    insert into ${last} (${name(last.agentSecretId)}, ${name(last.at)})
    select opened, at from unnest(${elements('lastIds', 'uuid')}, ${elements('lastAt', 'timestamptz')}) as told(opened, at)
    order by opened
    on conflict (agent_secret_id) do update set ${name(last.at)} = greatest(${last.at}, excluded.at)`,
);

/** Safe to retry: a row that exists already is left unchanged. */
export async function insertSecretReads(db: Session, rows: SecretReadColumns, last: LastReadColumns): Promise<void> {
  await db.rows(INSERT, { ...rows, ...last });
}

const REMOVE = statement<{ before: Date; limit: number }>()(
  { count: computed(sql`count`, Number) },
  sql`with old as (
      select ctid from ${reads} where ${reads.at} < ${parameter('before')}::timestamptz limit ${parameter('limit')}::integer
      for update skip locked
    ),
    removed as (delete from ${reads} where ctid in (select ctid from old) returning 1)
    select count(*) as count from removed`,
);

/** Removes at most `limit` of the records from before a point in time; returns how many it has removed. */
export async function removeSecretReads(db: Session, before: Date, limit: number): Promise<number> {
  return (await db.row(REMOVE, { before, limit }))?.count ?? 0;
}
