// The routes of the REST API as a table. Each route has a typed GraphQL document, a function from the request to its
// variables, and one from its result to the body.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { invalidRequest } from '../errors/refusals.js';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue } from '../json/exact.js';
import type { OperationId } from './operation-id.js';
import {
  CreateAgentSecretDocument,
  DeleteAgentSecretDocument,
  GetAgentSecretDocument,
  ListEnvironmentAgentSecretsDocument,
  type RefusedFragment,
  type SecretFragment,
  type SecretValueChange,
  TagEnvironmentAgentSecretsDocument,
  UpdateAgentSecretDocument,
} from './operations.generated.js';
import { counterIn, idempotencyKeyIn, queryIn, stringsIn, uuidIn } from './request.js';

/** The parts of an authenticated request that a route may read. */
export interface Incoming {
  request: Request;
  parameter(name: string): string;
  /** The body as a JSON object; rejects with the errors of `jsonBody` in request.ts. */
  body(): Promise<JsonObject>;
}

/** A refusal that the mutation returned as data. */
export interface Refused {
  refused: { code: string; message: string; problems?: readonly string[] };
}

export interface Route {
  operationId: OperationId;
  summary: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  document: TypedDocumentNode<unknown, Record<string, unknown>>;
  variables(incoming: Incoming): Record<string, unknown> | Promise<Record<string, unknown>>;
  /** The body for status 200, or the refusal. Null if the GraphQL field is null without an error, which is a bug. */
  body(data: never): object | Refused | null;
  /** Only for routes with an `ETag`, which clients can revalidate with `If-None-Match`. */
  tag?: Tag<never, never>;
}

/** How a route determines its `ETag`. */
interface Tag<Data, TagData> {
  /** Reads only the tag, with the same variables and without reading any secret. */
  document: TypedDocumentNode<TagData, Record<string, unknown>>;
  of(data: Data | TagData): string | undefined;
}

/** Type-checks the functions of a route against its own document; the type of the table cannot express that. */
function route<Data, Variables extends Record<string, unknown>, TagData = never>(
  definition: Omit<Route, 'document' | 'variables' | 'body' | 'tag'> & {
    document: TypedDocumentNode<Data, Variables>;
    variables(incoming: Incoming): Variables | Promise<Variables>;
    body(data: Data): object | Refused | null;
    tag?: { document: TypedDocumentNode<TagData, Variables>; of(data: Data | TagData): string | undefined };
  },
): Route {
  return definition as unknown as Route;
}

export const ROUTES: readonly Route[] = [
  route({
    operationId: 'list_environment_agent_secrets',
    summary: 'List all agent secrets of the environment',
    method: 'GET',
    path: '/v1/envs/:environment_id/agent-secrets',
    document: ListEnvironmentAgentSecretsDocument,
    variables: ({ parameter }) => ({ environmentId: uuidIn('environment_id', parameter('environment_id')) }),
    body: ({ environment }) => environment && { values: environment.agentSecretDocuments },
    tag: { document: TagEnvironmentAgentSecretsDocument, of: ({ environment }) => environment?.agentSecretsTag },
  }),
  route({
    operationId: 'create_agent_secret',
    summary: 'Create a new agent secret',
    method: 'POST',
    path: '/v1/envs/:environment_id/agent-secrets',
    document: CreateAgentSecretDocument,
    variables: async ({ request, parameter, body }) => {
      const environmentId = uuidIn('environment_id', parameter('environment_id'));
      const { path, secretType, secretValue } = await body();
      const segments = stringsIn('path', path);
      if (secretType == null) throw invalidRequest('secretType: expected a type document');
      const idempotencyKey = idempotencyKeyIn(request);
      return { input: { environmentId, path: segments, secretType, secretValue: secretValue ?? null, idempotencyKey } };
    },
    body: ({ createAgentSecret }) => createAgentSecret && resultBody(createAgentSecret),
  }),
  route({
    operationId: 'get_agent_secret',
    summary: 'Get agent secret by id.',
    method: 'GET',
    path: '/v1/agent-secrets/:agent_secret_id',
    document: GetAgentSecretDocument,
    variables: ({ parameter }) => ({ id: uuidIn('agent_secret_id', parameter('agent_secret_id')) }),
    body: ({ agentSecret }) => agentSecret?.document ?? null,
  }),
  route({
    operationId: 'update_agent_secret',
    summary: 'Update agent secret',
    method: 'PATCH',
    path: '/v1/agent-secrets/:agent_secret_id',
    document: UpdateAgentSecretDocument,
    variables: async ({ request, parameter, body }) => {
      const id = uuidIn('agent_secret_id', parameter('agent_secret_id'));
      const { currentRevision, secretValue } = await body();
      const revision = currentRevision instanceof JsonNumber ? currentRevision.text : undefined;
      return {
        input: {
          id,
          currentRevision: counterIn('currentRevision', revision),
          secretValue: valueChange(secretValue),
          idempotencyKey: idempotencyKeyIn(request),
        },
      };
    },
    body: ({ updateAgentSecret }) => updateAgentSecret && resultBody(updateAgentSecret),
  }),
  route({
    operationId: 'delete_agent_secret',
    summary: 'Delete agent secret',
    method: 'DELETE',
    path: '/v1/agent-secret/:agent_secret_id',
    document: DeleteAgentSecretDocument,
    variables: ({ request, parameter }) => ({
      input: {
        id: uuidIn('agent_secret_id', parameter('agent_secret_id')),
        currentRevision: counterIn('current_revision', queryIn(request, 'current_revision')),
        idempotencyKey: idempotencyKeyIn(request),
      },
    }),
    body: ({ deleteAgentSecret }) => deleteAgentSecret && resultBody(deleteAgentSecret),
  }),
];

/**
 * Parses a value change. Absent or null: keep the value. `{op: "unset"}`: remove it. `{op: "set", value}`: set it, even
 * to null.
 */
function valueChange(change: JsonValue | undefined): SecretValueChange | null {
  if (change == null) return null;
  if (!isJsonObject(change)) throw invalidRequest('secretValue: expected an object with the key "op", or null');
  if (change.op === 'unset') return { op: 'UNSET' };
  if (change.op !== 'set') throw invalidRequest('secretValue.op: expected "set" or "unset"');
  if (!Object.hasOwn(change, 'value')) throw invalidRequest('secretValue.value: expected a value to set');
  return { op: 'SET', value: change.value as JsonValue };
}

function resultBody(
  result: ({ __typename: 'AgentSecret' } & SecretFragment) | ({ __typename: unknown } & RefusedFragment),
): object | Refused | null {
  return isSecret(result) ? result.document : { refused: result };
}

function isSecret(result: { __typename: unknown }): result is { __typename: 'AgentSecret' } & SecretFragment {
  return result.__typename === 'AgentSecret';
}
