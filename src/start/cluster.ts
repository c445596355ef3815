// Several processes behind one port: the primary checks the configuration, prepares the database, starts workers and
// replaces those that end; the workers serve.
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Config } from '../config/config.js';
import type { Logger } from '../logging/logger.js';
import { answerMetrics, type MetricsReport } from '../metrics/metrics-answer.js';
import { quietTurn } from '../scheduling/quiet-turn.js';
import { type DevelopmentFacts, prepareDevelopment } from './development.js';
import { logStart, openAccessLog, openLog } from './logs.js';
import { openServices } from './services.js';
import { IMPATIENT_AFTER_MS, type Serving, urlOf } from './serving.js';
import { explainFailure, StartFailure } from './start-failure.js';

/** On every line, because all processes write to the same standard error. */
const base = { pid: process.pid };
/** If a worker served for this long, its end does not count as a failed start, whatever the reason. */
const STABLE_AFTER_MS = 30_000;
/** After this many failures in a row the service stops, because the next worker would fail, too. */
const MAX_FAILURES = 6;
/** Delay before the first attempt after a failure; it doubles before every further attempt. */
const RETRY_DELAY_MS = 250;

/** The message from the primary to a worker that has sent 'asking'. */
interface Instruction {
  facts: DevelopmentFacts | undefined;
}

/**
 * A message from a worker: it is ready for its Instruction, it serves, it wants no more connections, it tells its metrics, or
 * it cannot start.
 */
type Report = 'asking' | 'serving' | 'leaving' | MetricsReport | { failure: string };

/** Checks and prepares once, then keeps `config.workers` workers running; calls `greet` when all of them serve. */
export async function servePrimary(config: Config, greet: (serving: Serving) => void): Promise<void> {
  const log = openLog(config, base);
  const { port, ...serving } = await prepare(config, log);
  const instruction: Instruction = { facts: serving.facts };
  const workers = new Set<Worker>();
  const leaving = new Set<Worker>();
  /** Only these are asked for metrics: the first message to a worker has to be its Instruction. */
  const measured = new Set<Worker>();
  const metrics =
    config.metricsPort === undefined ? undefined : new (await import('../metrics/worker-metrics.js')).WorkerMetrics();
  let isServing = false;
  let shutdown: { since: number; code: number } | undefined;

  function stopWorkers(signal: NodeJS.Signals, code: number): void {
    shutdown = { since: performance.now(), code };
    log.info({ signal, workers: workers.size }, 'draining');
    for (const worker of workers) worker.process.kill(signal);
    if (workers.size === 0) process.exit(code);
  }

  function stop(signal: NodeJS.Signals): void {
    if (!shutdown) stopWorkers(signal, 0);
    else if (performance.now() - shutdown.since > IMPATIENT_AFTER_MS) {
      for (const worker of workers) worker.process.kill('SIGKILL');
      process.exit(1);
    }
  }

  /**
   * Gives workers no more connections; `disconnect` also closes their servers. It has to come from here: a connection
   * that is on its way to a worker that has closed the port by itself is lost if no other worker is left. So the last
   * workers leave together, and what tells them arrives behind such connections.
   */
  async function releaseLeaving(): Promise<void> {
    if (shutdown && leaving.size < workers.size) return;
    const released = [...leaving];
    leaving.clear();
    if (shutdown) await quietTurn();
    for (const worker of released) worker.disconnect();
  }

  /**
   * Resolves when the worker serves. A worker that ends is replaced, except during the start of the service: then a
   * worker that ends before it serves makes the start fail.
   */
  function startWorker(failures: number): Promise<void> {
    const worker = cluster.fork({ PORT: String(port) });
    const { pid } = worker.process;
    workers.add(worker);
    return new Promise((resolve, reject) => {
      let servingSince: number | undefined;
      let failure: string | undefined;
      worker.on('message', (report: Report) => {
        if (report === 'asking') {
          // A failure to send is ignored: the worker has ended, and its 'exit' event handles that.
          worker.send(instruction, () => {});
        } else if (report === 'serving') {
          servingSince = performance.now();
          measured.add(worker);
          resolve();
        } else if (report === 'leaving') {
          leaving.add(worker);
          releaseLeaving();
        } else if ('metricsOf' in report) {
          metrics?.receive(report);
        } else failure = report.failure;
      });
      function handleExit(code: number | null, signal: string | null): void {
        if (!workers.delete(worker)) return;
        leaving.delete(worker);
        measured.delete(worker);
        metrics?.forget(worker);
        if (shutdown) {
          releaseLeaving();
          if (code !== 0 && servingSince !== undefined) shutdown.code = 1;
          if (workers.size === 0) {
            log.info({ code: shutdown.code }, 'stopped');
            process.exit(shutdown.code);
          }
        } else if (servingSince === undefined && !isServing) {
          reject(new StartFailure(failure ?? `Cannot start: a worker ended before it served (${signal ?? code})`));
        } else {
          log.error({ worker: pid, code, signal, failure }, 'a worker has ended');
          const wasStable = servingSince !== undefined && performance.now() - servingSince > STABLE_AFTER_MS;
          replace(wasStable ? 0 : failures + 1);
        }
      }
      worker.on('exit', handleExit);
      // If the process could not be created, there is no 'exit' event.
      worker.on('error', () => pid ?? handleExit(null, null));
    });
  }

  function replace(failures: number): void {
    if (failures >= MAX_FAILURES) {
      log.fatal('workers end again and again; stopping');
      stopWorkers('SIGTERM', 1);
      return;
    }
    const restart = () => {
      if (!shutdown) startWorker(failures).catch(() => {});
    };
    setTimeout(restart, failures === 0 ? 0 : RETRY_DELAY_MS * 2 ** (failures - 1));
  }

  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  if (metrics) {
    const { serveMetrics } = await import('../metrics/metrics-server.js');
    await serveMetrics({ config, log, read: () => metrics.read(measured) });
  }
  await Promise.all(Array.from({ length: config.workers }, () => startWorker(0)));
  isServing = true;
  logStart(log, config);
  log.info({ url: serving.url, workers: workers.size }, 'ready');
  greet(serving);
}

/** The work that only one process needs to do, and checks that should report a problem once, not once per worker. */
async function prepare(config: Config, log: Logger): Promise<Serving & { port: number }> {
  const services = await openServices(config, log, config.databaseWait);
  try {
    // Listening on the port as a test reports a failure once instead of once per worker. It also turns port 0 into one
    // port for all workers, including those that are started later.
    const probe = createServer().listen(config.port, config.host);
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const url = urlOf(config.host, port);
    return { url, port, facts: await prepareDevelopment(config, services, url) };
  } finally {
    await services.db.close();
  }
}

/** Serves until the primary stops this process or has exited itself. */
export async function serveWorker(config: Config): Promise<void> {
  const send = (report: Report, done = () => {}) => process.send?.(report, done);
  // Listens before it sends 'asking', because a message without a listener is lost.
  const instructionMessage = once(process, 'message') as Promise<[Instruction]>;
  send('asking');
  try {
    const { serve } = await import('./serve.js');
    const [{ facts }] = await instructionMessage;
    await serve(config, openLog(config, base), async () => facts, {
      stopListening: () => send('leaving'),
      shareMetrics: answerMetrics,
      accessLog: openAccessLog(config, base),
    });
    send('serving');
  } catch (error) {
    send({ failure: explainFailure(error) }, () => process.exit(1));
  }
}
