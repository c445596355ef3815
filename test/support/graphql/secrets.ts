// Creates, reads and changes secrets through the GraphQL API, with one call each and with all fields of the answer.
import type { TestApp } from '../app.js';
import { ask, type GraphQLAnswer, graphql } from './client.js';

export interface Secret {
  __typename: 'AgentSecret';
  id: string;
  path: string[];
  pathText: string;
  revision: number | bigint;
  secretType: unknown;
  secretTypeText: string;
  hasValue: boolean;
  secretValue: unknown;
  secretValueText: string | null;
  createdAt: string;
  updatedAt: string;
}

export interface Refused {
  __typename: string;
  code: string;
  message: string;
  problems?: string[];
  currentRevision?: number | bigint | null;
}

/** What every state of a secret has: the present one, a revision, and a planned one. */
export const STATE_FIELDS = 'path pathText revision secretType secretTypeText hasValue secretValue secretValueText';
export const SECRET_FIELDS = `id ${STATE_FIELDS} createdAt updatedAt`;

/** Selects the answer of a mutation of secrets, whichever member of its union it is. */
export const WRITE_RESULT = `__typename
  ... on AgentSecretPayload { agentSecret { __typename ${SECRET_FIELDS} } }
  ... on Refusal { code message }
  ... on InvalidRequest { problems }
  ... on AgentSecretValueTypeMismatch { problems }
  ... on ConcurrentUpdate { currentRevision }`;

const CREATE = `mutation ($input: CreateAgentSecretInput!) {
  createAgentSecret(input: $input) { ${WRITE_RESULT} }
}`;
const UPDATE = `mutation ($input: UpdateAgentSecretInput!) {
  updateAgentSecret(input: $input) { ${WRITE_RESULT} }
}`;
const DELETE = `mutation ($input: DeleteAgentSecretInput!) {
  deleteAgentSecret(input: $input) { __typename
    ... on AgentSecretPayload { agentSecret { __typename ${SECRET_FIELDS} } }
    ... on ConcurrentUpdate { code message currentRevision }
  }
}`;

export async function createSecret(app: TestApp, token: string, input: object): Promise<Secret | Refused> {
  return writtenIn((await ask(app, token, CREATE, { input })).createAgentSecret);
}

export async function updateSecret(app: TestApp, token: string, input: object): Promise<Secret | Refused> {
  return writtenIn((await ask(app, token, UPDATE, { input })).updateAgentSecret);
}

export async function deleteSecret(app: TestApp, token: string, input: object): Promise<Secret | Refused> {
  return writtenIn((await ask(app, token, DELETE, { input })).deleteAgentSecret);
}

/** The secret in the payload of a write, or its refusal. */
export function writtenIn(result: { agentSecret: Secret } | Refused): Secret | Refused {
  return 'agentSecret' in result ? result.agentSecret : result;
}

/** Expects that the write is done, and throws the refusal otherwise. */
export async function done(write: Promise<Secret | Refused>): Promise<Secret> {
  const result = await write;
  if (isSecret(result)) return result;
  throw new Error(`refused: ${result.code} ${result.message} ${result.problems ?? ''}`);
}

/** Expects that the write is refused, and throws otherwise. */
export async function refused(write: Promise<Secret | Refused>): Promise<Refused> {
  const result = await write;
  if (!isSecret(result)) return result;
  throw new Error(`written at revision ${result.revision}, but should have been refused`);
}

function isSecret(result: Secret | Refused): result is Secret {
  return result.__typename === 'AgentSecret';
}

export function readSecret(
  app: TestApp,
  token: string | undefined,
  id: string,
): Promise<GraphQLAnswer<{ agentSecret: Secret | null }>> {
  return graphql(app, token, `query ($id: UUID!) { agentSecret(id: $id) { __typename ${SECRET_FIELDS} } }`, { id });
}

/** Returns the current revision of the environment. */
export async function environmentRevision(app: TestApp, token: string, id: string): Promise<number> {
  return (await ask(app, token, 'query ($id: UUID) { environment(id: $id) { revision } }', { id })).environment
    .revision;
}
