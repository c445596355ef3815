// Development starts on a real Postgres: an empty one, one that several instances share, and one that is somebody else's.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { createEmptyDatabase } from '../../races/support/empty-database.js';
import { ask, call, createSecret, developer, secretsOf } from '../../server/process/client.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../../support/server.js';

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

/** What a start must not change: every account and token there is. */
async function inventory(url: string): Promise<object> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return [
      await sql`select id, name, roles from accounts order by id`,
      await sql`select id, account_id from tokens order by id`,
      await sql`select id from environments order by id`,
    ];
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function expectNoToken(server: RunningServer): Promise<void> {
  expect(() => server.facts()).toThrow('ENOENT');
  expect(server.stdout()).not.toContain('asg_');
  expect(server.stdout()).toMatch(/No development token: .*development\.json.*\n/);
  const page = await fetch(server.graphqlUrl, { headers: { accept: 'text/html' } });
  expect(await page.text()).not.toContain('asg_');
}

test('a second instance with a folder of its own works, but gets no token, until it is given development.json', async () => {
  const env = { DATABASE_URL: await database('migrated'), MASTER_KEYS: generateKeyring() };
  const first = await start(env, join(folder, 'one'));
  const before = await inventory(env.DATABASE_URL);
  const second = await start(env, join(folder, 'two'));
  await expectNoToken(second);
  expect(await inventory(env.DATABASE_URL)).toEqual(before);
  const { token, environmentId } = first.facts();
  expect((await call({ url: second.url, token }, 'GET', `/v1/envs/${environmentId}/agent-secrets`)).status).toBe(200);
  await second.stop();

  await cp(join(folder, 'one', 'development.json'), join(folder, 'two', 'development.json'));
  const third = await start(env, join(folder, 'two'));
  expect(third.facts()).toEqual({ ...first.facts(), url: third.url, graphqlUrl: third.graphqlUrl });
  expect(await secretsOf(third)).toEqual(await secretsOf(first));
  expect(await inventory(env.DATABASE_URL)).toEqual(before);
});

test.each(['somebody', 'development'])(
  'a database where an account named %s lives is left as it is: nothing is seeded, no token is made',
  async (name) => {
    const url = await database('migrated');
    const operator = await runToEnd({
      script: 'cli/create-token.js',
      args: ['--account', name, '--admin'],
      env: { DATABASE_URL: url },
      dataDir: join(folder, 'data'),
    });
    expect(operator).toMatchObject({ code: 0, stderr: '' });
    const before = await inventory(url);
    await expectNoToken(await start({ DATABASE_URL: url }));
    expect(await inventory(url)).toEqual(before);
  },
);

test('an account that development.json names is taken over by no other database', async () => {
  const first = await start({ DATABASE_URL: await database('migrated') });
  await first.stop();
  const url = await database('migrated');
  const operator = await runToEnd({
    script: 'cli/create-token.js',
    args: ['--account', 'development'],
    env: { DATABASE_URL: url },
    dataDir: join(folder, 'data'),
  });
  expect(operator.code).toBe(0);
  const before = await inventory(url);
  const second = await start({ DATABASE_URL: url });
  expect(second.stdout()).toContain('No development token');
  expect(await inventory(url)).toEqual(before);
});

test('beside many other applications and environments the development ones are found again', async () => {
  const url = await database('migrated');
  const first = await start({ DATABASE_URL: url });
  const { applicationId } = first.facts();
  for (let number = 0; number < 60; number += 1) {
    const name = `a${number}`;
    await ask(
      developer(first),
      `mutation ($application: CreateApplicationInput!, $environment: CreateEnvironmentInput!) {
        createApplication(input: $application) { __typename }
        createEnvironment(input: $environment) { __typename }
      }`,
      { application: { name }, environment: { applicationId, name } },
    );
  }
  await first.stop();
  const before = await inventory(url);
  const second = await start({ DATABASE_URL: url });
  expect(second.facts().environmentId).toBe(first.facts().environmentId);
  expect(await inventory(url)).toEqual(before);
});
