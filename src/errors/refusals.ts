// Functions that create the expected errors, named so that a throw statement reads naturally:
// `throw notFound('agentSecret', id)`.
import { AppError, type ErrorCode } from './errors.js';

/** Whether the same request may succeed later, without a change of it or of anything else that the caller does. */
export function isTransient(code: unknown): boolean {
  return code === 'UNAVAILABLE' || code === 'RATE_LIMITED';
}

/** The request is malformed; one argument per problem. */
export function invalidRequest(...problems: string[]): AppError {
  return new AppError('INVALID_REQUEST', problems.join('; '), { problems });
}

const RESOURCES = {
  account: ['ACCOUNT_NOT_FOUND', 'Account'],
  plan: ['PLAN_NOT_FOUND', 'Plan'],
  application: ['APPLICATION_NOT_FOUND', 'Application'],
  environment: ['ENVIRONMENT_NOT_FOUND', 'Environment'],
  environmentShare: ['ENVIRONMENT_SHARE_NOT_FOUND', 'Environment share'],
  token: ['TOKEN_NOT_FOUND', 'Token'],
  agentSecret: ['AGENT_SECRET_NOT_FOUND', 'Agent secret'],
} as const satisfies Record<string, readonly [ErrorCode, string]>;

/** The object does not exist, is deleted, or may not be seen by the caller: the error is the same for all three. */
export function notFound(resource: keyof typeof RESOURCES, id: string): AppError {
  const [code, label] = RESOURCES[resource];
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

/** The refusal with what has led to it: for the log, callers are not shown it. */
export function withCause(refusal: AppError, cause: unknown): AppError {
  refusal.cause = cause;
  return refusal;
}

/**
 * What is stored as the values of these secrets does not open. The cause says what is wrong with the first of them; it is
 * for the log.
 */
export function valuesUnreadable(ids: readonly string[], cause: unknown): AppError {
  const what =
    ids.length === 1 ? `The value of agent secret ${ids[0]}` : `The values of agent secrets ${ids.join(', ')}`;
  const refusal = new AppError('AGENT_SECRET_VALUE_UNREADABLE', `${what} cannot be opened`, { agentSecretIds: ids });
  return withCause(refusal, cause);
}

/** Nothing can be sealed, because the environment's keys do not open. The cause says why; it is for the log. */
export function environmentKeyUnreadable(environmentId: string, cause: unknown): AppError {
  const message = `The key of environment ${environmentId} cannot be opened`;
  return withCause(new AppError('ENVIRONMENT_KEY_UNREADABLE', message, { environmentId }), cause);
}
