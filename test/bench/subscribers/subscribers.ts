// Measures what 1,000 idle subscribers cost an otherwise idle service process, and how soon they receive changes.
import { setTimeout as wait } from 'node:timers/promises';
import type { SubscriberRound } from '../report/report.js';
import { percentile } from '../report/statistics.js';
import type { Seed } from '../seed/seed.js';
import type { ServerProcess } from '../servers/servers.js';
import { cpuOf, openFilesLimit, residentMegabytes } from '../servers/usage.js';
import { type Feed, openFeed } from './feed.js';

export const SUBSCRIBERS = 'subscribers: 1,000 idle, then 10 writes/s';
const COUNT = 1_000;
const WRITES_PER_SECOND = 10;
/** These come before the measurement, so that everything that the first subscribers and writes load is in memory. */
const WARMING = { subscribers: 100, seconds: 1 };
const IDLE_MS = 1_000;
/** A process has so many other files open. The load, too, keeps its other connections open for a while. */
const OTHER_FILES = 300;
const SETTLE_WITHIN_MS = 3_000;
const SETTLED_MEGABYTES = 0.5;

export async function measureSubscribers(
  seed: Seed,
  server: ServerProcess,
  seconds: number,
  error: (text: string) => void,
): Promise<SubscriberRound> {
  const limit = await openFilesLimit();
  const count = Math.min(COUNT, limit - OTHER_FILES);
  if (count < WARMING.subscribers) throw new Error(`subscribers need more open files than ${limit}: raise ulimit -Hn`);
  if (count < COUNT)
    error(`only ${count} subscribers: a process may have no more than ${limit} files open (ulimit -Hn)`);

  const warming = await openFeed(seed, server.url, WARMING.subscribers);
  await warming.write(WARMING.seconds, WRITES_PER_SECOND);
  warming.close();
  const before = await memoryOf(server);
  const feed = await openFeed(seed, server.url, count);
  const after = await memoryOf(server);
  const idleCpu = await cpuDuring(server, () => wait(IDLE_MS));
  const writingCpu = await cpuDuring(server, () => feed.write(seconds, WRITES_PER_SECOND));
  feed.close();
  return roundOf(feed, count, before, after, { idleCpu, writingCpu }, error);
}

interface Memory {
  resident: number | null;
  inUse: number;
}

function roundOf(
  { told, errors }: Feed,
  subscribers: number,
  before: Memory,
  after: Memory,
  cpu: Pick<SubscriberRound, 'idleCpu' | 'writingCpu'>,
  error: (text: string) => void,
): SubscriberRound {
  if (errors[0] !== undefined) error(`subscribers: ${errors[0]}`);
  const latencies = Float64Array.from(told).sort();
  const ofThousand = (megabytes: number) => (megabytes * 1_000) / subscribers;
  return {
    subscribers,
    errors: errors.length,
    resident: before.resident === null || after.resident === null ? null : ofThousand(after.resident - before.resident),
    inUse: ofThousand(after.inUse - before.inUse),
    ...cpu,
    deliveries: latencies.length,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    max: percentile(latencies, 1),
  };
}

/** Measures memory after garbage collection, once the heap has returned what it no longer needs. */
async function memoryOf(server: ServerProcess): Promise<Memory> {
  const deadline = performance.now() + SETTLE_WITHIN_MS;
  for (let last = Number.NaN; ; ) {
    const { inUse = Number.NaN } = await server.ask({ ask: 'collectGarbage' });
    const resident = await residentMegabytes(server.pid);
    const isSettled = resident === null || Math.abs(resident - last) < SETTLED_MEGABYTES;
    if (isSettled || performance.now() > deadline) return { resident, inUse: inUse / 2 ** 20 };
    last = resident;
    await wait(200);
  }
}

/** Returns the share of one core. */
async function cpuDuring({ pid }: ServerProcess, work: () => Promise<unknown>): Promise<number | null> {
  const [started, before] = [performance.now(), await cpuOf(pid)];
  await work();
  const [ended, after] = [performance.now(), await cpuOf(pid)];
  return before === null || after === null ? null : (after - before) / 1_000 / (ended - started);
}
