// Handles REST requests: authenticates, reads the request, executes the route's GraphQL document in-process, and sends
// the body or the error.

import type { DocumentNode, ExecutionResult } from 'graphql';
import { Hono, type Context as HonoContext } from 'hono';
import { AppError, type ErrorCode } from '../errors/errors.js';
import { unauthorized } from '../errors/refusals.js';
import type { Reservation } from '../http/body.js';
import { matchesTag } from '../http/entity-tag.js';
import { EVENT_STREAM_HEADERS } from '../http/event-stream.js';
import { printBody } from '../json/print-portions.js';
import { nameOperation, noteCode } from '../logging/exchange.js';
import { GOLEM_ROUTES } from './golem-routes.js';
import { JSON_TYPE, methodNotAllowed, problem } from './problem.js';
import { jsonBody } from './request.js';
import type { Incoming, Refused, Route } from './route.js';
import { ROUTES } from './routes.js';
import { refusedStream, streamEvents } from './stream.js';
import { STREAMS, type StreamRoute } from './streams.js';

/** What the REST API needs from the application. It depends on GraphQL documents and errors only, not on the domain. */
export interface RestOptions<Ctx> {
  /** Creates the context of a request, with its caller if it is authenticated. */
  context(c: HonoContext, door: 'rest' | 'stream'): Ctx | Promise<Ctx>;
  /** Rejects clients that send too many requests. Called after routing and before everything else. */
  guard(c: HonoContext): Promise<void>;
  isAuthenticated(ctx: Ctx): boolean;
  run(document: DocumentNode, variables: Record<string, unknown>, ctx: Ctx): Promise<ExecutionResult>;
  /** Starts a subscription; resolves to a single result with errors if the stream cannot begin. */
  subscribe(
    document: DocumentNode,
    variables: Record<string, unknown>,
    ctx: Ctx,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
  maxBodyBytes: number;
  /** Where the memory of a large body is counted; UNAVAILABLE when there is none for too long. */
  reservation(ctx: Ctx): Reservation | undefined;
}

/** Routes for all operations below `/v1`, and status 405 for other methods on their paths. */
export function createRestRoutes<Ctx>(options: RestOptions<Ctx>): Hono {
  const app = new Hono();
  const routes = [...ROUTES, ...GOLEM_ROUTES];
  for (const route of routes) {
    app.on(route.method, route.path, (c) => handle(route.narrowed?.(c.req.raw) ?? route, c, options));
  }
  for (const stream of STREAMS) app.get(stream.path, (c) => handleStream(stream, c, options));
  const all = [...routes, ...STREAMS];
  for (const path of new Set(all.map((route) => route.path))) {
    const methods = all.filter((route) => route.path === path).map((route) => route.method);
    const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
    app.all(path, () => problem(methodNotAllowed(), { allow }));
  }
  return app;
}

/** The status of a response that nobody reads; it is for the log. */
const CLIENT_GONE = 499;

async function handle<Ctx>(route: Route, c: HonoContext, options: RestOptions<Ctx>): Promise<Response> {
  const exchange = nameOperation(c.env, 'rest', route.operationId);
  await options.guard(c);
  const ctx = await options.context(c, 'rest');
  const incoming: Incoming = {
    request: c.req.raw,
    parameter: (name) => c.req.param(name) as string,
    body: () => jsonBody(c.req.raw, options.maxBodyBytes, options.reservation(ctx)),
  };
  const refuse = (error: AppError) => {
    noteCode(exchange, error.code);
    return problem(inWordsOf(route, incoming, error));
  };
  if (!options.isAuthenticated(ctx)) return refuse(unauthorized());
  const variables = await route.variables(incoming);
  const ifNoneMatch = route.tag && c.req.header('if-none-match');
  if (route.tag && ifNoneMatch !== undefined) {
    const { data, errors } = await options.run(route.tag.document, variables, ctx);
    if (errors?.[0]) return refuse(refusalOf(errors[0].extensions, errors[0].message));
    const headers = tagHeaders(route, data as never);
    if (matchesTag(ifNoneMatch, headers.etag)) return new Response(null, { status: 304, headers });
  }
  const pages: never[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = after === undefined ? variables : { ...variables, after };
    const { data, errors } = await options.run(route.document, page, ctx);
    // The GraphQL pipeline has already reported the errors in its results. Thrown errors are reported by the app.
    if (errors?.[0]) return refuse(refusalOf(errors[0].extensions, errors[0].message));
    pages.push(data as never);
    after = route.next?.(data as never, pages.length) ?? null;
    // Nobody reads the rest.
    if (after !== null && c.req.raw.signal.aborted) return new Response(null, { status: CLIENT_GONE });
  }
  const body = route.body(...pages);
  if (body === null) throw new Error(`${route.operationId} answered nothing`);
  if (isRefused(body)) return refuse(refusalOf({ ...body.refused }, body.refused.message));
  const headers = { 'content-type': JSON_TYPE, 'cache-control': 'no-store' };
  return new Response(printBody(body), {
    headers: route.tag ? { ...headers, ...tagHeaders(route, pages[0] as never) } : headers,
  });
}

/** The error with the message that the route has for its code, if it has one. */
function inWordsOf(route: Route, incoming: Incoming, error: AppError): AppError {
  const message = route.messages?.[error.code];
  return message ? new AppError(error.code, message(incoming), error.details) : error;
}

/**
 * `no-store` keeps secrets out of caches; clients that keep a list themselves can still revalidate it with the ETag.
 * The list depends on the caller, hence `Vary`.
 */
function tagHeaders(route: Route, data: never) {
  return { etag: `"${route.tag?.of(data)}"`, 'cache-control': 'no-store', vary: 'authorization, cookie' };
}

async function handleStream<Ctx>(stream: StreamRoute, c: HonoContext, options: RestOptions<Ctx>): Promise<Response> {
  const exchange = nameOperation(c.env, 'stream', stream.operationId);
  await options.guard(c);
  const ctx = await options.context(c, 'stream');
  if (!options.isAuthenticated(ctx)) throw unauthorized();
  const variables = stream.variables({ request: c.req.raw, parameter: (name) => c.req.param(name) as string });
  const results = await options.subscribe(stream.document, variables, ctx);
  if (!(Symbol.asyncIterator in results)) {
    const error = results.errors?.[0];
    const refusal = refusalOf({ ...error?.extensions }, error?.message ?? 'Internal error');
    noteCode(exchange, refusal.code);
    return refusedStream(c.req.raw, refusal);
  }
  if (c.req.raw.method !== 'HEAD') return streamEvents(stream, results, refusalOf);
  await results.return?.();
  return new Response(null, { headers: EVENT_STREAM_HEADERS });
}

function isRefused(body: object | Refused): body is Refused {
  return 'refused' in body;
}

/** Restores an AppError from a GraphQL result, which contains it either as the extensions of an error or as data. */
function refusalOf(extensions: { readonly [key: string]: unknown }, message: string): AppError {
  const problems = (extensions.problems as readonly string[] | undefined)?.map(withoutVariable);
  return new AppError((extensions.code as ErrorCode) ?? 'INTERNAL_UNKNOWN', message, {
    ...(problems ? { problems } : {}),
    ...(typeof extensions.retryAfter === 'number' ? { retryAfter: extensions.retryAfter } : {}),
  });
}

/** REST clients do not know the GraphQL variables, so `$input.secretType: …` becomes `secretType: …`. */
function withoutVariable(problem: string): string {
  return problem.replace(/^\$input\./, '');
}
