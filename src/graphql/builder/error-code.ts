// The GraphQL enum ErrorCode, with a description of every code.
import type { ErrorCode } from '../../errors/errors.js';
import { builder } from './builder.js';

const MEANINGS: Record<ErrorCode, string> = {
  INVALID_REQUEST: 'The request or its input is not acceptable; `problems` says where.',
  AGENT_SECRET_VALUE_TYPE_MISMATCH: 'The value does not fit the secret’s type; `problems` says where.',
  AUTH_UNAUTHORIZED: 'No valid credential.',
  AUTH_FORBIDDEN: 'The caller may know of it, but may not do this.',
  NOT_FOUND: 'There is nothing at this address.',
  ACCOUNT_NOT_FOUND: 'No such account for this caller.',
  PLAN_NOT_FOUND: 'No such plan for this caller.',
  APPLICATION_NOT_FOUND: 'No such application for this caller.',
  ENVIRONMENT_NOT_FOUND: 'No such environment for this caller.',
  ENVIRONMENT_SHARE_NOT_FOUND: 'No such share for this caller.',
  TOKEN_NOT_FOUND: 'No such token for this caller.',
  AGENT_SECRET_NOT_FOUND: 'No such secret for this caller.',
  METHOD_NOT_ALLOWED: 'The address takes other HTTP methods.',
  ALREADY_EXISTS: 'The name is taken.',
  AGENT_SECRET_ALREADY_EXISTS: 'The environment has a secret at this path already.',
  AGENT_SECRET_REVISION_NOT_FOUND: 'The secret has no such revision.',
  AGENT_SECRET_VALUE_DESTROYED: 'The value of this revision was erased for good.',
  AGENT_SECRET_VALUE_UNREADABLE:
    'What is stored as the value cannot be opened; `agentSecretIds` names the secrets. Others are not concerned.',
  ENVIRONMENT_KEY_UNREADABLE:
    'The environment’s key cannot be opened, so that no value can be sealed; whoever runs the service has to look after its master keys.',
  CHANGE_HISTORY_LOST:
    'The log no longer has what the stream has told: the database went back. Read the secrets anew, then watch from now on.',
  IDEMPOTENCY_KEY_REUSED: 'The idempotency key belongs to another request.',
  CONCURRENT_UPDATE: 'Somebody else wrote first; read again, then decide.',
  PAYLOAD_TOO_LARGE: 'The body is larger than this service takes.',
  UNSUPPORTED_MEDIA_TYPE: 'The body is not declared as JSON in UTF-8.',
  RATE_LIMITED: 'Too many requests; wait for `Retry-After`.',
  RESPONSE_TOO_LARGE: 'The answer would be larger than MAX_RESPONSE_BYTES; ask for less at a time.',
  PERSISTED_QUERY_NOT_FOUND: 'No document of this hash is known here: send the document along.',
  PERSISTED_QUERY_NOT_SUPPORTED: 'There are no persisted documents here: send documents, and no hashes.',
  LIMIT_EXCEEDED: 'A limit is reached: of the account’s plan, or a fixed one.',
  INTERNAL_UNKNOWN: 'A fault of this service; it is logged.',
  UNAVAILABLE: 'The database cannot be reached just now; try again later.',
};

export const ErrorCodeRef = builder.enumType('ErrorCode', {
  description: 'Permanent codes of refusals: `extensions.code` of errors, `code` of refusals and of REST bodies.',
  values: Object.fromEntries(
    Object.entries(MEANINGS).map(([code, description]) => [code, { value: code, description }]),
  ) as Record<ErrorCode, { value: ErrorCode; description: string }>,
});
