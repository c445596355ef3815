// Several processes behind one port: a primary that checks, prepares, forks and replaces, and workers that serve.
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Config } from '../config/config.js';
import { createLogger, type Logger } from '../logging/logger.js';
import { type DevelopmentFacts, prepareDevelopment } from './development.js';
import { openServices } from './services.js';
import { IMPATIENT_AFTER_MS, type Serving, urlOf } from './serving.js';
import { explainFailure, StartFailure } from './start-failure.js';

/** A worker that served for so long has not failed to start, whatever ended it. */
const STEADY_AFTER_MS = 30_000;
/** After so many in a row the next one would not live either. */
const MAX_FAILURES = 6;
/** Before the first attempt after a failure; twice as long before each further one. */
const PAUSE_MS = 250;

/** What a worker is told when it asks. */
interface Instruction {
  facts: DevelopmentFacts | undefined;
}

/** What it tells: that it may be told, that it serves, or why it cannot. */
type Report = 'asking' | 'serving' | { failure: string };

/** Checks and migrates once, then keeps `config.workers` workers; `greet` is called when all of them serve. */
export async function servePrimary(config: Config, greet: (serving: Serving) => void): Promise<void> {
  const log = loggerOf(config);
  const { port, ...serving } = await prepare(config, log);
  const instruction: Instruction = { facts: serving.facts };
  const crew = new Set<Worker>();
  let isServing = false;
  let ending: { since: number; code: number } | undefined;

  function end(signal: NodeJS.Signals, code: number): void {
    ending = { since: performance.now(), code };
    for (const worker of crew) worker.process.kill(signal);
    if (crew.size === 0) process.exit(code);
  }

  function stop(signal: NodeJS.Signals): void {
    if (!ending) end(signal, 0);
    else if (performance.now() - ending.since > IMPATIENT_AFTER_MS) {
      for (const worker of crew) worker.process.kill('SIGKILL');
      process.exit(1);
    }
  }

  /** Resolves when the worker serves. A worker that ends is replaced; before the service as a whole has begun, none is. */
  function hire(failures: number): Promise<void> {
    const worker = cluster.fork({ PORT: String(port) });
    const { pid } = worker.process;
    crew.add(worker);
    return new Promise((resolve, reject) => {
      let servingSince: number | undefined;
      let failure: string | undefined;
      worker.on('message', (report: Report) => {
        if (report === 'asking') {
          // Of one that is gone already the exit tells.
          worker.send(instruction, () => {});
        } else if (report === 'serving') {
          servingSince = performance.now();
          resolve();
        } else failure = report.failure;
      });
      function gone(code: number | null, signal: string | null): void {
        if (!crew.delete(worker)) return;
        if (ending) {
          if (code !== 0 && servingSince !== undefined) ending.code = 1;
          if (crew.size === 0) process.exit(ending.code);
        } else if (servingSince === undefined && !isServing) {
          reject(new StartFailure(failure ?? `Cannot start: a worker ended before it served (${signal ?? code})`));
        } else {
          log.error({ worker: pid, code, signal, failure }, 'a worker has ended');
          const isSteady = servingSince !== undefined && performance.now() - servingSince > STEADY_AFTER_MS;
          replace(isSteady ? 0 : failures + 1);
        }
      }
      worker.on('exit', gone);
      // Without a process there is no exit.
      worker.on('error', () => pid ?? gone(null, null));
    });
  }

  function replace(failures: number): void {
    if (failures >= MAX_FAILURES) {
      log.fatal('workers end again and again; stopping');
      end('SIGTERM', 1);
      return;
    }
    const again = () => {
      if (!ending) hire(failures).catch(() => {});
    };
    setTimeout(again, failures === 0 ? 0 : PAUSE_MS * 2 ** (failures - 1));
  }

  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  await Promise.all(Array.from({ length: config.workers }, () => hire(0)));
  isServing = true;
  greet(serving);
}

/** What is done once, and whatever can be wrong: so it is told once. */
async function prepare(config: Config, log: Logger): Promise<Serving & { port: number }> {
  const services = await openServices(config, log);
  try {
    // The workers' own listening fails as often as there are workers; and port 0 must be the same one for all, always.
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

/** Serves until the primary says otherwise, or is gone. */
export async function serveWorker(config: Config): Promise<void> {
  const tell = (report: Report, done = () => {}) => process.send?.(report, done);
  // What is sent before anybody listens is lost.
  const instructed = once(process, 'message') as Promise<[Instruction]>;
  tell('asking');
  try {
    const { serve } = await import('./serve.js');
    const [{ facts }] = await instructed;
    await serve(config, loggerOf(config), async () => facts);
    tell('serving');
  } catch (error) {
    tell({ failure: explainFailure(error) }, () => process.exit(1));
  }
}

/** Lines of several processes come together on standard error. */
function loggerOf({ logLevel }: Config): Logger {
  return createLogger(logLevel, undefined, { pid: process.pid });
}
