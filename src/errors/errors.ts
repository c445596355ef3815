// The closed list of refusals and the one class that carries them. Each door translates the codes once.

/** Permanent codes: GraphQL shows them as `extensions.code`, REST as `code`. */
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
  'CONCURRENT_UPDATE',
  'IDEMPOTENCY_KEY_REUSED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'LIMIT_EXCEEDED',
  'INTERNAL_UNKNOWN',
  'UNAVAILABLE',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What a refusal may tell besides its message; never any part of a secret value. */
export interface ErrorDetails {
  /** One entry per problem; the REST door shows them as `errors`. */
  problems?: readonly string[];
  /** The revision a stale writer should have named. */
  currentRevision?: bigint;
  /** Seconds after which a retry makes sense. */
  retryAfter?: number;
  /** Nothing is wrong: not worth a line in the log. */
  isRoutine?: boolean;
}

/** An expected refusal. Anything else that is thrown is a bug and is shown as INTERNAL_UNKNOWN. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.name = 'AppError';
    this.code = code;
    this.details = details;
  }
}
