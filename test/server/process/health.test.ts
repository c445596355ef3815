// Health as a load balancer sees it: the process stays well while its database is away, and recovers by itself.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase, testPostgres } from '../../support/postgres/database.js';
import { type RunningServer, startServer } from '../../support/server.js';
import { type Answer, call, createSecret, developer, freePort, secretsOf, until } from './client.js';

/** A road to Postgres that the test can close: refusing everybody, or letting everybody in and nothing through. */
interface Road {
  url: string;
  open(): Promise<void>;
  refuse(): Promise<void>;
  fallSilent(): void;
  close(): Promise<void>;
}

async function roadTo(url: string): Promise<Road> {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  let isSilent = false;
  // Not given to anybody else while the road is closed.
  const port = await freePort();
  let server: Server;
  async function open() {
    isSilent = false;
    for (const socket of sockets) socket.destroy();
    if (server?.listening) return;
    server = createServer((near) => {
      const far = connect(Number(to.port), to.hostname);
      for (const [from, into] of [[near, far] as const, [far, near] as const]) {
        sockets.add(from);
        from.on('error', () => undefined).on('close', () => into.destroy());
        from.on('data', (data) => isSilent || into.write(data));
        from.on('close', () => sockets.delete(from));
      }
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  }
  async function refuse() {
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }
  await open();
  return {
    url: Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href,
    open,
    refuse,
    fallSilent: () => {
      isSilent = true;
    },
    close: refuse,
  };
}

let database: TestDatabase;
let road: Road;
let server: RunningServer;
beforeAll(async () => {
  database = await createTestDatabase();
  road = await roadTo(database.url);
  server = await startServer({ env: { DATABASE_URL: road.url, DATABASE_STATEMENT_TIMEOUT_MS: '1000' } });
});
afterAll(async () => {
  await server?.kill9();
  await road?.close();
  await database?.drop();
});

const health = () => call({ url: server.url }, 'GET', '/healthz');
const ready = () => call({ url: server.url }, 'GET', '/readyz');
/** An answer is shared for a moment, so the first after a change may still be the old one. */
const becomesUnready = () =>
  until('not ready', async () => {
    const answer = await ready();
    return answer.status !== 200 && answer;
  });
const becomesReady = () => until('ready again', async () => (await ready()).status === 200);

function expectUnavailable(answer: Answer): void {
  expect(answer).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE', error: expect.any(String) } });
  expect(Object.keys(answer.body)).toEqual(['code', 'error']);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
}

describe('while the database refuses connections', () => {
  afterEach(async () => {
    await road.open();
    await becomesReady();
  });

  test('readyz answers 503 with JSON and Retry-After, healthz 200, and both recover', async () => {
    expect(await ready()).toMatchObject({ status: 200, body: { status: 'ready' } });
    await road.refuse();
    for (let turn = 0; turn < 3; turn += 1) {
      expectUnavailable(await becomesUnready());
      expect(await health()).toMatchObject({ status: 200, body: { status: 'ok' } });
    }
    await road.open();
    await becomesReady();
    expect((await secretsOf(server)).size).toBeGreaterThanOrEqual(6);
  });

  test('both doors answer UNAVAILABLE without a detail of the database, and nothing is logged as a bug', async () => {
    const { environmentId } = server.facts();
    await road.refuse();
    const path = `/v1/envs/${environmentId}/agent-secrets`;
    expectUnavailable(await call(developer(server), 'GET', path));
    expectUnavailable(
      await call(developer(server), 'POST', path, { path: ['lost'], secretType: { type: 'Str' }, secretValue: 'x' }),
    );
    const { body } = await call(developer(server), 'POST', '/graphql', { query: '{ viewer { name } }' });
    expect(body.errors[0].extensions.code).toBe('UNAVAILABLE');
    expect(JSON.stringify(body)).not.toMatch(/ECONN|127\.0\.0\.1|postgres/);
    expect(server.stderr()).not.toContain('unexpected error');
    expect(server.stderr()).toMatch(/^\{"level":"warn",.*"code":"ECONN\w+".*"msg":"answered UNAVAILABLE"\}$/m);
    expect(server.stderr()).toMatch(/^\{"level":"warn",.*"code":"\w+".*"msg":"database connection replaced"\}$/m);
    await road.open();
    await becomesReady();
    expect((await secretsOf(server)).has('lost')).toBe(false);
  });
});

test('when the server ends every session (a restart of Postgres), the next requests work', async () => {
  await createSecret(server, 'before', 'x');
  const { adminUrl } = await testPostgres();
  const admin = postgres(adminUrl, { max: 1 });
  const name = new URL(database.url).pathname.slice(1);
  try {
    await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`;
    const found = await until('the next requests work', () => secretsOf(server).catch(() => undefined));
    expect(found.has('before')).toBe(true);

    await admin`alter database ${admin(name)} with allow_connections false`;
    await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`;
    expectUnavailable(await becomesUnready());
    expect((await health()).status).toBe(200);
  } finally {
    await admin`alter database ${admin(name)} with allow_connections true`;
    await admin.end({ timeout: 5 });
  }
  await becomesReady();
});

test('while the database says nothing at all, readyz gives up within seconds, and recovers', async () => {
  await becomesReady();
  road.fallSilent();
  try {
    const late = sleep(12_000, undefined, { ref: false });
    const answer = await Promise.race([becomesUnready(), late]);
    expect(answer, 'an answer within 12 s').toBeDefined();
    expectUnavailable(answer as Answer);
    expect((await health()).status).toBe(200);
  } finally {
    await road.open();
  }
  await becomesReady();
});
