// Makes the data that the load works on through the service's own APIs, and copies it unencrypted for the floor.
import type { Sql } from 'postgres';
import { createAccountAsOperator } from '../../../src/domain/tenancy/account.js';
import { openPostgres } from '../../../src/store/engine/client.js';
import { connection, sample, UPDATED_TYPE } from './samples.js';

export interface Seed {
  token: string;
  accountId: string;
  /** The environments that hold `LISTED` secrets each, and those secrets. */
  listed: { environmentId: string; secretIds: string[] }[];
  /** The one environment that holds `LARGE` secrets. */
  large: { environmentId: string; secretIds: string[] };
  /** These secrets are in many environments, one in each. */
  spread: { environmentId: string; secretId: string }[];
  /** These are as many secrets, all in one environment. */
  crowded: { environmentId: string; secretIds: string[] };
}

const LISTED = 100;
const LISTED_ENVIRONMENTS = 10;
const LARGE = 1_000;
const SPREAD = 64;
const PARALLEL = 16;
const CHANGES_AT_ONCE = 100;

/** Creates an account whose plan has room for the whole run, and its secrets. */
export async function seed(url: string, databaseUrl: string): Promise<Seed> {
  const operator = await operatorToken(databaseUrl);
  const limits = 'maxEnvironments: 1000, maxSecretsPerEnvironment: 100000, maxValueBytes: 2600';
  const { plan } = await mutate(
    url,
    operator,
    `createPlan(input: { name: "bench", ${limits} })`,
    '... on CreatePlanPayload { plan { id } }',
  );
  const { secret: token, account } = await mutate(
    url,
    operator,
    `createAccount(input: { name: "bench", planId: "${plan.id}" })`,
    '... on CreateAccountPayload { secret account { id } }',
  );
  const { application } = await mutate(
    url,
    token,
    'createApplication(input: { name: "bench" })',
    '... on CreateApplicationPayload { application { id } }',
  );
  const environment = async (name: string) => {
    const input = `{ applicationId: "${application.id}", name: "${name}" }`;
    return (
      await mutate(
        url,
        token,
        `createEnvironment(input: ${input})`,
        '... on CreateEnvironmentPayload { environment { id } }',
      )
    ).environment.id;
  };
  const secret = async (environmentId: string, name: string, secretType: object, secretValue: unknown) => {
    const path = ['bench', name];
    const body = { path, secretType, secretValue };
    return (await post(`${url}/v1/envs/${environmentId}/agent-secrets`, token, body)).id as string;
  };
  const updated = (environmentId: string, n: number) =>
    secret(environmentId, `updated${n}`, UPDATED_TYPE, connection(n));

  const samples = async (name: string, count: number, from: number) => {
    const environmentId = await environment(name);
    const secretIds: string[] = [];
    for (let n = 0; n < count; n += CHANGES_AT_ONCE) {
      const drafts = Array.from({ length: Math.min(CHANGES_AT_ONCE, count - n) }, (_, index) => {
        const { type, value } = sample(from + n + index);
        return { path: ['bench', `secret${n + index}`], secretType: type, secretValue: value };
      });
      secretIds.push(...(await createAll(url, token, environmentId, drafts)));
    }
    return { environmentId, secretIds };
  };
  const listed = await times(LISTED_ENVIRONMENTS, 1, (e) => samples(`listed-${e}`, LISTED, e * LISTED));
  const large = await samples('large', LARGE, 0);
  const spread = await times(SPREAD, PARALLEL, async (n) => {
    const environmentId = await environment(`spread-${n}`);
    return { environmentId, secretId: await updated(environmentId, n) };
  });
  const crowd = await environment('crowded');
  const crowded = { environmentId: crowd, secretIds: await times(SPREAD, PARALLEL, (n) => updated(crowd, n)) };
  return { token, accountId: account.id, listed, large, spread, crowded };
}

/**
 * Copies of the tables that the floor reads and writes, in a schema of their own, so that the same statements run on
 * both; their values are in the clear, as the service's own lists show them.
 */
export async function seedFloor(sql: Sql, url: string, { token, listed, large, spread, crowded }: Seed): Promise<void> {
  await sql
    .unsafe(
      `create schema floor;
      create table floor.environments (like public.environments including all);
      create table floor.environment_shares (like public.environment_shares including all);
      create table floor.agent_secrets (like public.agent_secrets including all);
      alter table floor.agent_secrets alter column sealed_value type text using null,
        add foreign key (environment_id) references floor.environments (id);
      insert into floor.environments select * from public.environments;
      insert into floor.environment_shares select * from public.environment_shares;
      insert into floor.agent_secrets
        select (jsonb_populate_record(null::floor.agent_secrets, to_jsonb(secret) - 'sealed_value')).* from public.agent_secrets secret;
      -- The floor's update as the peer offers it: a function is how it is told of a statement of one's own.
      create function floor.replace_secret_value(secret_id uuid, current_revision bigint, value text)
        returns floor.agent_secrets language sql volatile as $$
          update floor.agent_secrets set revision = revision + 1, sealed_value = value, updated_at = now()
            where id = secret_id and revision = current_revision and deleted_at is null returning *
        $$;`,
    )
    .simple();
  const environmentIds = [...listed, large, ...spread, crowded].map(({ environmentId }) => environmentId);
  for (const environmentId of environmentIds) {
    const { values } = await get(`${url}/v1/envs/${environmentId}/agent-secrets`, token);
    const secrets = values as { id: string; secretValue: unknown }[];
    await sql`update floor.agent_secrets set sealed_value = given.value
      from unnest(${secrets.map(({ id }) => id)}::uuid[], ${secrets.map(({ secretValue }) => JSON.stringify(secretValue))}::text[])
        as given (id, value)
      where agent_secrets.id = given.id`;
  }
  await sql.unsafe('vacuum analyze');
}

/** The first admin comes from an operator command, not from a door. */
async function operatorToken(databaseUrl: string): Promise<string> {
  const db = openPostgres({
    url: databaseUrl,
    poolSize: 1,
    statementTimeout: 10_000,
    connectTimeout: 5,
    prepare: true,
  });
  try {
    const input = { name: 'bench-operator', roles: ['admin'] };
    return (await db.transaction((tx) => createAccountAsOperator(tx, input))).secret;
  } finally {
    await db.close();
  }
}

/** Returns what a mutation has created, with the fields that were selected. */
interface Made {
  secret: string;
  account: { id: string };
  plan: { id: string };
  application: { id: string };
  environment: { id: string };
}

async function mutate(url: string, token: string, call: string, selection: string): Promise<Made> {
  const query = `mutation { made: ${call} { ${selection} ... on Refusal { code message } } }`;
  const { data, errors } = await post(`${url}/graphql`, token, { query });
  const made = (data as { made: Made | { code: string } } | null)?.made;
  if (errors || !made || 'code' in made) throw new Error(`${call}: ${JSON.stringify(errors ?? made)}`);
  return made;
}

async function createAll(url: string, token: string, environmentId: string, drafts: object[]): Promise<string[]> {
  const query = `mutation ($input: ApplyAgentSecretChangesInput!) {
    made: applyAgentSecretChanges(input: $input) {
      ... on ApplyAgentSecretChangesPayload { applied results { ... on AgentSecretRevision { id: agentSecretId } } }
    }
  }`;
  const variables = { input: { environmentId, changes: drafts.map((create) => ({ create })) } };
  const { data, errors } = await post(`${url}/graphql`, token, { query, variables });
  const made = (data as { made: { applied?: boolean; results: { id: string }[] } } | null)?.made;
  if (!made?.applied) throw new Error(`a change set was refused: ${JSON.stringify(errors ?? made)}`);
  return made.results.map(({ id }) => id);
}

function post(url: string, token: string, body: object): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  return json(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

export function get(url: string, token: string): Promise<Record<string, unknown>> {
  return json(url, { headers: { authorization: `Bearer ${token}` } });
}

async function json(url: string, init: RequestInit): Promise<Record<string, unknown>> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${url}: ${response.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** Runs `work` for 0 to count - 1, a few at a time, and returns the results in order. */
async function times<T>(count: number, parallel: number, work: (n: number) => Promise<T>): Promise<T[]> {
  const results = new Array<T>(count);
  let next = 0;
  const worker = async () => {
    for (let n = next++; n < count; n = next++) results[n] = await work(n);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return results;
}
