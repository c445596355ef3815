// Request ids: the client's own one if it is safe to log, otherwise a new UUID. Responses and log lines contain it.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const HEADER = 'x-request-id';
const SAFE_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Sets the request id on the raw Node response, so that every response has it, whichever code creates it. Adding it to
 * a `Response` would require a copy.
 */
export function nameRequest(incoming: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.setHeader(HEADER, requestIdFrom(incoming.headers[HEADER]));
}

export function requestIdFrom(given: unknown): string {
  return typeof given === 'string' && SAFE_ID.test(given) ? given : randomUUID();
}

/** The request id that was set on a response. */
export function requestIdIn(outgoing: { getHeader(name: string): unknown }): string | undefined {
  return outgoing.getHeader(HEADER) as string | undefined;
}

/** The id of a request inside the app. If the app runs without a server, it comes from the request's header. */
export function requestIdOf({ req, env }: { req: { header(name: string): string | undefined }; env: unknown }): string {
  const { outgoing } = (env ?? {}) as { outgoing?: ServerResponse };
  return (outgoing && requestIdIn(outgoing)) ?? requestIdFrom(req.header(HEADER));
}
