// Error responses of the REST API: the HTTP status of every error code, and the documented body.
import { AppError, type ErrorCode } from '../errors/errors.js';
import { retryAfterHeader } from '../http/retry-after.js';
import { printJson } from '../json/print.js';

export const STATUS: Record<ErrorCode, number> = {
  INVALID_REQUEST: 400,
  AGENT_SECRET_VALUE_TYPE_MISMATCH: 400,
  AUTH_UNAUTHORIZED: 401,
  AUTH_FORBIDDEN: 403,
  NOT_FOUND: 404,
  ACCOUNT_NOT_FOUND: 404,
  PLAN_NOT_FOUND: 404,
  APPLICATION_NOT_FOUND: 404,
  ENVIRONMENT_NOT_FOUND: 404,
  ENVIRONMENT_SHARE_NOT_FOUND: 404,
  TOKEN_NOT_FOUND: 404,
  AGENT_SECRET_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  ALREADY_EXISTS: 409,
  AGENT_SECRET_ALREADY_EXISTS: 409,
  AGENT_SECRET_REVISION_NOT_FOUND: 404,
  // Not 410, at which Golem’s tools stop for good.
  AGENT_SECRET_VALUE_DESTROYED: 409,
  CONCURRENT_UPDATE: 409,
  CHANGE_HISTORY_LOST: 409,
  IDEMPOTENCY_KEY_REUSED: 422,
  PERSISTED_QUERY_NOT_FOUND: 400,
  PERSISTED_QUERY_NOT_SUPPORTED: 400,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  LIMIT_EXCEEDED: 422,
  RESPONSE_TOO_LARGE: 422,
  RATE_LIMITED: 429,
  AGENT_SECRET_VALUE_UNREADABLE: 500,
  ENVIRONMENT_KEY_UNREADABLE: 500,
  INTERNAL_UNKNOWN: 500,
  UNAVAILABLE: 503,
};

export const JSON_TYPE = 'application/json; charset=utf-8';

/** The documented body of an error: `{code, errors}` for status 400, one message per problem, else `{code, error}`. */
export function problemBody(code: ErrorCode, status: number, message: string, problems?: readonly string[]): object {
  return status === 400 ? { code, errors: problems ?? [message] } : { code, error: message };
}

/** The response for an error. */
export function problem(error: AppError, headers: Record<string, string> = {}, status = STATUS[error.code]): Response {
  const { code, message, details } = error;
  return new Response(printJson(problemBody(code, status, message, details.problems)), {
    status,
    headers: {
      'content-type': JSON_TYPE,
      'cache-control': 'no-store',
      ...retryAfterHeader(details.retryAfter),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...headers,
    },
  });
}

export function notFoundRoute(): AppError {
  return new AppError('NOT_FOUND', 'Not found');
}

export function methodNotAllowed(): AppError {
  return new AppError('METHOD_NOT_ALLOWED', 'Method not allowed');
}
