// Builds the requests for each server: for our REST and GraphQL APIs, for the floor (which has the same REST API), and
// for the peer.
import { randomUUID } from 'node:crypto';
import { UPDATED_TYPE } from '../seed/samples.js';
import type { Seed } from '../seed/seed.js';

/** `bare` is the service without sealing and read audit, on its own database. `peer` is PostGraphile. */
export type Server = 'floor' | 'service' | 'bare' | 'peer';

export interface Door {
  name: string;
  server: Server;
  /** These functions return requests as they are sent over the connection. */
  read(id: string): string;
  list(environmentId: string): string;
  update(id: string, currentRevision: number, value: object): string;
  create(environmentId: string, path: string[], value: object): string;
  /** Returns the text that an answer with this revision contains. */
  says(revision: number): string;
}

export interface Doors {
  floor: Door;
  rest: Door;
  graphql: Door;
  /** The peer is there only when it is installed. */
  peer: Door | undefined;
  bare: Door;
}

export type Urls = Record<Exclude<Server, 'peer'>, string> & { peer: string | undefined };

export function doorsOf(urls: Urls, { token, accountId }: Seed, bareSeed: Seed): Doors {
  return {
    floor: restDoor('floor', 'floor', urls.floor, token),
    rest: restDoor('REST', 'service', urls.service, token),
    graphql: graphqlDoor(urls.service, token),
    peer: urls.peer === undefined ? undefined : peerDoor(urls.peer, token, accountId),
    bare: restDoor('neither', 'bare', urls.bare, bareSeed.token),
  };
}

const FIELDS = 'id environmentId path revision secretType secretValue';
const LIST = `query ($id: UUID!) { environment(id: $id) { agentSecrets(first: 100) { edges { node { ${FIELDS} } } } } }`;
const READ = `query ($id: UUID!) { agentSecret(id: $id) { ${FIELDS} } }`;
const WRITTEN = `... on AgentSecretPayload { agentSecret { ${FIELDS} } } ... on Refusal { code message }`;
const UPDATE = `mutation ($input: UpdateAgentSecretInput!) { updateAgentSecret(input: $input) { ${WRITTEN} } }`;
const CREATE = `mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { ${WRITTEN} } }`;

export function restDoor(name: string, server: Server, url: string, token: string): Door {
  const send = (method: string, path: string, body?: object) => request(url, method, path, token, body);
  return {
    name,
    server,
    read: (id) => send('GET', `/v1/agent-secrets/${id}`),
    list: (environmentId) => send('GET', `/v1/envs/${environmentId}/agent-secrets`),
    update: (id, currentRevision, value) =>
      send('PATCH', `/v1/agent-secrets/${id}`, { currentRevision, secretValue: { op: 'set', value } }),
    create: (environmentId, path, value) =>
      send('POST', `/v1/envs/${environmentId}/agent-secrets`, { path, secretType: UPDATED_TYPE, secretValue: value }),
    says: (revision) => `"revision":${revision}`,
  };
}

function graphqlDoor(url: string, token: string): Door {
  const send = (query: string, variables: object) => request(url, 'POST', '/graphql', token, { query, variables });
  return {
    name: 'GraphQL',
    server: 'service',
    read: (id) => send(READ, { id }),
    list: (id) => send(LIST, { id }),
    update: (id, currentRevision, value) =>
      send(UPDATE, { input: { id, currentRevision, secretValue: { op: 'SET', value } } }),
    create: (environmentId, path, secretValue) =>
      send(CREATE, { input: { environmentId, path, secretType: UPDATED_TYPE, secretValue } }),
    says: (revision) => `"revision":${revision}`,
  };
}

const PEER_FIELDS = 'id: rowId environmentId path revision secretType sealedValue';
const PEER_READ = `query ($id: UUID!) { agentSecretByRowId(rowId: $id) { ${PEER_FIELDS} } }`;
const PEER_LIST = `query ($id: UUID!) {
  allAgentSecrets(condition: { environmentId: $id, deletedAt: null }, orderBy: PATH_ASC, first: 100) { nodes { ${PEER_FIELDS} } }
}`;
const PEER_UPDATE = `mutation ($input: ReplaceSecretValueInput!) {
  replaceSecretValue(input: $input) { result { ${PEER_FIELDS} } }
}`;
const PEER_CREATE = `mutation ($input: CreateAgentSecretInput!) {
  createAgentSecret(input: $input) { agentSecret { ${PEER_FIELDS} } }
}`;

function peerDoor(url: string, token: string, accountId: string): Door {
  const send = (query: string, variables: object) => request(url, 'POST', '/graphql', token, { query, variables });
  return {
    name: 'PostGraphile',
    server: 'peer',
    read: (id) => send(PEER_READ, { id }),
    list: (id) => send(PEER_LIST, { id }),
    update: (secretId, currentRevision, value) =>
      send(PEER_UPDATE, {
        input: { secretId, currentRevision: String(currentRevision), value: JSON.stringify(value) },
      }),
    create: (environmentId, path, value) => {
      const at = new Date().toISOString();
      const agentSecret = {
        ...{ rowId: randomUUID(), environmentId, path: path.join('.'), revision: '0', valueRevision: '0' },
        ...{
          secretType: JSON.stringify(UPDATED_TYPE),
          typeKind: UPDATED_TYPE.type,
          sealedValue: JSON.stringify(value),
        },
        ...{ createdAt: at, createdBy: accountId, updatedAt: at, updatedBy: accountId },
      };
      return send(PEER_CREATE, { input: { agentSecret } });
    },
    // The peer shows 64-bit integers as strings.
    says: (revision) => `"revision":"${revision}"`,
  };
}

const WATCH = `subscription ($id: UUID!) {
  agentSecretChanges(environmentId: $id) {
    environmentRevision changes { agentSecretId path change revision environmentRevision valueState at by { accountId } }
  }
}`;

/** Returns the requests for the change stream of an environment, in REST and in GraphQL. Both streams tell the same. */
export function watchRequests(url: string, token: string, environmentId: string): { rest: string; graphql: string } {
  return {
    rest: request(url, 'GET', `/v1/envs/${environmentId}/agent-secrets/changes`, token),
    graphql: request(url, 'POST', '/graphql', token, { query: WATCH, variables: { id: environmentId } }),
  };
}

/** The floor and the peer ignore the token. It is sent to all servers, so that all of them read the same bytes. */
export function request(url: string, method: string, path: string, token: string, body?: object): string {
  const text = body === undefined ? '' : JSON.stringify(body);
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\nauthorization: Bearer ${token}\r\n`;
  if (body === undefined) return `${head}\r\n`;
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}
