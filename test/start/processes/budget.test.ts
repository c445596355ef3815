// What a start costs, on the embedded database and on a Postgres: within twice the promised budget here, real figures in the output.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../support/postgres/database.js';
import { startServer } from '../../support/server.js';

/** The promise; a busy machine and a slow disk may take twice as much. */
const FIRST = { seconds: 3, megabytes: 400 };
const WARM = { seconds: 1.5, megabytes: 400 };
const ON_POSTGRES = { seconds: 0.7, megabytes: 200 };

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'agent-secrets-budget-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true, maxRetries: 3 }));

interface Cost {
  /** On the clock; only for the output, since it says as much about what else the machine does. */
  elapsed: number;
  /** Of one processor: what the budget of seconds is checked on. */
  seconds: number;
  /** The highest resident set so far. */
  megabytes: number;
}

async function costOfStart(env: Record<string, string> = {}): Promise<Cost> {
  const began = performance.now();
  const server = await startServer({ dataDir, env });
  try {
    const elapsed = (performance.now() - began) / 1_000;
    const [status, stat] = await Promise.all(
      ['status', 'stat'].map((name) => readFile(`/proc/${server.child.pid}/${name}`, 'utf8')),
    );
    const megabytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status ?? '')?.[1]) / 1024;
    // Fields 14 and 15, user and system time in hundredths; the name in field 2 has no spaces here.
    const [user, system] = (stat ?? '').split(' ').slice(13, 15).map(Number) as [number, number];
    return { elapsed, seconds: (user + system) / 100, megabytes };
  } finally {
    await server.stop();
  }
}

function report(name: string, { elapsed, seconds, megabytes }: Cost): void {
  console.log(
    `${name} start: ${elapsed.toFixed(2)} s elapsed, ${seconds.toFixed(2)} s of processor, ${megabytes.toFixed(0)} MB`,
  );
}

test.skipIf(process.platform !== 'linux')(
  'a first start stays within twice its budget of time and memory',
  async () => {
    const cost = await costOfStart();
    report('first', cost);
    expect(cost.megabytes).toBeLessThan(2 * FIRST.megabytes);
    expect(cost.seconds).toBeLessThan(2 * FIRST.seconds);
  },
);

test.skipIf(process.platform !== 'linux')(
  'a later start stays within twice its budget of time and memory',
  async () => {
    const cost = await costOfStart();
    report('warm', cost);
    expect(cost.megabytes).toBeLessThan(2 * WARM.megabytes);
    expect(cost.seconds).toBeLessThan(2 * WARM.seconds);
  },
);

test.skipIf(process.platform !== 'linux')(
  'a start on a migrated Postgres stays within thrice its budget of time, and within its budget of memory',
  async () => {
    const database = await createTestDatabase();
    try {
      // The first one makes development's account.
      await costOfStart({ DATABASE_URL: database.url });
      const cost = await costOfStart({ DATABASE_URL: database.url });
      report('Postgres', cost);
      expect(cost.megabytes).toBeLessThan(ON_POSTGRES.megabytes);
      expect(cost.seconds).toBeLessThan(3 * ON_POSTGRES.seconds);
    } finally {
      await database.drop();
    }
  },
);
