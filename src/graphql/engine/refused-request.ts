// The response to a GraphQL request that is refused as a whole because of something that passes.
import type { ErrorCode } from '../../errors/errors.js';
import { endedStream, isEventSource } from '../../http/event-stream.js';
import { retryAfterHeader, retryLine } from '../../http/retry-after.js';
import { printJson } from '../../json/print.js';
import { UNAUTHENTICATED_HTTP } from './caller-needed.js';
import { transientStatus } from './errors.js';
import { plainResponseType, refusalType } from './http.js';

export interface TransientRefusal {
  code: ErrorCode;
  message: string;
  retryAfter: number | undefined;
}

/**
 * 503 or 429, with Retry-After, which `graphql-sse` tries again. An `EventSource` would give up for good: it is answered
 * a stream that ends, with the reason in a comment.
 */
export function refusedRequest(request: Request, { code, message, retryAfter }: TransientRefusal): Response {
  if (isEventSource(request)) return endedStream(endComment({ code, message, retryAfter }), retryAfter);
  const extensions = retryAfter === undefined ? { code } : { code, retryAfter };
  return new Response(printJson({ errors: [{ message, extensions }] }), {
    status: transientStatus(code),
    headers: {
      'content-type': `${plainResponseType(request) ?? 'application/json'}; charset=utf-8`,
      'cache-control': 'no-store',
      ...retryAfterHeader(retryAfter),
    },
  });
}

/** 401 to a request whose operation needs a caller, whatever kind of answer it has asked for. */
export function unauthenticatedRequest(request: Request, message: string): Response {
  const extensions = { code: 'AUTH_UNAUTHORIZED' satisfies ErrorCode };
  return new Response(printJson({ errors: [{ message, extensions }] }), {
    status: UNAUTHENTICATED_HTTP.status,
    headers: {
      'content-type': `${refusalType(request)}; charset=utf-8`,
      'cache-control': 'no-store',
      ...UNAUTHENTICATED_HTTP.headers,
    },
  });
}

/**
 * Says why a stream ends, to whoever looks. An event would be taken for a result, and the last one, `complete`, for the
 * end of the subscription: without it, `graphql-sse` connects again.
 */
export function endComment({ code, message, retryAfter }: TransientRefusal): string {
  return `: ${code} ${message}\n${retryLine(retryAfter)}\n`;
}
