// Reads the audit records of opened values.
import { type SQL, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { anyOf, bulk, columns, computed, elements, parameter, type RowOf, statement } from '../engine/statement.js';
import { agentSecrets, lastSecretReads as last, secretReads as reads } from '../engine/tables.js';
import { isWithin } from '../secrets/agent-secret.js';

const READ = {
  id: reads.id,
  position: computed(sql`opened.position`, Number),
  agentSecretId: computed(sql`opened.agent_secret_id`, String),
  revision: computed(sql`opened.revision`, (value) => BigInt(value as string)),
  path: agentSecrets.path,
  accountId: reads.accountId,
  tokenId: reads.tokenId,
  door: reads.door,
  requestId: reads.requestId,
  at: reads.at,
};
export type SecretReadRow = RowOf<typeof READ>;

export interface SecretReadPage {
  environmentId: string;
  /** Only records of secrets at or below one of these paths; null: of all secrets. */
  pathsWithin: readonly string[] | null;
  agentSecretId: string | null;
  accountId: string | null;
  tokenId: string | null;
  since: Date | null;
  until: Date | null;
  /** Only rows after this one, in the order of the list. */
  afterId: string | null;
  afterPosition: number | null;
  limit: number;
}

const given = (key: keyof SecretReadPage, type: string) => sql`${parameter(key)}::${sql.raw(type)}`;
const isNotGiven = (key: keyof SecretReadPage, type: string) => sql`${given(key, type)} is null`;
/**
 * The lowest id that a row since `moment` can have, as a bound for the index scan: ids begin with the time of their
 * creation in milliseconds, which is never before the row's own time.
 */
const leastIdSince = (moment: SQL) => sql`(lpad(to_hex(least(greatest(floor(extract(epoch from ${moment}) * 1000), 0),
  281474976710655)::bigint), 12, '0') || repeat('0', 20))::uuid`;
const PAGE = bulk(
  statement<SecretReadPage>()(
    READ,
    sql`select ${columns(READ)} from ${reads}
    cross join lateral unnest(${reads.agentSecretIds}, ${reads.revisions})
      with ordinality as opened(agent_secret_id, revision, position)
    join ${agentSecrets} on ${agentSecrets.id} = opened.agent_secret_id
    where ${reads.environmentId} = ${parameter('environmentId')}
      and (${isNotGiven('agentSecretId', 'uuid')} or (${reads.agentSecretIds} @> array[${given('agentSecretId', 'uuid')}]
        and opened.agent_secret_id = ${given('agentSecretId', 'uuid')}))
      and (${elements('pathsWithin', 'text')} is null or ${isWithin})
      and (${isNotGiven('accountId', 'uuid')} or ${reads.accountId} = ${given('accountId', 'uuid')})
      and (${isNotGiven('tokenId', 'uuid')} or ${reads.tokenId} = ${given('tokenId', 'uuid')})
      and (${isNotGiven('since', 'timestamptz')} or (${reads.at} >= ${given('since', 'timestamptz')}
        and ${reads.id} >= ${leastIdSince(given('since', 'timestamptz'))}))
      and (${isNotGiven('until', 'timestamptz')} or ${reads.at} < ${given('until', 'timestamptz')})
      and (${isNotGiven('afterId', 'uuid')} or (${reads.id} <= ${given('afterId', 'uuid')}
        and (${reads.id}, opened.position) < (${given('afterId', 'uuid')}, ${given('afterPosition', 'bigint')})))
    order by ${reads.id} desc, opened.position desc limit ${parameter('limit')}::integer`,
  ),
);

/** A page of the records, newest first. */
export function findSecretReads(db: Session, page: SecretReadPage): Promise<SecretReadRow[]> {
  return db.rows(PAGE, page);
}

const LAST = { agentSecretId: last.agentSecretId, at: last.at };
const LAST_OF = bulk(
  statement<{ ids: readonly string[] }>()(
    LAST,
    sql`select ${columns(LAST)} from ${last} where ${anyOf(last.agentSecretId, 'ids')}`,
  ),
);

/**
 * When the values of several secrets were last opened, in no particular order; secrets that never were are left out.
 */
export function findLastSecretReads(db: Session, ids: readonly string[]): Promise<RowOf<typeof LAST>[]> {
  return db.rows(LAST_OF, { ids });
}
