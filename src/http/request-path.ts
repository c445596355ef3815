// The path of a request as the client sent it. `Request` and `URL` resolve dot segments, and routers decode escapes.
import type { IncomingMessage } from 'node:http';

const ORIGIN = /^https?:\/\/[^/?#]+/;
const DOT_SEGMENT = /\/(\.|%2e){1,2}(\/|$)/i;
/** Matches no route. */
const NO_PATH = '//';

/**
 * The path by which a request is routed: literally as it was sent, so that what a proxy in front allows or refuses by
 * path is what is served here. A path with dot segments matches no route.
 */
export function requestPath(request: Request, options?: { env?: unknown }): string {
  const incoming = (options?.env as { incoming?: IncomingMessage } | undefined)?.incoming;
  const target = (incoming?.url ?? request.url).replace(ORIGIN, '');
  const end = target.search(/[?#]/);
  const path = (end === -1 ? target : target.slice(0, end)) || '/';
  return DOT_SEGMENT.test(path) ? NO_PATH : path;
}
