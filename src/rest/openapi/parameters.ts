// The parameters of the operations: in the path, in the query, and in headers.
import { UINT64, UUID } from './types.js';

/** The id of an event, or a plain revision. */
const EVENT_ID = { type: 'string', pattern: '^[0-9]{1,20}(-[0-9a-f]{16})?$' } as const;

export const PARAMETERS = {
  environment_id: { description: 'The environment.', schema: UUID },
  agent_secret_id: { description: 'The secret.', schema: UUID },
  account_id: { description: 'The account.', schema: UUID },
  application_id: { description: 'The application.', schema: UUID },
  application_name: { description: 'The name of the application.', schema: { type: 'string' } },
  environment_name: { description: 'The name of the environment.', schema: { type: 'string' } },
  account_email: {
    description: 'Only environments of the account with this email or name.',
    required: false,
    schema: { type: 'string' },
  },
  app_name: {
    description: 'Only environments in applications of this name.',
    required: false,
    schema: { type: 'string' },
  },
  env_name: { description: 'Only environments of this name.', required: false, schema: { type: 'string' } },
  path: {
    description:
      'Only the secret at this path: canonical segments joined by dots, exactly as `path` of a secret shows them. One value, or none.',
    required: false,
    schema: { type: 'string' },
  },
  current_revision: {
    description: 'The revision that the caller has seen, in plain decimal digits.',
    schema: UINT64,
  },
  after: {
    description:
      'The `id` of the event to go on behind, or a revision of the environment in plain decimal digits. Inside of what was written at once a revision counts as before that.',
    required: false,
    schema: EVENT_ID,
  },
  'Last-Event-ID': {
    description: 'The last `id` that the client has; counts instead of `after`. Plain revisions are taken, too.',
    schema: EVENT_ID,
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
