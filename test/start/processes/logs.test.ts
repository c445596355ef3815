// What the log of a service tells: its start without secrets, its end, each request where that is wanted, as JSON or text.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { loadConfig } from '../../../src/config/config.js';
import { shownConfig } from '../../../src/config/shown.js';
import { ask, call, createSecret, developer, until } from '../../server/process/client.js';
import { canary } from '../../support/canary.js';
import { leaksInText } from '../../support/canary-files.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, startServer } from '../../support/server.js';

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let database: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-logs-'));
  database = await createTestDatabase();
});
afterAll(async () => {
  await database?.drop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

function start(env: Record<string, string> = {}): Promise<RunningServer> {
  return startServer({ env: { DATABASE_URL: database.url, ...env }, dataDir: join(folder, 'data') });
}

function linesOf({ stderr }: RunningServer): any[] {
  return stderr()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

const NEXT_TO_NOTHING = { level: 'info', time: expect.any(String) };

test('the start, the readiness and the end have a line each, the first with the configuration', async () => {
  const server = await start();
  expect(await server.stop()).toBe(0);
  const lines = linesOf(server);
  expect(lines.map(({ msg }) => msg)).toEqual(['listening', 'started', 'ready', 'draining', 'stopped']);
  const [, started, ready, draining, stopped] = lines;
  expect(started).toMatchObject({
    ...NEXT_TO_NOTHING,
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    node: process.version,
    database: { name: expect.any(String), user: expect.any(String), hosts: [expect.any(String)] },
    config: { port: 0, workers: 1, readAudit: 'async' },
  });
  expect(ready).toEqual({ ...NEXT_TO_NOTHING, url: server.url, msg: 'ready' });
  expect(draining).toEqual({ ...NEXT_TO_NOTHING, signal: 'SIGTERM', delaySeconds: 0, msg: 'draining' });
  expect(stopped).toEqual({ ...NEXT_TO_NOTHING, code: 0, msg: 'stopped' });
});

test('no secret of the configuration is in that line', () => {
  const env = {
    DATABASE_URL: `postgres://user:${canary()}@127.0.0.1:1/name`,
    MASTER_KEYS: canary(),
    TRANSIT_URL: 'http://127.0.0.1:1',
    TRANSIT_KEY: 'k',
    TRANSIT_TOKEN: canary(),
  };
  const shown = shownConfig(loadConfig(env));
  expect(leaksInText(JSON.stringify(shown))).toEqual([]);
  expect(shown).toMatchObject({
    database: { hosts: ['127.0.0.1:1'], name: 'name', user: 'user' },
    config: { transit: { url: 'http://127.0.0.1:1', mount: 'transit', key: 'k' } },
  });
});

test('several workers start, are ready and stop as one service, and each says so, too', async () => {
  const server = await start({ WORKERS: '2' });
  expect(await server.stop()).toBe(0);
  const own = linesOf(server).filter(({ pid }) => pid === server.child.pid);
  expect(own.map(({ msg }) => msg)).toEqual(['started', 'ready', 'draining', 'stopped']);
  const others = linesOf(server).filter(({ pid }) => pid !== server.child.pid);
  expect(others.map(({ msg }) => msg).sort()).toEqual([
    'draining',
    'draining',
    'listening',
    'listening',
    'ready',
    'ready',
    'stopped',
    'stopped',
  ]);
});

describe('the access log', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await start({ ACCESS_LOG: 'true', LOG_LEVEL: 'error', TRUST_PROXY: 'true' });
  });
  afterAll(() => server?.stop());

  const accessOf = (requestId: string) =>
    until('the request is logged', async () => linesOf(server).find((line) => line.requestId === requestId));

  test('has a line for each request, whatever the level, with ids and no text of the caller', async () => {
    const caller = developer(server);
    const { id } = await createSecret(server, 'logged', canary());
    const headers = { 'x-request-id': 'first', 'x-forwarded-for': '203.0.113.7', 'user-agent': canary() };
    await call(caller, 'GET', `/v1/agent-secrets/${id}?${canary()}`, undefined, headers);
    const { viewer } = await ask(caller, '{ viewer { id } }');
    expect(await accessOf('first')).toEqual({
      ...NEXT_TO_NOTHING,
      requestId: 'first',
      account: viewer.id,
      token: expect.stringMatching(/^[0-9a-f-]{36}$/),
      address: '203.0.113.7',
      door: 'rest',
      operation: 'get_agent_secret',
      method: 'GET',
      status: 200,
      code: 'OK',
      ms: expect.any(Number),
      msg: 'access',
    });
  });

  test('tells refusals by their code, and who was refused only where that is known', async () => {
    const caller = developer(server);
    await call({ url: server.url }, 'GET', `/v1/${canary()}`, undefined, { 'x-request-id': 'nowhere' });
    expect(await accessOf('nowhere')).toMatchObject({ door: 'other', status: 404, code: 'NOT_FOUND' });
    const query = `query ${canary().replaceAll('-', '_')} { node(id: "${canary()}") { id } }`;
    await call(caller, 'POST', '/graphql', { query }, { 'x-request-id': 'query' });
    const line = await accessOf('query');
    expect(line).toMatchObject({ door: 'graphql', operation: 'anonymous', method: 'POST' });
    await call(
      caller,
      'POST',
      '/graphql',
      { query: 'mutation { createAccount(input: {name: "x"}) { __typename } }' },
      { 'x-request-id': 'refused', authorization: 'Bearer none-such-token-at-all' },
    );
    const refused = await accessOf('refused');
    expect(refused).toMatchObject({ code: 'AUTH_UNAUTHORIZED' });
    expect(refused).not.toHaveProperty('account');
  });
});

test('a log for people has the same as text, one line for each', async () => {
  const server = await start({ LOG_FORMAT: 'text', ACCESS_LOG: 'true', LOG_LEVLE: canary() });
  await call({ url: server.url }, 'GET', '/healthz', undefined, { 'x-request-id': 'as-text' });
  await until('it is logged', async () => server.stderr().includes('as-text'));
  await server.stop();
  const lines = server.stderr().split('\n').filter(Boolean);
  for (const line of lines) expect(line).toMatch(/^\d{4}-\S+Z (INFO |WARN |ERROR) \S/);
  expect(lines.find((line) => line.includes('as-text'))).toMatch(
    / INFO {2}access requestId=as-text address=127\.0\.0\.1 door=health method=GET status=200 code=OK ms=[\d.]+$/,
  );
  expect(lines.find((line) => line.includes(' WARN '))).toMatch(/LOG_LEVLE is not known .* LOG_LEVEL\?$/);
  expect(lines.at(-1)).toMatch(/ INFO {2}stopped code=0$/);
});
