// Composition root: both doors, health, docs and what guards them, as one Hono app. It never listens.
import { getConnInfo } from '@hono/node-server/conninfo';
import { Hono, type Context as HonoContext, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Config } from '../config/config.js';
import type { OidcConfig } from '../config/oidc.js';
import { createLoginCache, type LoginVerifier } from '../domain/access/login.js';
import type { Actor } from '../domain/request/actor.js';
import type { Context } from '../domain/request/context.js';
import type { Services } from '../domain/request/services.js';
import { AppError, invalidRequest } from '../errors/errors.js';
import { readManifest } from '../graphql/engine/persisted-documents.js';
import { createPipeline, type GraphQLPipeline } from '../graphql/engine/pipeline.js';
import { exampleTabs, SAMPLES_DOCUMENT, type Samples } from '../graphql/graphiql/examples.js';
import { createGraphiqlRoutes } from '../graphql/graphiql/graphiql.js';
import { schema } from '../graphql/schema.js';
import { requireJson } from '../http/body.js';
import { requestIdFrom, requestIdOf } from '../http/request-id.js';
import { createDocsRoutes } from '../rest/docs/docs.js';
import { createRestRoutes } from '../rest/handler.js';
import { JSON_TYPE, methodNotAllowed, notFoundRoute, problem } from '../rest/problem.js';
import { authenticate } from './authenticate.js';
import { createReport, logRequests } from './request-log.js';

export interface AppOptions {
  services: Services;
  config: Config;
  /**
   * What development mode lets GraphiQL use without asking, once it is known; never given in production or on a public
   * address.
   */
  development?(): { token: string; environmentId: string } | undefined;
}

export function createApp({ services, config, development = () => undefined }: AppOptions): Hono {
  const { log, bearers, db } = services;
  const report = createReport(log);
  const logins = config.oidc && createLoginCache(db, loginVerifier(config.oidc));
  const pipeline = createPipeline({
    schema,
    introspection: config.introspection,
    maxDepth: config.maxDepth,
    maxTokens: config.maxTokens,
    maxAliases: config.maxAliases,
    maxBodyBytes: config.maxBodyBytes,
    documents: config.persistedDocuments
      ? readManifest(config.persistedDocuments, config.persistedDocumentsOnly)
      : undefined,
    onBug: report,
  });

  function contextFor(c: HonoContext, door: Context['door']): Context | Promise<Context> {
    const requestId = requestIdOf(c);
    const actor = authenticate(c.req.raw.headers, { bearers, logins });
    const withActor = (who: Actor | undefined): Context => ({ services, actor: who, requestId, door });
    return actor instanceof Promise ? actor.then(withActor) : withActor(actor);
  }

  /** What the example operations of development are about. */
  async function samples(requestId: string): Promise<Samples | null> {
    const facts = development();
    const actor = facts && (await bearers.authenticate(facts.token));
    if (!actor) return null;
    const { environmentId } = facts;
    const ctx: Context = { services, actor, requestId, door: 'graphql' };
    const { data } = await pipeline.run<Samples>(SAMPLES_DOCUMENT, { environmentId }, ctx);
    return data ?? null;
  }

  const app = new Hono();
  app.onError((error, c) => {
    const isRefusal = error instanceof AppError;
    if (!isRefusal || error.code === 'UNAVAILABLE') report(error, requestIdOf(c));
    return problem(isRefusal ? error : new AppError('INTERNAL_UNKNOWN', 'Internal error'));
  });
  app.notFound(() => problem(notFoundRoute()));
  if (log.isLevelEnabled('debug')) app.use('*', logRequests(log));

  app.get('/healthz', () => json({ status: 'ok' }));
  const ping = shared(() => db.ping());
  app.get('/readyz', async () => {
    await ping();
    return json({ status: 'ready' });
  });
  app.get('/', (c) => c.redirect('/docs'));
  app.route('/', createDocsRoutes({ graphiql: config.graphiql, trustProxy: config.trustProxy }));

  if (config.corsOrigins.length > 0) app.use('*', crossOrigin(config.corsOrigins));
  const guard = rateLimit(config);
  app.route(
    '/',
    createRestRoutes<Context>({
      context: contextFor,
      guard,
      isAuthenticated: (ctx) => ctx.actor !== undefined,
      run: async (document, variables, ctx) => pipeline.run(document, variables, ctx),
      subscribe: (document, variables, ctx) => pipeline.subscribe(document, variables, ctx),
      maxBodyBytes: config.maxBodyBytes,
    }),
  );
  if (config.graphiql) {
    app.route(
      '/',
      createGraphiqlRoutes({
        title: 'Agent secrets',
        tabs: async (request) =>
          exampleTabs(development()?.environmentId, isLocal(request) ? await samples(requestIdFrom(undefined)) : null),
        headers(request) {
          const facts = isLocal(request) ? development() : undefined;
          return facts ? { authorization: `Bearer ${facts.token}` } : {};
        },
      }),
    );
  }
  app.on(['GET', 'POST'], '/graphql', async (c) => {
    await guard(c);
    if (!acceptsAnswer(c.req.header('accept'))) return notAcceptable();
    // Forms, multipart and plain text need no permission to cross origins; JSON does. Nothing else is a GraphQL request.
    if (c.req.method === 'POST') requireJson(c.req.raw.headers);
    const ctx = await contextFor(c, 'graphql');
    return c.req.raw.method === 'HEAD' ? headOf(c.req.raw, pipeline, ctx) : pipeline.fetch(c.req.raw, ctx);
  });
  app.all('/graphql', () => problem(methodNotAllowed(), { allow: 'GET, HEAD, POST' }));
  return app;
}

/** Loaded with the first login: without any, it only makes starts longer. */
function loginVerifier(oidc: OidcConfig): LoginVerifier {
  let verifier: Promise<LoginVerifier> | undefined;
  return async (jwt) => {
    verifier ??= import('./login-verifier.js').then(({ createLoginVerifier }) => createLoginVerifier(oidc));
    return (await verifier)(jwt);
  };
}

/** What GET would answer, without the body: Yoga knows no HEAD. */
async function headOf({ url, headers }: Request, pipeline: GraphQLPipeline, ctx: Context): Promise<Response> {
  const { status, headers: told, body } = await pipeline.fetch(new Request(url, { headers }), ctx);
  // Of a stream, too: nobody would end it.
  await body?.cancel();
  return new Response(null, { status, headers: [...told] });
}

const PING_AGAIN_AFTER_MS = 250;

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

function json(body: object): Response {
  return new Response(JSON.stringify(body), { headers: { 'content-type': JSON_TYPE, 'cache-control': 'no-store' } });
}

/** Anybody may ask, as often as they like: all of a moment share one outcome. */
function shared(ping: () => Promise<void>): () => Promise<void> {
  let outcome: Promise<void> | undefined;
  return () => {
    outcome ??= ping().finally(() => {
      setTimeout(() => {
        outcome = undefined;
      }, PING_AGAIN_AFTER_MS).unref();
    });
    return outcome;
  };
}

function crossOrigin(origins: readonly string[]): MiddlewareHandler {
  const anyone = origins.includes('*');
  return cors({
    origin: anyone ? '*' : [...origins],
    credentials: !anyone,
    allowMethods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    allowHeaders: [
      'authorization',
      'content-type',
      'idempotency-key',
      'if-none-match',
      'last-event-id',
      'x-request-id',
    ],
    exposeHeaders: ['etag', 'retry-after', 'x-request-id'],
    maxAge: 600,
  });
}

/** Per client address and process: a brake, not a bookkeeper. Rejects with RATE_LIMITED. */
function rateLimit({ rateLimit: points, trustProxy }: Config): (c: HonoContext) => Promise<void> {
  if (points === 0) return async () => {};
  const limiter = new RateLimiterMemory({ points, duration: 60 });
  return async (c) => {
    try {
      await limiter.consume(addressOf(c, trustProxy));
    } catch (rejected) {
      const { msBeforeNext } = rejected as { msBeforeNext: number };
      const retryAfter = Math.max(1, Math.ceil(msBeforeNext / 1_000));
      throw new AppError('RATE_LIMITED', `Too many requests: ${points} a minute are allowed`, { retryAfter });
    }
  };
}

function addressOf(c: HonoContext, trustProxy: boolean): string {
  // The last entry is the one our own proxy has added; the others are whatever the client said.
  const forwarded = trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  return forwarded || (c.env?.incoming ? getConnInfo(c).remote.address : undefined) || 'unknown';
}

const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
const OF_PROXIES = /^(x-forwarded-.*|forwarded|x-real-ip|via)$/;

/**
 * Only a page that a browser on this machine opens itself may be handed the development token: a foreign name may lead
 * here by DNS rebinding, and behind a proxy on this machine anybody may sit.
 */
function isLocal({ headers }: Request): boolean {
  return LOCAL_HOST.test(headers.get('host') ?? '') && ![...headers.keys()].some((name) => OF_PROXIES.test(name));
}
