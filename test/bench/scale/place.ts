// Finds a place for the operations in a database that bench:seed has filled.
import type { Sql } from 'postgres';
import type { Place } from './operations.js';

const SECRETS = 20;

/** Returns a place in the middle of one of the environments with the most secrets. */
export async function findPlace(sql: Sql): Promise<Place> {
  const [found] = await sql<
    Record<'environment_id' | 'application_id' | 'account_id' | 'account' | 'application' | 'name', string>[]
  >`
    select environments.id as environment_id, application_id, environments.account_id, accounts.name as account,
      applications.name as application, environments.name
    from environments join applications on applications.id = application_id
      join accounts on accounts.id = environments.account_id
    order by secret_count desc, environments.id offset (select count(*) / 2 from environments) limit 1`;
  if (!found) throw new Error('the database has no environments: fill it first');
  const { environment_id: environmentId, application_id: applicationId, account_id: accountId } = found;
  const { account, application, name } = found;
  const [read, updated] = await sql<{ environment_id: string; id: string; revision: number }[]>`
    select environment_id, id, revision::int from agent_secrets
    where deleted_at is null and environment_id = (select id from environments
      where account_id = ${accountId} and id <> ${environmentId} order by secret_count desc, id limit 1)
    order by id limit 2`;
  if (!read || !updated) throw new Error('the account has one environment only: fill with more secrets');
  const elsewhere = { environmentId: read.environment_id, read, updated };
  const secrets = await sql<{ id: string; path: string; revision: number }[]>`
    select id, path, revision::int from agent_secrets
    where environment_id = ${environmentId} and deleted_at is null
    order by path offset (select count(*) / 2 from agent_secrets where environment_id = ${environmentId} and deleted_at is null)
    limit ${SECRETS}`;
  return { environmentId, applicationId, accountId, names: { account, application, name }, secrets, elsewhere };
}
