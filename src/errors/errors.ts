// The closed list of error codes, and the error class that carries them. GraphQL and REST each translate the codes in
// one place.

/** The codes are a public contract and never change: GraphQL shows them as `extensions.code`, REST as `code`. */
export const ERROR_CODES = [
  'INVALID_REQUEST',
  'AGENT_SECRET_VALUE_TYPE_MISMATCH',
  'AUTH_UNAUTHORIZED',
  'AUTH_FORBIDDEN',
  'NOT_FOUND',
  'ACCOUNT_NOT_FOUND',
  'PLAN_NOT_FOUND',
  'APPLICATION_NOT_FOUND',
  'ENVIRONMENT_NOT_FOUND',
  'ENVIRONMENT_SHARE_NOT_FOUND',
  'TOKEN_NOT_FOUND',
  'AGENT_SECRET_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'ALREADY_EXISTS',
  'AGENT_SECRET_ALREADY_EXISTS',
  'AGENT_SECRET_REVISION_NOT_FOUND',
  'AGENT_SECRET_VALUE_DESTROYED',
  'AGENT_SECRET_VALUE_UNREADABLE',
  'ENVIRONMENT_KEY_UNREADABLE',
  'CONCURRENT_UPDATE',
  'CHANGE_HISTORY_LOST',
  'IDEMPOTENCY_KEY_REUSED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'LIMIT_EXCEEDED',
  'RESPONSE_TOO_LARGE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'INTERNAL_UNKNOWN',
  'UNAVAILABLE',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What an error may carry besides its message; never any part of a secret value. */
export interface ErrorDetails {
  /** One entry per problem; REST shows them as `errors`. */
  problems?: readonly string[];
  /** The current revision, when the writer has named an outdated one. */
  currentRevision?: bigint;
  /** The secrets whose values do not open. */
  agentSecretIds?: readonly string[];
  /** The environment whose keys do not open. */
  environmentId?: string;
  /** Seconds after which a retry makes sense. */
  retryAfter?: number;
  /** What the log says besides; callers are not shown it. */
  forOperator?: string;
  /** The error is part of normal operation and is not logged. */
  isRoutine?: boolean;
}

/**
 * An expected error. Anything else that is thrown is a bug and is shown as INTERNAL_UNKNOWN. It has no stack trace: its
 * code and message say everything, and a caller can make thousands of them with one request.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    // graphql-js would format the stack of its own error, only to replace it by this one.
    this.stack = '';
    this.name = 'AppError';
    this.code = code;
    this.details = details;
  }
}
