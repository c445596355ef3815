// The first start on an empty folder: what a newcomer finds in the terminal, in the folder and behind both doors.
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, call, developer, freePort, secretsOf, until } from '../../server/process/client.js';
import { createTestDatabase } from '../../support/postgres/database.js';
import { launch, type RunningServer, startServer } from '../../support/server.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

async function modeOf(...path: string[]): Promise<string> {
  return ((await stat(join(server.dataDir, ...path))).mode & 0o777).toString(8);
}

test('the greeting names GraphiQL, the token and the environment', () => {
  const { url, token, environmentId } = server.facts();
  const lines = server.stdout().split('\n');
  expect(lines.find((line) => line.includes('GraphiQL'))).toContain(`${url}/graphql`);
  expect(lines.find((line) => line.includes('Token'))).toContain(token);
  expect(lines.find((line) => line.includes('Environment'))).toContain(environmentId);
  expect(lines.find((line) => line.includes('Database'))).toContain(server.dataDir);
});

test('both curl lines of the greeting work when they are pasted', async () => {
  const lines = server
    .stdout()
    .split('\n')
    .filter((line) => line.trim().startsWith('curl '));
  expect(lines).toHaveLength(2);
  const [rest, graphql] = await Promise.all(
    lines.map(async (line) => JSON.parse((await promisify(execFile)('bash', ['-c', line])).stdout)),
  );
  expect(rest.values.length).toBeGreaterThanOrEqual(5);
  expect(graphql).toEqual({ data: { viewer: { name: 'development' } } });
});

test('nothing but the greeting is printed', () => {
  expect(server.complaints()).toBe('');
});

test('development.json holds the documented facts and nothing else', () => {
  const facts = server.facts();
  expect(Object.keys(facts)).toEqual(['url', 'graphqlUrl', 'token', 'accountId', 'applicationId', 'environmentId']);
  expect(facts).toMatchObject({ url: server.url, graphqlUrl: `${server.url}/graphql` });
  expect(facts.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

test('the facts agree with what GraphQL answers', async () => {
  const facts = server.facts();
  const data = await ask(
    developer(server),
    `query ($id: UUID!) {
      viewer { id }
      environment(id: $id) { id myRoles application { id } }
    }`,
    { id: facts.environmentId },
  );
  expect(data.viewer.id).toBe(facts.accountId);
  expect(data.environment).toMatchObject({
    id: facts.environmentId,
    myRoles: ['OWNER'],
    application: { id: facts.applicationId },
  });
});

test('the data folder and the secrets in it are for their owner only', async () => {
  expect(await modeOf()).toBe('700');
  expect(await modeOf('development.json')).toBe('600');
  expect(await modeOf('master-keys.json')).toBe('600');
  expect(await modeOf('postgres')).toBe('700');
});

test('the samples show at least five types, 64 bits and a secret without a value', async () => {
  const secrets = [...(await secretsOf(server)).values()];
  expect(new Set(secrets.map(({ secretType }) => secretType.type)).size).toBeGreaterThanOrEqual(5);
  expect(secrets.filter(({ secretValue }) => secretValue === null)).toHaveLength(1);
  const { body } = await call(developer(server), 'GET', `/v1/agent-secrets/${secrets[0].id}`);
  expect(body).toEqual(secrets[0]);
  const list = await fetch(`${server.url}/v1/envs/${server.facts().environmentId}/agent-secrets`, {
    headers: { authorization: `Bearer ${server.facts().token}` },
  });
  expect(await list.text()).toContain('"secretValue":18446744073709551615');
});

test('GraphiQL opens without any header, and its page brings the token along', async () => {
  const response = await fetch(server.graphqlUrl, { headers: { accept: 'text/html' } });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('text/html');
  expect(await response.text()).toContain(server.facts().token);
});

test('the process and the database report that they are well, to anybody', async () => {
  expect(await call({ url: server.url }, 'GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await call({ url: server.url }, 'GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
});

test('while the set-up is being made, requests get the documented refusal and a time to come back', async () => {
  const database = await createTestDatabase();
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  const port = await freePort();
  const starting = await sql.begin(async (lock) => {
    await lock`lock table agent_secrets in share mode`;
    const launched = await launch({ env: { DATABASE_URL: database.url, PORT: String(port) } });
    const url = `http://127.0.0.1:${port}`;
    const answer = await until('an answer', () => call({ url }, 'GET', '/readyz').catch(() => undefined));
    expect(answer).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE', error: expect.any(String) } });
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    return launched;
  });
  try {
    expect(await starting.said.listening).toBe(`http://127.0.0.1:${port}`);
  } finally {
    starting.child.kill('SIGKILL');
    await starting.ended;
    await starting.cleanUp();
    await sql.end({ timeout: 5 });
    await database.drop();
  }
});
