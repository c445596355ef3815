// The route /graphql: rate limit, authentication and content negotiation before a request reaches the GraphQL pipeline.
import { Hono, type Context as HonoContext } from 'hono';
import type { Context } from '../domain/request/context.js';
import { AppError } from '../errors/errors.js';
import { invalidRequest, unauthorized } from '../errors/refusals.js';
import type { GraphQLPipeline } from '../graphql/engine/pipeline.js';
import { PLAIN_JSON, readBody, requireJson } from '../http/body.js';
import { methodNotAllowed, problem } from '../rest/problem.js';

export interface GraphqlRoutesOptions {
  pipeline: GraphQLPipeline;
  /** Rejects with RATE_LIMITED if the client has sent too many requests. */
  guard(c: HonoContext): Promise<void>;
  context(c: HonoContext, door: 'graphql'): Context | Promise<Context>;
}

export function createGraphqlRoutes({ pipeline, guard, context }: GraphqlRoutesOptions): Hono {
  const app = new Hono();
  app.on(['GET', 'POST'], '/graphql', async (c) => {
    await guard(c);
    const ctx = await context(c, 'graphql');
    const { raw } = c.req;
    const request = ctx.actor || raw.method !== 'POST' ? raw : await withSmallBody(raw);
    if (!acceptsResponse(c.req.header('accept'))) return notAcceptable();
    // Prevents CSRF: browsers send forms, multipart and plain text to other origins without a CORS preflight request,
    // but not JSON. GraphQL requests are always JSON here.
    if (c.req.method === 'POST') requireJson(raw.headers, PLAIN_JSON);
    return raw.method === 'HEAD' ? headOf(raw, pipeline, ctx) : pipeline.fetch(request, ctx);
  });
  app.all('/graphql', () => problem(methodNotAllowed(), { allow: 'GET, HEAD, POST' }));
  return app;
}

/** More than any document that needs no caller, such as introspection. */
const MAX_ANONYMOUS_BYTES = 16 * 1024;

/**
 * The request of a caller without a valid credential, with its body in memory. AUTH_UNAUTHORIZED, without reading
 * further, if the body is large: its parsing would cost more than anybody may cause.
 */
async function withSmallBody(request: Request): Promise<Request> {
  try {
    const body = (await readBody(request, MAX_ANONYMOUS_BYTES)) as Uint8Array<ArrayBuffer>;
    return new Request(request.url, { method: request.method, headers: request.headers, body });
  } catch (error) {
    if (error instanceof AppError && error.code === 'PAYLOAD_TOO_LARGE') throw unauthorized();
    throw error;
  }
}

/** Runs the request as GET and drops the body, because Yoga does not support HEAD. */
async function headOf({ url, headers }: Request, pipeline: GraphQLPipeline, ctx: Context): Promise<Response> {
  const { status, headers: responseHeaders, body } = await pipeline.fetch(new Request(url, { headers }), ctx);
  // The body may be a stream, which nothing else would end.
  await body?.cancel();
  return new Response(null, { status, headers: [...responseHeaders] });
}

const RESPONSE_TYPE =
  /^(\*\/\*|application\/(\*|json|graphql-response\+json)|text\/(\*|event-stream)|multipart\/mixed)$/;

/** Whether the client accepts any media type of GraphQL responses. Checked first, so that no operation runs in vain. */
function acceptsResponse(accept: string | undefined): boolean {
  if (!accept) return true;
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return RESPONSE_TYPE.test(type) && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

function notAcceptable(): Response {
  return problem(invalidRequest('Accept: expected application/json or application/graphql-response+json'), {}, 406);
}
