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

/** A request that does not have the right shape; one entry per problem. */
export function invalidRequest(...problems: string[]): AppError {
  return new AppError('INVALID_REQUEST', problems.join('; '), { problems });
}

const NOUNS = {
  account: ['ACCOUNT_NOT_FOUND', 'Account'],
  plan: ['PLAN_NOT_FOUND', 'Plan'],
  application: ['APPLICATION_NOT_FOUND', 'Application'],
  environment: ['ENVIRONMENT_NOT_FOUND', 'Environment'],
  environmentShare: ['ENVIRONMENT_SHARE_NOT_FOUND', 'Environment share'],
  token: ['TOKEN_NOT_FOUND', 'Token'],
  agentSecret: ['AGENT_SECRET_NOT_FOUND', 'Agent secret'],
} as const satisfies Record<string, readonly [ErrorCode, string]>;

/** Unknown, deleted, or none of the caller's business: one answer for all three. */
export function notFound(noun: keyof typeof NOUNS, id: string): AppError {
  const [code, label] = NOUNS[noun];
  return new AppError(code, `${label} ${id} not found`);
}

export function unauthorized(): AppError {
  return new AppError('AUTH_UNAUTHORIZED', 'Could not authenticate user using token');
}

export function forbidden(message: string): AppError {
  return new AppError('AUTH_FORBIDDEN', message);
}

export function alreadyExists(what: string): AppError {
  return new AppError('ALREADY_EXISTS', `${what} already exists`);
}

export function limitExceeded(message: string): AppError {
  return new AppError('LIMIT_EXCEEDED', message);
}

export function unavailable(message: string, retryAfter = 2): AppError {
  return new AppError('UNAVAILABLE', message, { retryAfter });
}
