// The tests' own Postgres server: every source works, and nothing of it is left behind, however the run ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import postgres from 'postgres';
import { build } from 'vite';
import { afterAll, beforeAll, describe, test, vi } from 'vitest';
import { findSystemBinaries } from '../../support/postgres/binaries.js';
import { startPostgresServer } from '../../support/postgres/server.js';

const systemHasPostgres = await findSystemBinaries().then(
  () => true,
  () => false,
);

const anySource = systemHasPostgres ? 'system' : 'embedded';

async function query<Row>(url: string, text: string): Promise<Row[]> {
  const sql = postgres(url, { max: 1 });
  try {
    return Array.from(await sql.unsafe<Row[]>(text));
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function isListening(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const listening = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return listening;
}

describe.concurrent('a private server', () => {
  for (const source of ['system', 'embedded'] as const) {
    const absent = source === 'system' && !systemHasPostgres;
    test.skipIf(absent)(`of the ${source} kind answers, and stops without a trace`, async ({ expect }) => {
      const server = await startPostgresServer({ source });
      const folder = dirname(server.logFile ?? '');
      let pids: number[];
      try {
        expect(server.describe).toMatch(/^PostgreSQL \d+\.\d+ from /);
        expect(await query(server.adminUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
        const activity = await query<{ pid: number }>(server.adminUrl, 'select pid from pg_stat_activity');
        pids = activity.map(({ pid }) => pid);
        expect(pids.length).toBeGreaterThan(3);
        expect(existsSync(folder)).toBe(true);
      } finally {
        await Promise.all([server.stop(), server.stop()]);
      }
      expect(pids.filter(isAlive)).toEqual([]);
      expect(await isListening(server.adminUrl)).toBe(false);
      expect(existsSync(folder)).toBe(false);
    });
  }

  test('lets nobody in without the password', async ({ expect }) => {
    const server = await startPostgresServer({ source: anySource });
    try {
      const url = new URL(server.adminUrl);
      url.password = 'wrong';
      await expect(query(url.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    } finally {
      await server.stop();
    }
  });

  test('syncs to disk only when it is asked to be durable', async ({ expect }) => {
    const server = await startPostgresServer({ source: anySource, durable: true });
    try {
      expect(await query(server.adminUrl, 'show fsync')).toEqual([{ fsync: 'on' }]);
      expect(await query(server.adminUrl, 'show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
    } finally {
      await server.stop();
    }
  });
});

describe.concurrent('a private server whose owner', () => {
  // Inside the project, so that the bundle finds the packages that it leaves outside.
  const bundle = fileURLToPath(new URL(`../../../node_modules/.cache/postgres-server-${process.pid}`, import.meta.url));

  beforeAll(async () => {
    const entry = fileURLToPath(new URL('../../support/postgres/server.ts', import.meta.url));
    const output = { entryFileNames: 'server.mjs' };
    await build({
      configFile: false,
      logLevel: 'silent',
      build: { ssr: entry, outDir: bundle, target: 'node20', rollupOptions: { output } },
    });
  });

  afterAll(() => rm(bundle, { recursive: true, force: true }));

  async function runOwner(lastWords: string): Promise<{ adminUrl: string; folder: string; exitCode: number | null }> {
    const script = `
      import { startPostgresServer } from ${JSON.stringify(pathToFileURL(`${bundle}/server.mjs`))};
      const { adminUrl, logFile, stop } = await startPostgresServer({ source: '${anySource}' });
      await new Promise((written) => process.stdout.write(JSON.stringify({ adminUrl, logFile }) + '\\n', written));
      ${lastWords}`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(owner, 'exit') as Promise<[number | null]>;
    const said = once(createInterface(owner.stdout), 'line') as Promise<[string]>;
    const { adminUrl, logFile } = JSON.parse((await said)[0]) as { adminUrl: string; logFile: string };
    return { adminUrl, folder: dirname(logFile), exitCode: (await ended)[0] };
  }

  test('stops it as its last act leaves nothing behind', async ({ expect }) => {
    const { adminUrl, folder, exitCode } = await runOwner('await stop();');
    expect(exitCode).toBe(0);
    expect(existsSync(folder)).toBe(false);
    expect(await isListening(adminUrl)).toBe(false);
  });

  for (const [end, lastWords] of [
    ['is killed', 'process.kill(process.pid, "SIGKILL");'],
    ['forgets to stop it', ''],
  ] as const) {
    test(`${end} goes away with it`, async ({ expect }) => {
      const { adminUrl, folder } = await runOwner(lastWords);
      await vi.waitUntil(() => !existsSync(folder), { timeout: 10_000, interval: 20 });
      expect(await isListening(adminUrl)).toBe(false);
    });
  }
});
