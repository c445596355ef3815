// The routes of the REST API's agent secrets as a table.
import { invalidRequest } from '../errors/refusals.js';
import { isJsonObject, JsonNumber, type JsonValue } from '../json/exact.js';
import {
  CreateAgentSecretDocument,
  DeleteAgentSecretDocument,
  FindEnvironmentAgentSecretDocument,
  GetAgentSecretDocument,
  ListEnvironmentAgentSecretsDocument,
  type RefusedFragment,
  type SecretValueChange,
  TagEnvironmentAgentSecretsDocument,
  type TagEnvironmentAgentSecretsQuery,
  UpdateAgentSecretDocument,
  type WrittenFragment,
} from './operations.generated.js';
import { counterIn, hasParameter, idempotencyKeyIn, queryIn, stringsIn, uuidIn } from './request.js';
import { type Refused, type Route, route } from './route.js';

const LIST = {
  operationId: 'list_environment_agent_secrets',
  summary: 'List all agent secrets of the environment',
  method: 'GET',
  path: '/v1/envs/:environment_id/agent-secrets',
} as const;

const TAG = {
  document: TagEnvironmentAgentSecretsDocument,
  of: ({ environment }: TagEnvironmentAgentSecretsQuery) => environment?.agentSecretsTag ?? undefined,
};

/** The same list of the secret at one path only: one value, or none. */
const LIST_OF_PATH = route({
  ...LIST,
  document: FindEnvironmentAgentSecretDocument,
  variables: ({ request, parameter }) => ({
    environmentId: uuidIn('environment_id', parameter('environment_id')),
    path: queryIn(request, 'path') ?? '',
  }),
  body: ({ environment }) =>
    environment && { values: environment.agentSecret ? [environment.agentSecret.document] : [] },
  tag: TAG,
});

export const ROUTES: readonly Route[] = [
  route({
    ...LIST,
    document: ListEnvironmentAgentSecretsDocument,
    variables: ({ parameter }) => ({ environmentId: uuidIn('environment_id', parameter('environment_id')) }),
    body: ({ environment }) => environment && { values: environment.agentSecretDocuments },
    tag: TAG,
    narrowed: (request) => (hasParameter(request, 'path') ? LIST_OF_PATH : undefined),
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

function resultBody(result: WrittenFragment | RefusedFragment): object | Refused | null {
  return 'agentSecretRevision' in result ? result.agentSecretRevision.document : { refused: result };
}
