// The statements that touch more than one part of a database that is cut by environment, and why each of them may.
//
// Whoever adds one here says why an environment cannot do without it. Most have a remedy that is told by the reason.

export const CROSSING: readonly { because: string; statements: readonly string[] }[] = [
  {
    because: 'It looks a secret or a share up by its id alone. The id carries the bucket, and so leads to one part.',
    statements: [
      'with secret as materialized ( select agent_secrets.id, agent … sealed.environment_revision as environmentRevision from resealed',
      'select agent_secrets.id as id, agent_secrets.environment_id  … where agent_secrets.id = $2 and agent_secrets.deleted_at is null',
      'select agent_secrets.id as id, agent_secrets.environment_id  … where agent_secrets.id = $2 and agent_secrets.deleted_at is null',
      'select agent_secrets.id as id, agent_secrets.environment_id  … d environment_shares.account_id = $1 where agent_secrets.id = $2',
      'select environment_shares.id as id, environment_shares.envir … datedAt from environment_shares where environment_shares.id = $1',
      'update environment_shares set roles = $1::text[], updated_at … ated_at as createdAt, environment_shares.updated_at as updatedAt',
      'delete from environment_shares where environment_shares.id = … ated_at as createdAt, environment_shares.updated_at as updatedAt',
      'select agent_secret_revisions.environment_id as environmentI … ns.agent_secret_id order by agent_secret_revisions.revision desc',
      'select agent_secret_revisions.environment_id as environmentI … t_secret_id order by agent_secret_revisions.environment_revision',
      'select agent_secret_revisions.environment_id as environmentI … _secret_id = $2 and agent_secret_revisions.revision = $3::bigint',
      'update agent_secrets set revision = $1, sealed_value = $2, v … $4, updated_by = $5, deleted_at = $6 where agent_secrets.id = $7',
      'update agent_secret_revisions set sealed_value = null where  … _secret_id = $1 and agent_secret_revisions.revision = $2::bigint',
    ],
  },
  {
    because: 'It looks up several ids, of whichever environments. The ids lead to their parts: one statement for each.',
    statements: [
      'select agent_secret_revisions.environment_id as environmentI … ment_id = environments.id and environment_shares.account_id = $3',
      'select environments.id as id, environments.account_id as acc … id where environments.id = any(array(select unnest($1::uuid[])))',
      'select environments.id as id, environments.name as name, env … = any(array(select unnest($1::uuid[]))) order by environments.id',
      'update environments set facts_version = environments.facts_v …  where environments.id = seal.id returning environments.id as id',
      'select agent_secrets.id as id, agent_secrets.environment_id  … ronments.id and environment_shares.account_id = asked.account_id',
      'select agent_secrets.id as id, agent_secrets.environment_id  … ronments.id and environment_shares.account_id = asked.account_id',
      'select agent_secrets.id as id, agent_secrets.environment_id  … ronments.id and environment_shares.account_id = asked.account_id',
      'select last_secret_reads.agent_secret_id as agentSecretId, l … et_reads.agent_secret_id = any(array(select unnest($1::uuid[])))',
      'select environments.id as id, environments.application_id as … ronments.id and environment_shares.account_id = asked.account_id',
      "select agent_secrets.id as id, 'agentSecret' as kind from ag … rom plans where plans.id = any(array(select unnest($7::uuid[])))",
      'select environment_shares.id as id, environment_shares.envir … re environment_shares.id = any(array(select unnest($1::uuid[])))',
      'select agent_secret_id as agentSecretId, environment_id as e … ecrets on agent_secrets.id = wanted.id ) as found order by place',
      'select id as id, case when previous_bytes < 1048576 then sec … e) join agent_secrets on agent_secrets.id = wanted.id ) as found',
      'select environments.id as id, environments.head_hash as head … ts where environments.id = any(array(select unnest($1::uuid[])))',
      'select (accounts.id is not null and (claim.token_id = $1::uu … nment_shares.account_id = claim.account_id order by claim.number',
    ],
  },
  {
    because:
      'It finds the secrets of an environment, or their log, by the ids of secrets, all of which lead to one part.',
    statements: [
      'select entry.environment_id as environmentId, entry.environm … et 0 ) agent_secrets on true order by entry.environment_revision',
      'select agent_secrets.id as id from agent_secrets where agent … agent_secrets.environment_id ) order by agent_secrets.id limit 1',
      'select agent_secrets.id as id, agent_secret_revisions.enviro … _id order by agent_secret_revisions.environment_revision limit 1',
      'select secret_reads.id as id, opened.position as position, o … by secret_reads.id desc, opened.position desc limit $20::integer',
      'select agent_secrets.id as id, agent_secrets.environment_id  … t is null and true) as agent_secrets order by agent_secrets.path',
      'select agent_secrets.id as id, agent_secrets.path as path, a … t is null and true) as agent_secrets order by agent_secrets.path',
      'select wanted.id as id, agent_secrets.path as path, agent_se … revisions.revision = wanted.value_revision order by wanted.place',
      'select agent_secret_revisions.agent_secret_id as agentSecret …  wanted.id and agent_secret_revisions.revision = wanted.revision',
      'select count(*) as count from ( select s.id, s.environment_i … secrets.environment_id = $4 and agent_secrets.deleted_at is null',
      'select agent_secrets.id as id, agent_secrets.environment_id  …  agent_secrets) as agent_secrets order by agent_secrets.path asc',
    ],
  },
  {
    because: 'It is a batch of writes of several environments, each by the id of its secret, which leads to one part.',
    statements: [
      'with asked as materialized ( select * from unnest((select $1 … on advanced.id = locked.environmentId and written.id is not null',
      'with asked as materialized ( select * from unnest((select $1 … on advanced.id = locked.environmentId and written.id is not null',
      'with asked as materialized ( select * from unnest((select $1 … on advanced.id = locked.environmentId and written.id is not null',
      'with asked as materialized ( select * from unnest((select $1 … on advanced.id = locked.environmentId and written.id is not null',
    ],
  },
  {
    because: 'The name of an environment is unique in its application, whose environments may be in any part.',
    statements: [
      'select environments.id as id, environments.application_id as … 2 and environments.name = $3 and environments.deleted_at is null',
      'select environments.id as id, environments.application_id as … 3 and environments.name = $4 and environments.deleted_at is null',
      'insert into environments (id, application_id, account_id, na … ts.created_at as createdAt, environments.updated_at as updatedAt',
      'update environments set name = $1, updated_at = $2 where env … ts.created_at as createdAt, environments.updated_at as updatedAt',
    ],
  },
  {
    because: 'It is about all environments of an account or an application, which may be in any part.',
    statements: [
      'with visible as materialized ( select own.id from environmen … ts.name), $18::text) > 0) order by visible.id limit $19::integer',
      'with visible as materialized ( select own.id from environmen … text is null or strpos(lower(environments.name), $13::text) > 0)',
      'select environments.id as id, environments.name as name, env … d_at is null order by environments.id for update of environments',
      'select environments.id as id, environments.name as name, env … d_at is null order by environments.id for update of environments',
      'select environments.id as id from environments where environments.application_id = $1 and environments.deleted_at is null',
      'select environments.id as id from environments where environments.account_id = $1 and environments.deleted_at is null',
      'select environments.id as id, environments.application_id as … ts.name > $4::text) order by environments.name limit $5::integer',
      'select environments.id as id, environments.application_id as … nments.id > $3::uuid) order by environments.id limit $4::integer',
      'update environments set deleted_at = $1 where environments.a …  environments.deleted_at is null returning environments.id as id',
      'update environments set deleted_at = $1 where environments.a …  environments.deleted_at is null returning environments.id as id',
    ],
  },
  {
    because: 'An idempotency key is unique in its account, whatever the environment.',
    statements: [
      'select idempotency_keys.request_hash as requestHash, idempot … .key_hash = $2 and idempotency_keys.expires_at > $3::timestamptz',
      'with expired as ( select idempotency_keys.account_id, idempo … ed_at returning idempotency_keys.environment_id as environmentId',
      'update idempotency_keys set agent_secret_id = $1, revision = … mpotency_keys.account_id = $4 and idempotency_keys.key_hash = $5',
    ],
  },
  {
    because: 'A start or a command goes through all environments: on several servers it would run on each of them.',
    statements: [
      'select environment_keys.environment_id as environmentId, max … nt_id order by environment_keys.environment_id limit $5::integer',
      'select count(*) as count from agent_secret_revisions where a … t_secret_revisions.sealed_value from 1 for 1), 0) <> $1::integer',
      'select environments.id as id from environments where environ … nments.id > $2::uuid) order by environments.id limit $3::integer',
      'with recursive used as ( (select master_key_id from environm … key_id order by environment_keys.environment_id limit 5 ) sample',
      'select environment_keys.purpose as purpose, environment_keys … nvironment_keys.wrapped as wrapped from environment_keys limit 1',
      'select environment_keys.environment_id as environmentId, env … ronment_keys.purpose, environment_keys.version limit $6::integer',
      'select environment_keys.master_key_id as masterKeyId, enviro … rder by environment_keys.master_key_id, environment_keys.purpose',
      'select environments.id as id from environments where $1::uui … onments.id > $2::uuid order by environments.id limit $3::integer',
      'with old as ( select ctid from secret_reads where secret_rea … tid from old) returning 1) select count(*) as count from removed',
    ],
  },
];
