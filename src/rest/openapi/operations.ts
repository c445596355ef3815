// Details of the operations that are not in the table of routes: descriptions, schemas of bodies, specific errors.
import type { OperationId } from '../operation-id.js';
import type { Description } from './description.js';
import type { Messages } from './errors.js';
import { EXAMPLES, type Example } from './examples.js';
import { GOLEM_EXAMPLES } from './golem-examples.js';
import { GOLEM_OPERATIONS } from './golem-operations.js';

/** Error codes of all operations on secrets. */
const OF_SECRETS = ['INVALID_REQUEST', 'AUTH_FORBIDDEN'] as const;

function forbidden(action: 'View' | 'Create' | 'Update' | 'Delete'): Messages {
  return { AUTH_FORBIDDEN: `The environment action ${action}AgentSecret is not allowed` };
}

const OPERATIONS = {
  list_environment_agent_secrets: {
    description:
      'Every secret of the environment with its type and its value, in the order of their paths. The answer’s `ETag` changes with every write; who sends it back as `If-None-Match` is answered 304 without a body until then. With `path`, the list has only the secret at that path; no other value is opened. Open to the environment’s owner and to shares with the role admin or deployer; a viewer is answered 403, everybody else 404.',
    responseSchema: 'Page_AgentSecretDto',
    responseDescription: 'All secrets that are not deleted.',
    messages: forbidden('View'),
    query: ['path'],
    headers: ['If-None-Match'],
    isConditional: true,
    errorCodes: [...OF_SECRETS, 'ENVIRONMENT_NOT_FOUND', 'AGENT_SECRET_VALUE_UNREADABLE'],
  },
  create_agent_secret: {
    description:
      'A secret has a path, which names it among the secrets of its environment, a type, which it keeps for good, and perhaps a value. A value that does not fit the type is reported before a path that is taken.',
    requestSchema: 'AgentSecretCreation',
    responseSchema: 'AgentSecretDto',
    responseDescription: 'The new secret, at revision 0.',
    messages: forbidden('Create'),
    headers: ['Idempotency-Key'],
    errorCodes: [
      ...OF_SECRETS,
      'ENVIRONMENT_NOT_FOUND',
      'AGENT_SECRET_VALUE_TYPE_MISMATCH',
      'AGENT_SECRET_ALREADY_EXISTS',
      'LIMIT_EXCEEDED',
      'CONCURRENT_UPDATE',
      'IDEMPOTENCY_KEY_REUSED',
      'ENVIRONMENT_KEY_UNREADABLE',
    ],
  },
  get_agent_secret: {
    description:
      'One secret with its type and its value. For callers without the rights of an owner, admin or deployer it does not exist: they are answered 404, here and when they update or delete it.',
    responseSchema: 'AgentSecretDto',
    responseDescription: 'The secret.',
    messages: forbidden('View'),
    errorCodes: [...OF_SECRETS, 'AGENT_SECRET_NOT_FOUND', 'AGENT_SECRET_VALUE_UNREADABLE'],
  },
  update_agent_secret: {
    description:
      'Sets, removes or keeps the value, if `currentRevision` still is the secret’s revision: of several writers who name the same one, exactly one succeeds. A stale revision is reported before a value that does not fit the type.',
    requestSchema: 'AgentSecretUpdate',
    responseSchema: 'AgentSecretDto',
    responseDescription: 'The secret as it is now, one revision on.',
    messages: forbidden('Update'),
    headers: ['Idempotency-Key'],
    errorCodes: [
      ...OF_SECRETS,
      'AGENT_SECRET_NOT_FOUND',
      'CONCURRENT_UPDATE',
      'AGENT_SECRET_VALUE_TYPE_MISMATCH',
      'AGENT_SECRET_VALUE_DESTROYED',
      'AGENT_SECRET_VALUE_UNREADABLE',
      'ENVIRONMENT_KEY_UNREADABLE',
      'LIMIT_EXCEEDED',
      'IDEMPOTENCY_KEY_REUSED',
    ],
  },
  delete_agent_secret: {
    description:
      'Deletes the secret, if `current_revision` still is its revision. Afterwards its id is unknown and its path is free. Mind the path of this operation: `agent-secret` is singular here.',
    responseSchema: 'AgentSecretDto',
    responseDescription: 'The deleted secret, one revision on and without its value.',
    messages: forbidden('Delete'),
    query: ['current_revision'],
    headers: ['Idempotency-Key'],
    errorCodes: [
      ...OF_SECRETS,
      'AGENT_SECRET_NOT_FOUND',
      'CONCURRENT_UPDATE',
      'IDEMPOTENCY_KEY_REUSED',
      'ENVIRONMENT_KEY_UNREADABLE',
    ],
  },
  watch_environment_agent_secrets: {
    description:
      'Every write of the environment’s secrets as a server-sent event: in order, without gaps, one event for what was written at once; never with a value. The stream tells those behind `after` first, then live ones. Without `after` it begins with the revision that now is and no changes. A client whose connection breaks goes on behind the last `id` that it has: an `EventSource` does so by itself.\n\nComments keep a silent connection alive. An event `end` says why there will be no more: its data is what a refusal has as its body, for example with the code `AUTH_UNAUTHORIZED` when the token was revoked, or `UNAVAILABLE` when the service stops. An `EventSource` (`Accept: text/event-stream`) that cannot be served just now is answered 200 with such an event instead of 429 or 503, so that it comes back.\n\nAn `id` is the revision and some of the log’s hash up to it. When the database has gone back, by a restore or a failover, the log no longer has what the stream has told: then the answer, or the event `end`, has the code `CHANGE_HISTORY_LOST`. Read the list anew, then watch without `after`.',
    responseSchema: 'AgentSecretChangeStream',
    responseDescription: 'The stream.',
    messages: forbidden('View'),
    query: ['after'],
    headers: ['Last-Event-ID'],
    errorCodes: [...OF_SECRETS, 'ENVIRONMENT_NOT_FOUND', 'CHANGE_HISTORY_LOST'],
  },
  ...GOLEM_OPERATIONS,
} as const satisfies Record<OperationId, Description>;

const ALL_EXAMPLES: Record<OperationId, Example> = { ...EXAMPLES, ...GOLEM_EXAMPLES };

export function exampleFor(operationId: OperationId): Example {
  return ALL_EXAMPLES[operationId];
}

export function describedAs(operationId: OperationId): Description {
  return OPERATIONS[operationId];
}
