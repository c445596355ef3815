// The route /graphql: rate limit, content negotiation and authentication before a request reaches the GraphQL pipeline.
import { Hono, type Context as HonoContext } from 'hono';
import type { Context } from '../domain/request/context.js';
import { invalidRequest } from '../errors/refusals.js';
import type { GraphQLPipeline } from '../graphql/engine/pipeline.js';
import { requireJson } from '../http/body.js';
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
    if (!acceptsResponse(c.req.header('accept'))) return notAcceptable();
    // Prevents CSRF: browsers send forms, multipart and plain text to other origins without a CORS preflight request,
    // but not JSON. GraphQL requests are always JSON here.
    if (c.req.method === 'POST') requireJson(c.req.raw.headers);
    const ctx = await context(c, 'graphql');
    return c.req.raw.method === 'HEAD' ? headOf(c.req.raw, pipeline, ctx) : pipeline.fetch(c.req.raw, ctx);
  });
  app.all('/graphql', () => problem(methodNotAllowed(), { allow: 'GET, HEAD, POST' }));
  return app;
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
