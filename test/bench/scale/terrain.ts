// Reads what the load of bench:scale has to know about a filled database: a random sample of its secrets.
import type { Sql } from 'postgres';
import { get } from '../seed/seed.js';

export interface Terrain {
  environments: { environmentId: string; token: string; cursor: string }[];
  /** The secrets come evenly from all environments. */
  secrets: KnownSecret[];
}

export interface KnownSecret {
  id: string;
  /** The index of its environment, so that two connections can use different environments. */
  environment: number;
  token: string;
  /** The number of the sample that it holds. */
  sample: number;
  revision: number;
}

const SECRETS = 200_000;
const ENVIRONMENTS = 256;
/** The page to read begins after so many secrets, and these are read in the largest possible pages. */
const BEFORE = 400;
const PAGE = 200;

export async function findTerrain(sql: Sql, url: string, tokens: ReadonlyMap<string, string>): Promise<Terrain> {
  const all = await sql<{ id: string; account_id: string; secret_count: number }[]>`
    select id, account_id, secret_count from environments where deleted_at is null order by id`;
  const places = new Map(
    all.map(({ id, account_id }, place) => [id, { place, token: tokens.get(account_id) as string }]),
  );
  const total = all.reduce((sum, { secret_count }) => sum + secret_count, 0);
  const rows = await sql<{ id: string; environment_id: string; path: string; revision: number }[]>`
    select id, environment_id, path, revision::int from agent_secrets
    where deleted_at is null and path like 'current.%' and random() < ${Math.min(1, SECRETS / total)}::float8`;
  const secrets = rows.map(({ id, environment_id, path, revision }) => {
    const { place, token } = places.get(environment_id) as { place: number; token: string };
    return { id, environment: place, token, sample: Number(/\d+$/.exec(path)?.[0]), revision };
  });
  // One of so many environments is used, from the first to the last.
  const every = Math.max(1, Math.floor(all.length / ENVIRONMENTS));
  const environments: Terrain['environments'] = [];
  for (const { id: environmentId, account_id } of all.filter((_, place) => place % every === 0)) {
    const token = tokens.get(account_id) as string;
    const cursor = await cursorIn(url, token, environmentId);
    if (cursor !== null) environments.push({ environmentId, token, cursor });
  }
  // One secret in every environment is read, so that its keys are in the service's memory as far as there is room.
  const first = new Map(secrets.map((secret) => [secret.environment, secret]));
  for (const { id, token } of first.values()) await get(`${url}/v1/agent-secrets/${id}`, token);
  return { environments, secrets };
}

async function cursorIn(url: string, token: string, id: string): Promise<string | null> {
  const query = `query ($id: UUID!, $first: Int!, $after: String) { environment(id: $id) {
    agentSecrets(first: $first, after: $after) { pageInfo { endCursor } } } }`;
  let after: string | null = null;
  for (let read = 0; read < BEFORE; read += PAGE) {
    const response: Response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables: { id, first: PAGE, after } }),
    });
    const { data } = (await response.json()) as {
      data: { environment: { agentSecrets: { pageInfo: { endCursor: string | null } } } };
    };
    after = data.environment.agentSecrets.pageInfo.endCursor;
  }
  return after;
}
