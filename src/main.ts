// Start and stop: configuration, database, migrations, listen; SIGTERM lets requests in flight finish.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from './app.js';
import { type Config, loadConfig } from './config.js';
import { type DevelopmentFacts, factsFile, prepareDevelopment } from './development.js';
import { pruneSecretReads } from './domain/secret-read.js';
import { unavailable } from './errors.js';
import { createLogger } from './log.js';
import { problem } from './rest/problem.js';
import { createHttpServer, drain } from './server.js';
import { openServices } from './services.js';
import { explainFailure } from './start-failure.js';

/** Instances may do it at the same time: each skips what another one is removing. */
const PRUNE_EVERY_MS = 3_600_000;
/** Not while everything else starts; but a service that never lives for an hour prunes, too. */
const PRUNE_FIRST_MS = 60_000;
/** How long requests in flight may take once the process was told to stop. */
const DRAIN_MS = 10_000;
/** After which a further signal ends the process at once; npm passes on a Ctrl-C that has reached us already. */
const IMPATIENT_AFTER_MS = 1_000;

async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLogger(config.logLevel);
  const services = await openServices(config, log);
  const isDevelopment = !config.production && isLoopback(config.host);
  let facts: DevelopmentFacts | undefined;
  let ready: ReturnType<typeof createApp> | undefined;
  const handle = (request: Request, env: object) =>
    ready ? ready.fetch(request, env) : problem(unavailable('The service is starting, try again shortly'));
  const prune = () =>
    pruneSecretReads(services.db, config.readRetentionDays).catch((error: unknown) =>
      log.warn({ err: error }, 'cannot remove old records of opened values'),
    );
  const server = createHttpServer(handle, { log });
  let stoppingSince: number | undefined;
  const stop = () => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > IMPATIENT_AFTER_MS) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    // Streams never end by themselves: their clients go on elsewhere.
    services.feed
      .close()
      .then(() => drain(server, DRAIN_MS))
      .then(() => services.reads.close())
      .then(() => services.db.close())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'could not stop cleanly');
          process.exit(1);
        },
      );
  };
  try {
    const app = createApp({ services, config, development: () => facts });
    const url = await listen(server, config);
    // The port has to be known before there are facts: development.json names it.
    if (isDevelopment) facts = await prepareDevelopment(services, config.dataDir, url);
    ready = app;
    // Before the greeting: whoever reads it may send a signal at once.
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    setTimeout(prune, PRUNE_FIRST_MS).unref();
    setInterval(prune, PRUNE_EVERY_MS).unref();
    process.stdout.write(greeting(config, url, facts));
  } catch (error) {
    server.close();
    // What went wrong first is what the operator should read.
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
  const { port: actual } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function greeting(config: Config, url: string, facts: DevelopmentFacts | undefined): string {
  const database = config.databaseUrl
    ? 'Postgres (DATABASE_URL)'
    : `embedded Postgres in ${config.dataDir} (for development: one process, no fsync; set DATABASE_URL for real use)`;
  const lines = [`Agent secrets gateway on ${url}`, '', `  Database     ${database}`];
  if (config.graphiql) lines.push(`  GraphiQL     ${url}/graphql`);
  lines.push(`  API docs     ${url}/docs`);
  if (!facts) {
    if (!config.production) lines.push('', `  No development token: ${whyNoToken(config)}`);
    return `${lines.join('\n')}\n`;
  }
  const { token, environmentId } = facts;
  return `${[
    ...lines,
    `  Token        ${token}`,
    `  Environment  ${environmentId}`,
    '',
    'Try it:',
    '',
    `  curl -s ${url}/v1/envs/${environmentId}/agent-secrets -H 'authorization: Bearer ${token}'`,
    '',
    `  curl -s ${url}/graphql -H 'authorization: Bearer ${token}' -H 'content-type: application/json' -d '{"query":"{ viewer { name } }"}'`,
    '',
  ].join('\n')}\n`;
}

/** The embedded database is this process's own, so the operator command has to wait for it to stop. */
function whyNoToken(config: Config): string {
  const reason = isLoopback(config.host)
    ? `this database has accounts, and ${factsFile(config.dataDir)} names none of them`
    : `HOST=${config.host} is not only this machine's`;
  return `${reason}; ${config.databaseUrl ? 'make' : 'stop this process and make'} one with npm run token -- --account NAME`;
}

main().catch((error: unknown) => {
  process.stderr.write(`${explainFailure(error)}\n`);
  process.exit(1);
});
