// Stopping: requests in flight are finished, nobody new is let in, and the process ends by itself with exit code 0.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import postgres from 'postgres';
import { describe, expect, test, vi } from 'vitest';
import { call, createSecret, developer, isRefused, secretsOf, until } from '../../server/process/client.js';
import { createTestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, startServer } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 60_000 });

/** The exit code, which must come without any further signal. */
async function ended({ child }: RunningServer): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** A service on a database of its own. */
async function withServer(work: (server: RunningServer, sql: postgres.Sql) => Promise<void>): Promise<void> {
  const database = await createTestDatabase();
  const sql = postgres(database.url, { max: 4, onnotice: () => undefined });
  const server = await startServer({ env: { DATABASE_URL: database.url } });
  try {
    await work(server, sql);
  } finally {
    await server.kill9();
    await sql.end({ timeout: 5 });
    await database.drop();
  }
}

/** Holds the secret's row, so that a write of it waits in Postgres. */
async function holdingRow(
  sql: postgres.Sql,
  id: string,
  work: (writeWaits: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  await sql.begin(async (lock) => {
    const [holder] = await lock`select pg_backend_pid() as pid from agent_secrets where id = ${id} for update`;
    await work(() =>
      until('the write waits for the row', async () => {
        const [waiting] = await sql`select 1 from pg_stat_activity where ${holder?.pid} = any(pg_blocking_pids(pid))`;
        return waiting;
      }),
    );
  });
}

function update(server: RunningServer, id: string) {
  return call(developer(server), 'PATCH', `/v1/agent-secrets/${id}`, { currentRevision: 0 });
}

/** A request whose body is sent up to its last byte. */
async function openUpload(server: RunningServer, path: string): Promise<{ socket: Socket; rest: string }> {
  const body = JSON.stringify({ path: [path], secretType: { type: 'Str' }, secretValue: 'slow' });
  const { token, environmentId } = server.facts();
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    `POST /v1/envs/${environmentId}/agent-secrets HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, -1)}`,
  );
  return { socket, rest: body.slice(-1) };
}

async function answerOn(socket: Socket): Promise<string> {
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  await once(socket, 'close');
  return answer;
}

async function endsSoonAfterSignal(server: RunningServer): Promise<void> {
  const began = performance.now();
  server.child.kill('SIGTERM');
  expect(await ended(server)).toBe(0);
  expect(performance.now() - began).toBeLessThan(5_000);
}

describe.concurrent('a signal', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} lets a write finish that waits in the database, and lets nobody in`, () =>
      withServer(async (server, sql) => {
        const { id } = await createSecret(server, `held${signal}`, 'x');
        let answer: Promise<unknown> | undefined;
        await holdingRow(sql, id, async (writeWaits) => {
          answer = update(server, id);
          await writeWaits();
          server.child.kill(signal);
          await until('new connections are refused', () => isRefused(server.url));
          // npm passes on a Ctrl-C that has reached the service already: that changes nothing, and neither does time.
          server.child.kill(signal);
          for (let turn = 0; turn < 20; turn += 1) {
            expect(await isRefused(server.url)).toBe(true);
            expect(server.child.exitCode).toBeNull();
            await sleep(25);
          }
        });
        expect(await answer).toMatchObject({ status: 200, body: { id, revision: 1 } });
        expect(await ended(server)).toBe(0);
        expect(server.complaints()).toBe('');
      }));
  }

  test('that is repeated by an impatient operator ends the service at once', () =>
    withServer(async (server, sql) => {
      const { id } = await createSecret(server, 'impatient', 'x');
      await holdingRow(sql, id, async (writeWaits) => {
        const answer = update(server, id).catch(() => 'disconnected');
        await writeWaits();
        server.child.kill('SIGTERM');
        await until('new connections are refused', () => isRefused(server.url));
        await until('the service is gone', async () => !server.child.kill('SIGINT'), 4_000);
        expect(server.child.exitCode).toBe(1);
        expect(await answer).toBe('disconnected');
      });
    }));

  test('lets an upload finish that has begun', () =>
    withServer(async (server) => {
      const { socket, rest } = await openUpload(server, 'uploaded');
      // Answered on the same thread, so the upload's beginning has been read, too.
      await call({ url: server.url }, 'GET', '/healthz');
      server.child.kill('SIGTERM');
      await until('new connections are refused', () => isRefused(server.url));
      const answer = answerOn(socket);
      socket.write(rest);
      expect(await answer).toMatch(/^HTTP\/1\.1 200 .*"path":\["uploaded"\]/s);
      expect(await ended(server)).toBe(0);
    }));

  test('does not wait for a connection that is kept alive', () =>
    withServer(async (server) => {
      const agent = new Agent({ keepAlive: true });
      const [response] = await once(get(`${server.url}/healthz`, { agent }), 'response');
      response.resume();
      await once(response, 'end');
      await endsSoonAfterSignal(server);
      agent.destroy();
    }));

  test('does not wait for a connection that has not sent anything, as browsers open them in advance', () =>
    withServer(async (server) => {
      const silent = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => undefined);
      await once(silent, 'connect');
      await call({ url: server.url }, 'GET', '/healthz');
      await endsSoonAfterSignal(server);
      silent.destroy();
    }));

  test('gives up on a client that never finishes, after a while', () =>
    withServer(async (server) => {
      const { socket } = await openUpload(server, 'unfinished');
      socket.on('error', () => undefined);
      await call({ url: server.url }, 'GET', '/healthz');
      server.child.kill('SIGTERM');
      expect(await ended(server)).toBe(0);
      socket.destroy();
    }));

  test('gives up on a write that the database never finishes, after a while', () =>
    withServer(async (server, sql) => {
      const { id } = await createSecret(server, 'stuck', 'x');
      await holdingRow(sql, id, async (writeWaits) => {
        const answer = update(server, id).catch(() => 'disconnected');
        await writeWaits();
        server.child.kill('SIGTERM');
        expect(await ended(server)).toBe(0);
        await answer;
      });
    }));
});

test('a stop in the middle of writes to the embedded database loses nothing that was acknowledged', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'agent-secrets-stop-'));
  const running: RunningServer[] = [];
  async function start(): Promise<RunningServer> {
    const server = await startServer({ dataDir });
    running.push(server);
    return server;
  }
  try {
    const first = await start();
    const acknowledged: object[] = [];
    let stopped: Promise<number | null> | undefined;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let turn = 0; turn < 500; turn += 1) {
        const secret = await createSecret(first, `w${writer}x${turn}`, 'x').catch(() => undefined);
        if (!secret) return;
        acknowledged.push(secret);
        if (acknowledged.length >= 20) stopped ??= first.stop();
      }
    });
    await Promise.all(writers);
    expect(await stopped).toBe(0);
    const second = await start();
    expect([...(await secretsOf(second)).values()]).toEqual(expect.arrayContaining(acknowledged));
  } finally {
    await Promise.all(running.map((server) => server.kill9()));
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  }
});

test('a database that cannot be closed is logged, and the exit code tells', async () => {
  const pglite = createRequire(import.meta.url)
    .resolve('@electric-sql/pglite')
    .replace(/\.cjs$/, '.js');
  const probe = `import { PGlite } from ${JSON.stringify(pathToFileURL(pglite).href)};
    PGlite.prototype.close = () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));`;
  const server = await startServer({
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(probe)}` },
  });
  expect(await server.stop()).toBe(1);
  expect(server.complaints()).toMatch(/^\{[^\n]*ENOSPC[^\n]*"msg":"could not stop cleanly"\}\n$/);
});
