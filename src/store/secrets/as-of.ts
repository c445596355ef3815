// Secrets as they were after a past revision of their environment, with the columns of the table of current secrets:
// every query of that table can read the past by selecting from here instead.
import { type SQL, sql } from 'drizzle-orm';
import { parameter } from '../engine/statement.js';
import { agentSecrets, agentSecretRevisions as log } from '../engine/tables.js';

/**
 * A sub-select `agent_secrets` that has each secret as of its last log row up to `at`. It uses the parameters
 * `environmentId` and `at`. Path, type and creation never change and are read from the secret; the value is read from
 * the log row that set it.
 */
export function asOf(): SQL {
  // Deleted secrets and the others are selected separately, because each group has an index of its own.
  const secrets = (deleted: SQL) => sql`select ${agentSecrets}.* from ${agentSecrets}
    where ${agentSecrets.environmentId} = ${parameter('environmentId')} and ${agentSecrets.deletedAt} ${deleted}`;
  const { agentSecretId, environmentRevision } = log;
  // Not a join, for which the planner may read the whole log of all environments. Besides, a query that does not select
  // the value does not pay for it.
  const value = sql`(select v.sealed_value from ${log} v where v.agent_secret_id = s.id and v.revision = r.value_revision)`;
  return sql`(
    select s.id, s.environment_id, s.path, s.secret_type, s.type_kind, r.revision, ${value} as sealed_value, r.value_revision,
      s.created_at, s.created_by, r.at as updated_at, r.account_id as updated_by, r.deleted_at
    from (${secrets(sql`is null`)} union all ${secrets(sql`is not null`)}) s
    cross join lateral (
      select * from ${log}
      where ${agentSecretId} = s.id and ${environmentRevision} <= ${parameter('at')}::bigint
      order by ${environmentRevision} desc limit 1
    ) r
  ) as ${sql.identifier('agent_secrets')}`;
}
