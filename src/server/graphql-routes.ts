// The route /graphql: what is refused before the GraphQL engine sees a request.
import { Hono, type Context as HonoContext } from 'hono';
import type { Context } from '../domain/request/context.js';
import { invalidRequest } from '../errors/refusals.js';
import type { GraphQLPipeline } from '../graphql/engine/pipeline.js';
import { requireJson } from '../http/body.js';
import { methodNotAllowed, problem } from '../rest/problem.js';

export interface GraphqlRoutesOptions {
  pipeline: GraphQLPipeline;
  /** Rejects with RATE_LIMITED when the client has asked too often. */
  guard(c: HonoContext): Promise<void>;
  context(c: HonoContext, door: 'graphql'): Context | Promise<Context>;
}

export function createGraphqlRoutes({ pipeline, guard, context }: GraphqlRoutesOptions): Hono {
  const app = new Hono();
  app.on(['GET', 'POST'], '/graphql', async (c) => {
    await guard(c);
    if (!acceptsAnswer(c.req.header('accept'))) return notAcceptable();
    // Forms, multipart and plain text need no permission to cross origins; JSON does. Nothing else is a GraphQL request.
    if (c.req.method === 'POST') requireJson(c.req.raw.headers);
    const ctx = await context(c, 'graphql');
    return c.req.raw.method === 'HEAD' ? headOf(c.req.raw, pipeline, ctx) : pipeline.fetch(c.req.raw, ctx);
  });
  app.all('/graphql', () => problem(methodNotAllowed(), { allow: 'GET, HEAD, POST' }));
  return app;
}

/** What GET would answer, without the body: Yoga knows no HEAD. */
async function headOf({ url, headers }: Request, pipeline: GraphQLPipeline, ctx: Context): Promise<Response> {
  const { status, headers: told, body } = await pipeline.fetch(new Request(url, { headers }), ctx);
  // Of a stream, too: nobody would end it.
  await body?.cancel();
  return new Response(null, { status, headers: [...told] });
}

const ANSWER_TYPE = /^(\*\/\*|application\/(\*|json|graphql-response\+json)|text\/(\*|event-stream)|multipart\/mixed)$/;

/** Whether the client takes any of the types that a GraphQL answer may have; asked first, so that nothing is done in vain. */
function acceptsAnswer(accept: string | undefined): boolean {
  if (!accept) return true;
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return ANSWER_TYPE.test(type) && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

function notAcceptable(): Response {
  return problem(invalidRequest('Accept: expected application/json or application/graphql-response+json'), {}, 406);
}
