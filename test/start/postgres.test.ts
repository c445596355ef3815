// Development starts on a real Postgres: an empty one, one that several instances share, and one that is somebody else's.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateKeyring } from '../../src/crypto/local-keyring.js';
import { createEmptyDatabase } from '../races/empty-database.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type RunningServer, runToEnd, startServer } from '../support/server.js';
import { call, createSecret, developer, secretsOf } from './client.js';

let folder: string;
let running: RunningServer[];
let databases: TestDatabase[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-on-postgres-'));
  running = [];
  databases = [];
});
afterEach(async () => {
  await Promise.all(running.map((server) => server.kill9()));
  await Promise.all(databases.map((database) => database.drop()));
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** With every table, or with nothing at all. */
async function database(content: 'migrated' | 'nothing'): Promise<string> {
  const made = content === 'migrated' ? await createTestDatabase() : await createEmptyDatabase();
  databases.push(made);
  return made.url;
}

async function start(env: Record<string, string>, dataDir = join(folder, 'data')): Promise<RunningServer> {
  const server = await startServer({ dataDir, env });
  running.push(server);
  return server;
}

test('an empty database is migrated and seeded, and its address is not printed', async () => {
  const url = await database('nothing');
  const server = await start({ DATABASE_URL: url });
  expect((await secretsOf(server)).size).toBe(6);
  expect(server.stdout()).toContain('DATABASE_URL');
  expect(server.stdout() + server.stderr()).not.toContain(new URL(url).password);
});

test('with the master keys in the environment, too, a data folder that does not exist yet is made', async () => {
  const server = await start({ DATABASE_URL: await database('migrated'), MASTER_KEYS: generateKeyring() });
  expect(server.facts().url).toBe(server.url);
  expect((await secretsOf(server)).size).toBe(6);
});

test('several first starts at once on one database and folder all come up, with one environment', async () => {
  const env = { DATABASE_URL: await database('nothing') };
  const servers = await Promise.all(Array.from({ length: 3 }, () => start(env)));
  const [first] = servers as [RunningServer];
  const written = await createSecret(first, 'shared', 'by all');
  for (const server of servers) {
    const { token } = server.facts();
    const { status, body } = await call({ url: server.url, token }, 'GET', `/v1/agent-secrets/${written.id}`);
    expect({ status, body }).toEqual({ status: 200, body: written });
  }
  expect((await secretsOf(first)).size).toBe(7);
}, 60_000);

test('a second instance with a folder of its own, but the same master keys, shares the environment', async () => {
  const env = { DATABASE_URL: await database('migrated'), MASTER_KEYS: generateKeyring() };
  const first = await start(env, join(folder, 'one'));
  const second = await start(env, join(folder, 'two'));
  expect(second.facts().environmentId).toBe(first.facts().environmentId);
  expect(await secretsOf(second)).toEqual(await secretsOf(first));
  expect((await call(developer(first), 'GET', '/readyz')).status).toBe(200);
});

test('a database where other accounts live is left as it is: nothing is seeded, no token is made', async () => {
  const url = await database('migrated');
  const operator = await runToEnd({
    script: 'cli/create-token.js',
    args: ['--account', 'somebody', '--admin'],
    env: { DATABASE_URL: url },
    dataDir: join(folder, 'data'),
  });
  expect(operator).toMatchObject({ code: 0, stderr: '' });
  const server = await start({ DATABASE_URL: url });
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    expect(await sql`select name from accounts`).toEqual([{ name: 'somebody' }]);
    expect(await sql`select count(*)::int as count from tokens`).toEqual([{ count: 1 }]);
    expect(() => server.facts()).toThrow('ENOENT');
    expect(server.stdout()).not.toContain('asg_');
  } finally {
    await sql.end({ timeout: 5 });
  }
});
