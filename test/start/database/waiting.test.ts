// A start while the database cannot serve: it waits, says so, and serves as soon as the database does.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { until } from '../../server/process/client.js';
import type { Cluster } from '../../support/postgres/cluster.js';
import { startOwnCluster } from '../../support/postgres/server.js';
import { launch, runToEnd } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

let cluster: Cluster;
beforeAll(async () => {
  ({ cluster } = await startOwnCluster({ durable: false, sharedBuffers: '32MB' }));
});
afterAll(() => cluster?.stop());

const MASTER_KEYS = generateKeyring();
const WAITING = /"seconds":\d+,"msg":"waiting for the database of DATABASE_URL, which ([^"]+)"/g;

test.each([1, 2])('a start with WORKERS=%i waits for a database that is starting, and then serves', async (workers) => {
  await cluster.halt();
  const env = { DATABASE_URL: cluster.url, DATABASE_WAIT_SECONDS: '60', WORKERS: String(workers), MASTER_KEYS };
  const launched = await launch({ env });
  try {
    const told = () => [...launched.said.stderr.matchAll(WAITING)].map(([, trouble]) => trouble);
    await until('it waits', async () => told().includes('is not reachable'));
    expect(launched.said.stderr).toContain('"code":"ECONNREFUSED"');
    await cluster.resume(false);
    const url = await launched.said.listening;
    expect(url, launched.said.stderr).toBeDefined();
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    // One line for each trouble, however often it tries.
    expect(told()).toEqual([...new Set(told())]);
    expect(launched.said.stderr).toMatch(/"waited":\d+,"msg":"the database of DATABASE_URL serves"/);
  } finally {
    launched.child.kill('SIGTERM');
    await launched.ended;
    await launched.cleanUp();
  }
});

test('it gives up in the end, with the reason', async () => {
  await cluster.halt();
  try {
    const began = performance.now();
    const env = { DATABASE_URL: cluster.url, DATABASE_WAIT_SECONDS: '2' };
    const { code, stderr } = await runToEnd({ env });
    expect(code).toBe(1);
    expect(performance.now() - began).toBeGreaterThan(2_000);
    expect(stderr).toMatch(/\nCannot start: the database of DATABASE_URL is not reachable \(ECONNREFUSED\)\n$/);
  } finally {
    await cluster.resume();
  }
});

test('it does not wait where waiting does not help', async () => {
  const DATABASE_URL = Object.assign(new URL(cluster.url), { password: 'made-up' }).href;
  const { code, stderr } = await runToEnd({ env: { DATABASE_URL, DATABASE_WAIT_SECONDS: '3600' }, withinMs: 60_000 });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Cannot start: the database of DATABASE_URL refuses this user [^\n]*\n$/);
});

test('a command does not wait', async () => {
  await cluster.halt();
  try {
    const env = { DATABASE_URL: cluster.url, DATABASE_WAIT_SECONDS: '3600', MASTER_KEYS };
    const { code, stderr } = await runToEnd({ script: 'cli/prune-reads.js', env, withinMs: 60_000 });
    expect(code).toBe(1);
    expect(stderr).toMatch(/the database of DATABASE_URL is not reachable \(ECONNREFUSED\)\n$/);
  } finally {
    await cluster.resume();
  }
});
