// Entry point. By configuration, this process serves alone, is the primary of several workers, or is a worker.
import cluster from 'node:cluster';
import { loadConfig } from './config/config.js';
import { servePrimary, serveWorker } from './start/cluster.js';
import { prepareDevelopment } from './start/development.js';
import { greeting } from './start/greeting.js';
import { openAccessLog, openLog } from './start/logs.js';
import { explainFailure } from './start/start-failure.js';

async function main(): Promise<void> {
  const config = loadConfig();
  if (config.workers > 1 && cluster.isWorker) return serveWorker(config);
  if (config.workers > 1) return servePrimary(config, (serving) => process.stdout.write(greeting(config, serving)));
  // Loaded here because the primary of a cluster does not need the schema and the request handlers.
  const { serve } = await import('./start/serve.js');
  const log = openLog(config);
  const serving = await serve(config, log, (services, url) => prepareDevelopment(config, services, url), {
    accessLog: openAccessLog(config),
  });
  process.stdout.write(greeting(config, serving));
}

main().catch((error: unknown) => {
  process.stderr.write(`${explainFailure(error)}\n`);
  process.exit(1);
});
