// Every request has an id, made once: the caller's own where it is harmless, else a fresh one. Answers and log lines tell it.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const HEADER = 'x-request-id';
const HARMLESS = /^[A-Za-z0-9._-]{1,128}$/;

/** Names the request in its answer, whoever writes that. Set on the raw response: a `Response` would have to be copied. */
export function nameRequest(incoming: IncomingMessage, outgoing: ServerResponse): string {
  const requestId = requestIdFrom(incoming.headers[HEADER]);
  outgoing.setHeader(HEADER, requestId);
  return requestId;
}

export function requestIdFrom(given: unknown): string {
  return typeof given === 'string' && HARMLESS.test(given) ? given : randomUUID();
}

/** The id that its answer has been given. */
export function requestIdIn(outgoing: { getHeader(name: string): unknown }): string | undefined {
  return outgoing.getHeader(HEADER) as string | undefined;
}

/** The id of a request inside the app, which may have no server around it. */
export function requestIdOf({ req, env }: { req: { header(name: string): string | undefined }; env: unknown }): string {
  const { outgoing } = (env ?? {}) as { outgoing?: ServerResponse };
  return (outgoing && requestIdIn(outgoing)) ?? requestIdFrom(req.header(HEADER));
}
