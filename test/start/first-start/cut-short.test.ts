// First starts that are killed half-way: the next start works and finishes what was begun.
import { randomInt } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSecret, secretsOf, until } from '../../server/process/client.js';
import { createTestDatabase } from '../../support/postgres/database.js';
import { launch, startServer } from '../../support/server.js';

const ROUNDS = 8;

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'agent-secrets-cut-short-'));
});
afterEach(() => rm(parent, { recursive: true, force: true, maxRetries: 3 }));

/** Starts, kills at the given moment, and answers what the process had said by then. */
async function cutShort(dataDir: string, moment: () => Promise<unknown>, env: Record<string, string> = {}) {
  const cut = await launch({ dataDir, env });
  try {
    await moment();
    return cut.said.stdout;
  } finally {
    cut.child.kill('SIGKILL');
    await cut.ended;
    await cut.cleanUp();
  }
}

test(`killed at any moment (${ROUNDS} rounds), the next start works and has the whole set-up`, async () => {
  // Two at a time, in the measurement too: how long a start takes depends on what else there is to do.
  const began = performance.now();
  const measured = await Promise.all(['a', 'b'].map((name) => startServer({ dataDir: join(parent, name) })));
  const ms = performance.now() - began;
  await Promise.all(measured.map((server) => server.kill9()));
  async function round(number: number): Promise<void> {
    const dataDir = join(parent, String(number));
    const after = Math.round(((number + randomInt(1_000) / 1_000) * ms) / ROUNDS);
    await cutShort(dataDir, () => sleep(after));
    const found = (await readdir(dataDir).catch(() => [])).join(' ');
    const server = await startServer({ dataDir });
    try {
      const note = `killed after ${after} of ${Math.round(ms)} ms, leaving: ${found}`;
      expect((await secretsOf(server)).size, note).toBe(6);
      expect(await createSecret(server, 'afterwards', 'x'), note).toMatchObject({ revision: 0 });
      expect(await readdir(dataDir), note).not.toContain('postgres.unfinished');
    } finally {
      await server.kill9();
    }
  }
  for (let number = 0; number < ROUNDS; number += 2) await Promise.all([round(number), round(number + 1)]);
}, 120_000);

test.each([
  ['account', 'application', 'applications'],
  ['application', 'environment', 'environments'],
  ['environment', 'samples', 'agent_secrets'],
])('killed between the %s and its %s, the next start finishes the set-up', async (_, __, next) => {
  const database = await createTestDatabase();
  const sql = postgres(database.url, { max: 2, onnotice: () => undefined });
  const env = { DATABASE_URL: database.url };
  const dataDir = join(parent, 'data');
  try {
    await sql.begin(async (lock) => {
      await lock`lock table ${lock(next)} in share mode`;
      await cutShort(
        dataDir,
        () =>
          until('the start waits for the table', async () => {
            const [row] = await sql`
              select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
            return row;
          }),
        env,
      );
    });
    const server = await startServer({ dataDir, env });
    try {
      expect((await secretsOf(server)).size).toBe(6);
      expect(await sql`select id from accounts`).toEqual([{ id: server.facts().accountId }]);
    } finally {
      await server.kill9();
    }
  } finally {
    await sql.end({ timeout: 5 });
    await database.drop();
  }
});
