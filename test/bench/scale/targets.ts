// Defines the operations whose cost should not grow with the database. They use random secrets of the whole database.
import type { Exchange, Script } from '../load/load.js';
import { connection, SAMPLE_PERIOD, sample, UPDATED_TYPE } from '../seed/samples.js';
import type { KnownSecret, Terrain } from './terrain.js';

export interface ScaleTarget {
  name: string;
  script(url: string, terrain: Terrain, connections: number): Script;
}

const PAGE = 100;
const QUERY = `query ($id: UUID!, $after: String) { environment(id: $id) { agentSecrets(first: ${PAGE}, after: $after) {
  edges { node { id path revision secretType secretValue } } } } }`;
const ID = /"id":"/g;

export const TARGETS: readonly ScaleTarget[] = [
  {
    name: 'read by id',
    script: (url, { secrets }) => {
      return () => () => readById(url, anyOf(secrets));
    },
  },
  {
    name: `page of ${PAGE}`,
    script: (url, { environments }) => {
      return () => () => {
        const { environmentId: id, token, cursor: after } = anyOf(environments);
        const isPage = (body: string) => body.match(ID)?.length === PAGE;
        return exchange(url, 'POST', '/graphql', token, { query: QUERY, variables: { id, after } }, isPage);
      };
    },
  },
  {
    name: 'update',
    script: (url, terrain, connections) => (own) => {
      const known = ownSecrets(terrain, connections, own);
      let n = 0;
      return () => update(url, anyOf(known), ++n);
    },
  },
  {
    // Clients have to know the revision, so they have usually just read the secret from the same process.
    name: 'read and change',
    script: (url, terrain, connections) => (own) => {
      const known = ownSecrets(terrain, connections, own);
      let n = 0;
      let read: KnownSecret | undefined;
      return () => {
        const secret = read ?? anyOf(known);
        read = read ? undefined : secret;
        return read ? readById(url, secret) : update(url, secret, ++n);
      };
    },
  },
  {
    name: 'create',
    script: (url, { environments }, connections) => {
      return (own) => {
        const known = environments.filter((_, place) => place % connections === own);
        return () => {
          const { environmentId, token } = anyOf(known);
          const secretValue = connection(created % 10_000);
          const body = { path: ['made', `n${created++}`], secretType: UPDATED_TYPE, secretValue };
          const path = `/v1/envs/${environmentId}/agent-secrets`;
          return exchange(url, 'POST', path, token, body, (answer) => answer.includes('"revision":0'));
        };
      };
    },
  },
];

/** Two connections never write to the same environment. */
function ownSecrets({ secrets }: Terrain, connections: number, own: number): KnownSecret[] {
  return secrets.filter(({ environment }) => environment % connections === own);
}

function readById(url: string, { id, token }: KnownSecret): Exchange {
  return exchange(url, 'GET', `/v1/agent-secrets/${id}`, token, undefined, (body) => body.includes(id));
}

function update(url: string, secret: KnownSecret, n: number): Exchange {
  const { value } = sample(secret.sample + n * SAMPLE_PERIOD);
  const body = { currentRevision: secret.revision, secretValue: { op: 'set', value } };
  return exchange(url, 'PATCH', `/v1/agent-secrets/${secret.id}`, secret.token, body, (answer) => {
    secret.revision += 1;
    return answer.includes(`"revision":${secret.revision}`);
  });
}

/** The number grows over all rounds, so that no path is used twice. */
let created = Date.now();

function anyOf<T extends KnownSecret | Terrain['environments'][number]>(items: readonly T[]): T {
  const item = items[Math.floor(Math.random() * items.length)];
  if (!item) throw new Error('more connections than environments');
  return item;
}

function exchange(
  url: string,
  method: string,
  path: string,
  token: string,
  body: object | undefined,
  accepts: Exchange['accepts'],
): Exchange {
  const text = body === undefined ? '' : JSON.stringify(body);
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\nauthorization: Bearer ${token}\r\n`;
  const type = body === undefined ? '' : 'content-type: application/json\r\n';
  const length = body === undefined ? '' : `content-length: ${Buffer.byteLength(text)}\r\n`;
  return { request: `${head}${type}${length}\r\n${text}`, accepts };
}
