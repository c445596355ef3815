// Composition root: GraphQL, REST, health checks, documentation, authentication and rate limit as one Hono app. It does
// not listen; start/serve.ts does.
import { Hono, type Context as HonoContext } from 'hono';
import type { Config } from '../config/config.js';
import { createLoginCache } from '../domain/access/login.js';
import type { Actor } from '../domain/request/actor.js';
import type { Context } from '../domain/request/context.js';
import type { Services } from '../domain/request/services.js';
import { AppError } from '../errors/errors.js';
import { exhaustionIn } from '../errors/exhaustion.js';
import { readManifest } from '../graphql/engine/persisted-documents.js';
import { createPipeline } from '../graphql/engine/pipeline.js';
import { exampleTabs, SAMPLES_DOCUMENT, type Samples } from '../graphql/graphiql/examples.js';
import { createGraphiqlRoutes } from '../graphql/graphiql/graphiql.js';
import { schema } from '../graphql/schema.js';
import { schemaText } from '../graphql/schema-text.js';
import { requestIdFrom, requestIdOf } from '../http/request-id.js';
import { requestPath } from '../http/request-path.js';
import { exchangeOf, nameOperation, noteCode } from '../logging/exchange.js';
import { createDocsRoutes } from '../rest/docs/docs.js';
import { createRestRoutes } from '../rest/handler.js';
import { notFoundRoute, problem } from '../rest/problem.js';
import { operationOf, UNBOUNDED } from './answers.js';
import { authenticate, isCredentialSent } from './callers/authenticate.js';
import { clientAddress } from './callers/client-address.js';
import { limitFailedCredentials } from './callers/failed-credentials.js';
import { loginVerifier } from './callers/lazy-login-verifier.js';
import { isLocal } from './callers/local-requests.js';
import { accountRateLimit, rateLimit } from './callers/rate-limit.js';
import { crossOrigin } from './cors.js';
import { createGraphqlRoutes } from './graphql-routes.js';
import { createHealthRoutes } from './health.js';
import { refusalResponse } from './refusal.js';
import { createReport, logRequests } from './request-log.js';

export interface AppOptions {
  services: Services;
  config: Config;
  /**
   * The token and the environment that GraphiQL may use without authentication in development mode, once they are
   * known. Must not be given in production or on a public address.
   */
  development?(): { token: string; environmentId: string } | undefined;
  /** Whether the process has been told to stop. It still answers for a while. */
  isStopping?(): boolean;
}

export function createApp({ services, config, development = () => undefined, isStopping }: AppOptions): Hono {
  const { log, bearers, db, security } = services;
  const report = createReport(log);
  const logins = config.oidc && createLoginCache(db, loginVerifier(config.oidc));
  const pipeline = createPipeline({
    schema,
    introspection: config.introspection,
    maxDepth: config.maxDepth,
    maxTokens: config.maxTokens,
    maxAliases: config.maxAliases,
    maxNodes: config.maxNodes,
    maxBodyBytes: config.maxBodyBytes,
    documents: config.persistedDocuments
      ? readManifest(config.persistedDocuments, config.persistedDocumentsOnly)
      : undefined,
    onBug: report,
  });

  const guard = rateLimit(config, security);
  const guardAccount = accountRateLimit(config, security);
  const onWait = (address: string) => security.note('credential_limit', { address });
  const failed =
    config.failedCredentials === 0 ? undefined : limitFailedCredentials(config.failedCredentials, undefined, onWait);

  function contextFor(c: HonoContext, door: Context['door']): Context | Promise<Context> {
    const requestId = requestIdOf(c);
    const exchange = door === 'graphql' ? nameOperation(c.env, door, 'anonymous') : exchangeOf(c.env);
    const address = () => clientAddress(c, config.trustProxy);
    const onFailed = () => security.note('failed_credential', { address: address(), requestId });
    const actor = authenticate(c.req.raw.headers, { bearers, logins }, { failed, address, onFailed }, door);
    const withActor = (who: Actor | undefined): Context | Promise<Context> => {
      const operation = operationOf(c, services, who, door === 'rest' ? UNBOUNDED : config);
      const isSent = who === undefined && isCredentialSent(c.req.raw.headers);
      if (exchange) exchange.actor = who;
      const ctx: Context = { services, actor: who, isCredentialSent: isSent, requestId, door, operation, exchange };
      return who && guardAccount ? guardAccount(who.accountId).then(() => ctx) : ctx;
    };
    return actor instanceof Promise ? actor.then(withActor) : withActor(actor);
  }

  /** The secrets that the example operations in GraphiQL refer to; null outside development mode. */
  async function samples(): Promise<Samples | null> {
    const facts = development();
    const actor = facts && (await bearers.authenticate(facts.token));
    if (!actor) return null;
    const { environmentId } = facts;
    const ctx: Context = { services, actor, requestId: requestIdFrom(undefined), door: 'graphql' };
    const { data } = await pipeline.run<Samples>(SAMPLES_DOCUMENT, { environmentId }, ctx);
    return data ?? null;
  }

  const app = new Hono({ getPath: requestPath });
  app.onError((error, c) => {
    const refusal = error instanceof AppError ? error : exhaustionIn(error);
    noteCode(exchangeOf(c.env), refusal?.code ?? 'INTERNAL_UNKNOWN');
    if (!refusal || refusal.code === 'UNAVAILABLE') report(refusal ?? error, requestIdOf(c));
    return refusalResponse(c.req.raw, refusal ?? new AppError('INTERNAL_UNKNOWN', 'Internal error'));
  });
  app.notFound((c) => {
    noteCode(exchangeOf(c.env), 'NOT_FOUND');
    return problem(notFoundRoute());
  });
  if (log.isLevelEnabled('debug')) app.use('*', logRequests(log));

  app.route(
    '/',
    createHealthRoutes(() => db.ping(), isStopping),
  );
  app.get('/', (c) => c.redirect('/docs'));
  app.route(
    '/',
    createDocsRoutes({
      graphiql: config.graphiql,
      trustProxy: config.trustProxy,
      graphqlSchema: config.introspection ? schemaText : undefined,
      guard,
    }),
  );

  if (config.corsOrigins.length > 0) app.use('*', crossOrigin(config.corsOrigins));
  app.route(
    '/',
    createRestRoutes<Context>({
      context: contextFor,
      guard,
      isAuthenticated: (ctx) => ctx.actor !== undefined,
      run: async (document, variables, ctx) => {
        // The handler prints in portions.
        if (ctx.operation) ctx.operation.canStream = true;
        return pipeline.run(document, variables, ctx);
      },
      subscribe: (document, variables, ctx) => pipeline.subscribe(document, variables, ctx),
      maxBodyBytes: config.maxBodyBytes,
      reservation: ({ operation }) => operation,
    }),
  );
  if (config.graphiql) {
    app.route(
      '/',
      createGraphiqlRoutes({
        title: 'Agent secrets',
        guard,
        tabs: async (request) => exampleTabs(development()?.environmentId, isLocal(request) ? await samples() : null),
        headers(request) {
          const facts = isLocal(request) ? development() : undefined;
          return facts ? { authorization: `Bearer ${facts.token}` } : {};
        },
      }),
    );
  }
  app.route('/', createGraphqlRoutes({ pipeline, guard, context: contextFor }));
  return app;
}
