// The response for a refusal that was thrown before the request reached its door, in the form of that door.
import type { AppError } from '../errors/errors.js';
import { plainResponseType } from '../graphql/engine/http.js';
import { requestPath } from '../http/request-path.js';
import { printJson } from '../json/print.js';
import { problem } from '../rest/problem.js';

/**
 * An outage that is met before an operation has begun looks as if it was met by the operation: whether the database is
 * asked who the caller is depends on what this process has cached.
 */
export function refusalResponse(request: Request, error: AppError): Response {
  const isGraphql = requestPath(request) === '/graphql' && (request.method === 'GET' || request.method === 'POST');
  return isGraphql && error.code === 'UNAVAILABLE' ? graphqlProblem(request, error) : problem(error);
}

function graphqlProblem(request: Request, { code, message, details: { retryAfter } }: AppError): Response {
  const extensions = retryAfter === undefined ? { code } : { code, retryAfter };
  return new Response(printJson({ errors: [{ message, extensions }] }), {
    status: 503,
    headers: {
      'content-type': `${plainResponseType(request) ?? 'application/json'}; charset=utf-8`,
      'cache-control': 'no-store',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
  });
}
