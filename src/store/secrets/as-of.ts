// Secrets as they were after a revision of their environment, under the columns of the table of current ones: every read
// of that table can be asked about the past by reading from here.
import { type SQL, sql } from 'drizzle-orm';
import { parameter } from '../engine/statement.js';
import { agentSecrets, agentSecretRevisions as log } from '../engine/tables.js';

/**
 * What each secret's last log row up to `at` says, as a table `agent_secrets`. Takes the parameters `environmentId` and
 * `at`. Paths, types and creation do not change and are read from the secret; the value comes from the row that set it.
 */
export function asOf(): SQL {
  // Live and deleted ones apart: each has an index of its own.
  const secrets = (deleted: SQL) => sql`select ${agentSecrets}.* from ${agentSecrets}
    where ${agentSecrets.environmentId} = ${parameter('environmentId')} and ${agentSecrets.deletedAt} ${deleted}`;
  const { agentSecretId, environmentRevision } = log;
  // Not a join: that the planner may do by reading the whole log, of all environments. And who asks for no value pays none.
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
