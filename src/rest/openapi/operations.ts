// What the table of routes cannot tell about its operations: meaning, bodies, and the refusals that are their own.
import type { ErrorCode } from '../../errors/errors.js';
import type { OperationId } from '../operation-id.js';
import { UINT64 } from './types.js';

interface Description {
  /** CommonMark. */
  description: string;
  /** Names of schemas. */
  takes?: 'AgentSecretCreation' | 'AgentSecretUpdate';
  answers: 'AgentSecretDto' | 'Page_AgentSecretDto' | 'AgentSecretChangeStream';
  /** What a 200 tells. */
  answer: string;
  query?: readonly ParameterName[];
  /** Headers that a request may have. */
  headers?: readonly ParameterName[];
  /** Its answer has an `ETag`, by which it need not be sent again. */
  isConditional?: boolean;
  /** What the caller must be allowed to do. */
  action: 'View' | 'Create' | 'Update' | 'Delete';
  refuses: readonly ErrorCode[];
}

const OPERATIONS = {
  list_environment_agent_secrets: {
    description:
      'Every secret of the environment with its type and its value, in the order of their paths. The answer’s `ETag` changes with every write; who sends it back as `If-None-Match` is answered 304 without a body until then. Open to the environment’s owner and to shares with the role admin or deployer; a viewer is answered 403, everybody else 404.',
    answers: 'Page_AgentSecretDto',
    answer: 'All secrets that are not deleted.',
    action: 'View',
    headers: ['If-None-Match'],
    isConditional: true,
    refuses: ['ENVIRONMENT_NOT_FOUND'],
  },
  create_agent_secret: {
    description:
      'A secret has a path, which names it among the secrets of its environment, a type, which it keeps for good, and perhaps a value. A value that does not fit the type is reported before a path that is taken.',
    takes: 'AgentSecretCreation',
    answers: 'AgentSecretDto',
    answer: 'The new secret, at revision 0.',
    action: 'Create',
    headers: ['Idempotency-Key'],
    refuses: [
      'ENVIRONMENT_NOT_FOUND',
      'AGENT_SECRET_VALUE_TYPE_MISMATCH',
      'AGENT_SECRET_ALREADY_EXISTS',
      'LIMIT_EXCEEDED',
      'CONCURRENT_UPDATE',
      'IDEMPOTENCY_KEY_REUSED',
    ],
  },
  get_agent_secret: {
    description:
      'One secret with its type and its value. For callers without the rights of an owner, admin or deployer it does not exist: they are answered 404, here and when they update or delete it.',
    answers: 'AgentSecretDto',
    answer: 'The secret.',
    action: 'View',
    refuses: ['AGENT_SECRET_NOT_FOUND'],
  },
  update_agent_secret: {
    description:
      'Sets, removes or keeps the value, if `currentRevision` still is the secret’s revision: of several writers who name the same one, exactly one succeeds. A stale revision is reported before a value that does not fit the type.',
    takes: 'AgentSecretUpdate',
    answers: 'AgentSecretDto',
    answer: 'The secret as it is now, one revision on.',
    action: 'Update',
    headers: ['Idempotency-Key'],
    refuses: [
      'AGENT_SECRET_NOT_FOUND',
      'CONCURRENT_UPDATE',
      'AGENT_SECRET_VALUE_TYPE_MISMATCH',
      'AGENT_SECRET_VALUE_DESTROYED',
      'LIMIT_EXCEEDED',
      'IDEMPOTENCY_KEY_REUSED',
    ],
  },
  delete_agent_secret: {
    description:
      'Deletes the secret, if `current_revision` still is its revision. Afterwards its id is unknown and its path is free. Mind the path of this operation: `agent-secret` is singular here.',
    answers: 'AgentSecretDto',
    answer: 'The deleted secret, one revision on and without its value.',
    action: 'Delete',
    query: ['current_revision'],
    headers: ['Idempotency-Key'],
    refuses: ['AGENT_SECRET_NOT_FOUND', 'CONCURRENT_UPDATE', 'IDEMPOTENCY_KEY_REUSED'],
  },
  watch_environment_agent_secrets: {
    description:
      'Every write of the environment’s secrets as a server-sent event: in order, without gaps, one event for what was written at once; never with a value. The stream tells those behind `after` first, then live ones. Without `after` it begins with the revision that now is and no changes. A client whose connection breaks goes on behind the last `id` that it has: an `EventSource` does so by itself.\n\nComments keep a silent connection alive. An event `end` says why there will be no more: its data is what a refusal has as its body, for example with the code `AUTH_UNAUTHORIZED` when the token was revoked, or `UNAVAILABLE` when the service stops.',
    answers: 'AgentSecretChangeStream',
    answer: 'The stream.',
    action: 'View',
    query: ['after'],
    headers: ['Last-Event-ID'],
    refuses: ['ENVIRONMENT_NOT_FOUND'],
  },
} as const satisfies Record<OperationId, Description>;

export function describedAs(operationId: OperationId): Description {
  return OPERATIONS[operationId];
}

export const PARAMETERS = {
  environment_id: { description: 'The environment.', schema: { type: 'string', format: 'uuid' } },
  agent_secret_id: { description: 'The secret.', schema: { type: 'string', format: 'uuid' } },
  current_revision: {
    description: 'The revision that the caller has seen, in plain decimal digits.',
    schema: UINT64,
  },
  after: {
    description:
      'The environment’s revision to go on behind, in plain decimal digits. Inside of what was written at once it counts as before that.',
    required: false,
    schema: UINT64,
  },
  'Last-Event-ID': {
    description: 'The last `id` that the client has; counts instead of `after`.',
    schema: UINT64,
  },
  'If-None-Match': {
    description: 'The `ETag` of an earlier answer, several of them, or `*`.',
    schema: { type: 'string' },
  },
  'Idempotency-Key': {
    description:
      'Makes the write safe to repeat: for 24 hours, the same request with the same key answers what the first one did, from any credential of the account that may see the same values. The caller’s own choice of 1 to 255 visible ASCII characters.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
  },
} as const;

export type ParameterName = keyof typeof PARAMETERS;
