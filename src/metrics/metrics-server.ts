// The metrics on a port of their own, so that the port of the service never shows them.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import type { Config } from '../config/config.js';
import type { Logger } from '../logging/logger.js';

export interface MetricsServerOptions {
  config: Config;
  log: Logger;
  /** The metrics of the whole service as text. */
  read(): Promise<string>;
}

/** Resolves when it listens. It does not keep the process alive. */
export async function serveMetrics({ config, log, read }: MetricsServerOptions): Promise<Server> {
  /** Those who ask at the same time get the same answer. */
  let answer: Promise<string> | undefined;
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (request, response) => {
    request.resume();
    const path = request.url?.split('?')[0];
    if (path !== '/metrics') return void response.writeHead(404).end();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    }
    answer ??= read().finally(() => {
      answer = undefined;
    });
    answer.then(
      (text) =>
        response
          .writeHead(200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE, 'cache-control': 'no-store' })
          .end(text),
      (error: unknown) => {
        log.error({ err: error }, 'cannot read the metrics');
        response.writeHead(500).end();
      },
    );
  });
  server.maxConnections = 64;
  server.listen(config.metricsPort, config.metricsHost);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw Object.assign(error as Error, { variablePrefix: 'METRICS_' });
  }
  server.unref();
  const bound = server.address() as AddressInfo;
  log.info({ address: bound.address, port: bound.port }, 'metrics');
  return server;
}
