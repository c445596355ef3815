// Runs the service in one process: opens the services, listens, schedules maintenance, and shuts down gracefully on
// SIGTERM and SIGINT.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import type { Config } from '../config/config.js';
import { closeReads, takeInReads } from '../domain/reads/left-reads.js';
import { pruneSecretReads } from '../domain/reads/secret-read.js';
import type { Services } from '../domain/request/services.js';
import { unavailable } from '../errors/refusals.js';
import type { AccessLog } from '../logging/access-log.js';
import type { Logger } from '../logging/logger.js';
import { createApp } from '../server/app.js';
import { drain, sayLast } from '../server/drain.js';
import { createHttpServer } from '../server/http-server.js';
import { createObserver } from '../server/observe.js';
import { refusalResponse } from '../server/refusal.js';
import type { DevelopmentFacts } from './development.js';
import { logStart } from './logs.js';
import { openServices } from './services.js';
import { IMPATIENT_AFTER_MS, type Serving, urlOf } from './serving.js';

/** Interval for removing old audit records. Several processes may do it at once: each skips rows of the others. */
const PRUNE_EVERY_MS = 3_600_000;
/** Delay of the first removal: not during the start, but also in a service that never runs for an hour. */
const PRUNE_FIRST_MS = 60_000;
/** Time that requests in flight have to finish once the listener is closed. */
const DRAIN_MS = 10_000;
/** What the record of opened values has at least to be written, when requests took all the time to finish. */
const LEAST_FLUSH_MS = 1_000;
/** The folder below the data folder for records of opened values that the database did not take before the end. */
const LEFT_READS = 'unrecorded-reads';

export interface ServeOptions {
  /** Given where another process holds the port; see `drain`. */
  stopListening?: () => void;
  /** Given where another process serves the metrics and has told the log the configuration. */
  shareMetrics?: (registry: Registry) => void;
  accessLog?: AccessLog | undefined;
}

/**
 * Resolves when the service answers requests and handles signals. `prepare` creates the set-up for development, which
 * contains the URL, so it runs after the server listens; until then, requests are answered with UNAVAILABLE.
 */
export async function serve(
  config: Config,
  log: Logger,
  prepare: (services: Services, url: string) => Promise<DevelopmentFacts | undefined>,
  { stopListening, shareMetrics, accessLog }: ServeOptions = {},
): Promise<Serving> {
  const services = await openServices(config, log, config.databaseWait);
  let facts: DevelopmentFacts | undefined;
  let readyApp: ReturnType<typeof createApp> | undefined;
  const handle = (request: Request, env: object) =>
    readyApp
      ? readyApp.fetch(request, env)
      : refusalResponse(request, unavailable('The service is starting, try again shortly'));
  const prune = () =>
    pruneSecretReads(services.db, config.readRetentionDays).catch((error: unknown) =>
      log.warn({ err: error }, 'cannot remove old records of opened values'),
    );
  const metrics =
    config.metricsPort === undefined ? undefined : (await import('../metrics/metrics.js')).createMetrics();
  const observer = createObserver({
    security: services.security,
    metrics: metrics?.requests,
    accessLog,
    trustProxy: config.trustProxy,
  });
  const server = createHttpServer(handle, { log, observer });
  const leftReads = join(config.dataDir, LEFT_READS);
  let stoppingSince: number | undefined;
  async function shutDown(): Promise<void> {
    // Everything goes on as before for a while, except that clients and load balancers are told to go elsewhere.
    sayLast(server);
    await sleep(config.drainDelaySeconds * 1_000);
    // Closed before the connections, because streams do not end by themselves. Their clients resume on another process.
    await services.feed.close();
    const drainBegan = performance.now();
    await drain(server, DRAIN_MS, stopListening);
    const remaining = DRAIN_MS - (performance.now() - drainBegan);
    await closeReads(services.reads, log, leftReads, Math.max(LEAST_FLUSH_MS, remaining));
    await services.db.close();
  }
  const stop = (signal: NodeJS.Signals) => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > IMPATIENT_AFTER_MS) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    log.info({ signal, delaySeconds: config.drainDelaySeconds }, 'draining');
    shutDown().then(
      () => {
        log.info({ code: 0 }, 'stopped');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'could not stop cleanly');
        process.exit(1);
      },
    );
  };
  try {
    const app = createApp({
      services,
      config,
      development: () => facts,
      isStopping: () => stoppingSince !== undefined,
    });
    if (metrics) {
      const { registry } = metrics;
      metrics.watch(services, server);
      if (shareMetrics) shareMetrics(registry);
      else {
        const { serveMetrics } = await import('../metrics/metrics-server.js');
        await serveMetrics({ config, log, read: () => registry.metrics() });
      }
    }
    const url = await listen(server, config);
    if (!shareMetrics) logStart(log, config);
    facts = await prepare(services, url);
    readyApp = app;
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    await takeInReads(services.db, log, leftReads);
    setTimeout(prune, PRUNE_FIRST_MS).unref();
    setInterval(prune, PRUNE_EVERY_MS).unref();
    log.info({ url }, 'ready');
    return { url, facts };
  } catch (error) {
    server.close();
    // A failure to close is ignored: the operator should see the original error.
    await services.db.close().catch(() => {});
    throw error;
  }
}

async function listen(server: Server, { host, port }: Config): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return urlOf(host, (server.address() as AddressInfo).port);
}
