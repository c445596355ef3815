// What is measured: scenarios, and in each the floor and our doors, doing the same work for the same load.
import type { Exchange, Script } from './load.js';
import { connection, UPDATED_TYPE } from './samples.js';
import { get, type Seed } from './seed.js';

/** `bare`: the service without sealing and read audit, on a database of its own. */
export type Server = 'floor' | 'service' | 'bare';

export interface Target {
  name: string;
  server: Server;
  /** Made anew before each round: it knows what the last round has changed. */
  script(): Script | Promise<Script>;
}

export interface Scenario {
  name: string;
  /** The first one is what the others are compared with: the floor, or the bare service. */
  targets: Target[];
}

const FIELDS = 'id environmentId path revision secretType secretValue';

/** Connections walk through disjoint stretches of a list, each from its own place on. */
const STRIDE = 97;

export function scenarios(seed: Seed, bareSeed: Seed, urls: Record<Server, string>, connections: number): Scenario[] {
  const seedOf = (server: Server) => (server === 'bare' ? bareSeed : seed);
  const rest = (server: Server, method: string, path: string, body?: object) =>
    request(urls[server], method, path, seedOf(server).token, body);
  const graphql = (query: string, variables: object) =>
    request(urls.service, 'POST', '/graphql', seed.token, { query, variables });

  /** The same few requests over and over. */
  const reads = (exchanges: Exchange[]): Script => {
    return (connection) => {
      let n = connection * STRIDE;
      return () => exchanges[n++ % exchanges.length] as Exchange;
    };
  };
  const readById = (make: (id: string) => string, { listed } = seed) =>
    reads(
      listed
        .flatMap(({ secretIds }) => secretIds)
        .map((id) => ({ request: make(id), accepts: includes(`"id":"${id}"`) })),
    );
  const list = (make: (environmentId: string) => string, { listed } = seed) =>
    reads(
      listed.map(({ environmentId, secretIds }) => ({
        request: make(environmentId),
        // Lists are ordered by path, and this one is the last.
        accepts: includes(secretIds.at(-1) as string),
      })),
    );

  /** Secrets are dealt out to the connections, so that each of them always knows the current revisions of its own. */
  const updates = async (
    server: Server,
    secrets: { secretId: string }[],
    make: (id: string, revision: number, value: object) => string,
  ): Promise<Script> => {
    const revisions = await revisionsOf(urls[server], seed.token, secrets);
    return (connection) => {
      const own = secrets.filter((_, index) => index % connections === connection);
      if (own.length === 0) throw new Error('more connections than secrets');
      let n = 0;
      return () => {
        const { secretId } = own[n++ % own.length] as { secretId: string };
        const revision = revisions.get(secretId) as number;
        return {
          request: make(secretId, revision, sent(n)),
          accepts(body) {
            revisions.set(secretId, revision + 1);
            return body.includes(`"revision":${revision + 1}`) && body.includes(secretId);
          },
        };
      };
    };
  };
  const patch = (server: Server) => (id: string, currentRevision: number, value: object) =>
    rest(server, 'PATCH', `/v1/agent-secrets/${id}`, { currentRevision, secretValue: { op: 'set', value } });
  const crowd = seed.crowded.secretIds.map((secretId) => ({ environmentId: seed.crowded.environmentId, secretId }));

  let created = 0;
  const creations = (server: Server): Script => {
    return (connection) => () => {
      const { environmentId } = seed.spread[(connection + created) % seed.spread.length] as { environmentId: string };
      const path = ['created', `n${created++}`];
      const body = { path, secretType: UPDATED_TYPE, secretValue: sent(created) };
      return {
        request: rest(server, 'POST', `/v1/envs/${environmentId}/agent-secrets`, body),
        accepts: includes('"revision":0'),
      };
    };
  };

  const readRest = (server: Server) => () =>
    readById((id) => rest(server, 'GET', `/v1/agent-secrets/${id}`), seedOf(server));
  const listRest = (server: Server) => () =>
    list((id) => rest(server, 'GET', `/v1/envs/${id}/agent-secrets`), seedOf(server));
  return [
    {
      name: 'read by id',
      targets: [
        { name: 'floor', server: 'floor', script: readRest('floor') },
        { name: 'REST', server: 'service', script: readRest('service') },
        {
          name: 'GraphQL',
          server: 'service',
          script: () => readById((id) => graphql(`query ($id: UUID!) { agentSecret(id: $id) { ${FIELDS} } }`, { id })),
        },
      ],
    },
    {
      name: 'list of 100',
      targets: [
        { name: 'floor', server: 'floor', script: listRest('floor') },
        { name: 'REST', server: 'service', script: listRest('service') },
        {
          name: 'GraphQL',
          server: 'service',
          script: () =>
            list((id) =>
              graphql(
                `query ($id: UUID!) { environment(id: $id) { agentSecrets(first: 100) { edges { node { ${FIELDS} } } } } }`,
                { id },
              ),
            ),
        },
      ],
    },
    {
      name: 'read by id, sealed and audited',
      targets: [
        { name: 'neither', server: 'bare', script: readRest('bare') },
        { name: 'both', server: 'service', script: readRest('service') },
      ],
    },
    {
      name: 'list of 100, sealed and audited',
      targets: [
        { name: 'neither', server: 'bare', script: listRest('bare') },
        { name: 'both', server: 'service', script: listRest('service') },
      ],
    },
    {
      name: 'update',
      targets: [
        { name: 'floor', server: 'floor', script: () => updates('floor', seed.spread, patch('floor')) },
        { name: 'REST', server: 'service', script: () => updates('service', seed.spread, patch('service')) },
        {
          name: 'GraphQL',
          server: 'service',
          script: () =>
            updates('service', seed.spread, (id, currentRevision, value) =>
              graphql(
                `mutation ($input: UpdateAgentSecretInput!) { updateAgentSecret(input: $input) { ... on AgentSecret { ${FIELDS} } ... on Refusal { code message } } }`,
                { input: { id, currentRevision, secretValue: { op: 'SET', value } } },
              ),
            ),
        },
        {
          name: 'REST, all in one environment',
          server: 'service',
          script: () => updates('service', crowd, patch('service')),
        },
      ],
    },
    {
      name: 'create',
      targets: [
        { name: 'floor', server: 'floor', script: () => creations('floor') },
        { name: 'REST', server: 'service', script: () => creations('service') },
      ],
    },
  ];
}

function sent(n: number): object {
  return connection(n % 10_000);
}

function includes(text: string): (body: string) => boolean {
  return (body) => body.includes(text);
}

/** The floor has no use for the token; it is sent to both, so that both read the same bytes. */
export function request(url: string, method: string, path: string, token: string, body?: object): string {
  const text = body === undefined ? '' : JSON.stringify(body);
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\nauthorization: Bearer ${token}\r\n`;
  if (body === undefined) return `${head}\r\n`;
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

async function revisionsOf(url: string, token: string, secrets: { secretId: string }[]): Promise<Map<string, number>> {
  const found = await Promise.all(secrets.map(({ secretId }) => get(`${url}/v1/agent-secrets/${secretId}`, token)));
  return new Map(found.map(({ id, revision }) => [id as string, revision as number]));
}
