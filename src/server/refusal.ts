// The response for a refusal that was thrown before the request reached its door, in the form of that door.
import type { AppError } from '../errors/errors.js';
import { isTransient } from '../errors/refusals.js';
import { refusedRequest, unauthenticatedRequest } from '../graphql/engine/refused-request.js';
import { isEventSource } from '../http/event-stream.js';
import { requestPath } from '../http/request-path.js';
import { problem } from '../rest/problem.js';
import { refusedStream } from '../rest/stream.js';

/**
 * An outage that is met before an operation has begun looks as if it was met by the operation: whether the database is
 * asked who the caller is depends on what this process has cached.
 */
export function refusalResponse(request: Request, error: AppError): Response {
  const { code, message, details } = error;
  if (requestPath(request) !== '/graphql') return refusedStream(request, error);
  const isOperation = request.method === 'GET' || request.method === 'POST';
  const isForStream = isTransient(code) && isEventSource(request);
  if (isForStream || (isOperation && code === 'UNAVAILABLE')) {
    return refusedRequest(request, { code, message, retryAfter: details.retryAfter });
  }
  if (isOperation && code === 'AUTH_UNAUTHORIZED') return unauthenticatedRequest(request, message);
  return problem(error);
}
