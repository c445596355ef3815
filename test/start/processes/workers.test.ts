// WORKERS: several processes behind one port are one service, also while one of them dies and while all of them stop.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createKeyFile } from '../../../src/crypto/key-file.js';
import { ask, type Caller, call, createSecret, developer, isRefused, until } from '../../server/process/client.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, startServer } from '../../support/server.js';
import { openStream } from '../../support/streams/event-stream.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

const WORKERS = 2;
/** Connections go round: so many reach every process. */
const UNDER_WAY = 4 * WORKERS;

let database: TestDatabase;
let sql: postgres.Sql;
let folder: string;
let server: RunningServer;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = postgres(database.url, { max: 2, onnotice: () => undefined });
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-workers-'));
  server = await start();
});
afterAll(async () => {
  await server?.kill9();
  await sql?.end({ timeout: 5 });
  await database?.drop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** At debug, for every request is a line that names the process. */
function start(env: Record<string, string> = {}): Promise<RunningServer> {
  return startServer({
    // A revoked token is tried until all processes refuse it, which is more failures than an address may have.
    env: {
      DATABASE_URL: database.url,
      WORKERS: String(WORKERS),
      LOG_LEVEL: 'debug',
      FAILED_CREDENTIALS_PER_ADDRESS: '0',
      ...env,
    },
    // The same one for all, so that every service knows the token that the first has made.
    dataDir: join(folder, 'data'),
  });
}

function linesOf({ stderr }: RunningServer): any[] {
  return stderr()
    .split('\n')
    .flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []));
}

let asked = 0;

/** A request on a connection of its own, and the process that has answered it. */
async function callAny(to: RunningServer, caller: Caller, method: string, path: string, body?: object) {
  asked += 1;
  const requestId = `asked-${asked}`;
  const answer = await call(caller, method, path, body, { 'x-request-id': requestId });
  return { ...answer, pid: await pidOf(to, requestId) };
}

function pidOf(to: RunningServer, requestId: string): Promise<number> {
  return until(
    `a line about ${requestId}`,
    async () => linesOf(to).find((line) => line.msg === 'request' && line.requestId === requestId)?.pid,
  );
}

/** Asks until every process has answered; connections go round, so that soon happens. Answers what they said. */
async function callEach(to: RunningServer, caller: Caller, method: string, path: string) {
  const answers = new Map<number, Awaited<ReturnType<typeof callAny>>>();
  for (let n = 0; answers.size < WORKERS && n < 20 * WORKERS; n += 1) {
    const answer = await callAny(to, caller, method, path);
    if (!answers.has(answer.pid)) answers.set(answer.pid, answer);
  }
  expect(answers.size).toBe(WORKERS);
  return answers;
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the processes', () => {
  test('answer on one port, and the start is told once', async () => {
    const answers = await callEach(server, { url: server.url }, 'GET', '/readyz');
    expect([...answers.values()].map(({ status }) => status)).toEqual(Array(WORKERS).fill(200));
    expect([...answers.keys()]).not.toContain(server.child.pid);
    expect(server.stdout().match(/Agent secrets gateway on/g)).toHaveLength(1);
    expect(server.stdout()).toContain(`Workers      ${WORKERS} processes`);
    expect(server.complaints()).toBe('');
  });

  test('see at once what one of them has written', async () => {
    const { id } = await createSecret(server, 'seen', 'x');
    const path = `/v1/agent-secrets/${id}`;
    for (let revision = 0; revision < 3; revision += 1) {
      for (const { body } of (await callEach(server, developer(server), 'GET', path)).values()) {
        expect(body).toMatchObject({ id, revision });
      }
      const written = await callAny(server, developer(server), 'PATCH', path, { currentRevision: revision });
      expect(written.status).toBe(200);
    }
  });

  test('refuse a token within seconds after one of them has revoked it', async () => {
    const { createToken } = await ask(
      developer(server),
      'mutation { createToken(input: { name: "passing" }) { ... on CreateTokenPayload { secret token { id } } } }',
    );
    const caller = { url: server.url, token: createToken.secret };
    const path = `/v1/envs/${server.facts().environmentId}/agent-secrets`;
    for (const { status } of (await callEach(server, caller, 'GET', path)).values()) expect(status).toBe(200);
    await ask(developer(server), 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { __typename } }', {
      id: createToken.token.id,
    });
    await until('all refuse it', async () => {
      const answers = await callEach(server, caller, 'GET', path);
      return [...answers.values()].every(({ status }) => status === 401);
    });
  });

  test('tell each other’s writes to the streams of all, in order', async () => {
    const { token, environmentId } = server.facts();
    const { id } = await createSecret(server, 'told', 'x');
    const streams = new Map<number, Awaited<ReturnType<typeof openStream>>>();
    for (let n = 0; streams.size < WORKERS && n < 20 * WORKERS; n += 1) {
      const requestId = `stream-${n}`;
      const path = `/v1/envs/${environmentId}/agent-secrets/changes`;
      const stream = await openStream(server.url, { path, token, headers: { 'x-request-id': requestId } });
      const pid = await pidOf(server, requestId);
      if (streams.has(pid)) stream.close();
      else streams.set(pid, stream);
    }
    expect(streams.size).toBe(WORKERS);
    const first = await Promise.all([...streams.values()].map(async (stream) => (await stream.next()).data));
    const writers = new Set<number>();
    let written = 0;
    while (writers.size < WORKERS && written < 20 * WORKERS) {
      const { status, pid } = await callAny(server, developer(server), 'PATCH', `/v1/agent-secrets/${id}`, {
        currentRevision: written,
      });
      expect(status).toBe(200);
      written += 1;
      writers.add(pid);
    }
    expect(writers.size).toBe(WORKERS);
    await Promise.all(
      [...streams.values()].map(async (stream, index) => {
        const seen: number[] = [];
        while (seen.length < written) {
          const { data } = await stream.next();
          seen.push(...data.changes.map((change: any) => change.environmentRevision));
        }
        const from = first[index].environmentRevision;
        expect(seen).toEqual(Array.from({ length: written }, (_, turn) => from + 1 + turn));
        stream.close();
      }),
    );
  });

  test('replace one that is killed, and the others answer meanwhile', async () => {
    const before = await callEach(server, { url: server.url }, 'GET', '/healthz');
    const [victim] = before.keys() as Iterable<number>;
    process.kill(victim as number, 'SIGKILL');
    await until('the loss is told', async () =>
      linesOf(server).some((line) => line.msg === 'a worker has ended' && line.worker === victim),
    );
    const newcomer = await until('another one answers', async () => {
      const { status, pid } = await callAny(server, developer(server), 'GET', '/readyz');
      expect(status).toBe(200);
      return !before.has(pid) && pid;
    });
    expect(newcomer).not.toBe(server.child.pid);
    const path = `/v1/envs/${server.facts().environmentId}/agent-secrets`;
    const after = await callEach(server, developer(server), 'GET', path);
    expect([...after.values()].map(({ status }) => status)).toEqual(Array(WORKERS).fill(200));
    expect(after.has(victim as number)).toBe(false);
  });
});

describe('a signal to the first process', () => {
  /** A write under way in every process, held in the database until `work` is done. */
  async function withWritesUnderWay<T>(
    to: RunningServer,
    name: string,
    work: (answers: Promise<number | string>[]) => Promise<T>,
  ): Promise<T> {
    const secrets: { id: string }[] = [];
    for (let n = 0; n < UNDER_WAY; n += 1) secrets.push(await createSecret(to, `${name}${n}`, 'x'));
    return sql.begin(async (lock) => {
      const ids = secrets.map(({ id }) => id);
      await lock`select from agent_secrets where id = any(${ids}) for update`;
      // Writes of one environment wait for each other: one a process reaches the row.
      const answers = ids.map((id) =>
        call(developer(to), 'PATCH', `/v1/agent-secrets/${id}`, { currentRevision: 0 }).then(
          ({ status }) => status,
          () => 'disconnected',
        ),
      );
      await until('a write waits in every process', async () => {
        const [waiting] = await sql<{ count: string }[]>`
          select count(*) from pg_stat_activity
          where cardinality(pg_blocking_pids(pid)) > 0 and datname = current_database()`;
        return Number(waiting?.count) >= WORKERS;
      });
      return work(answers);
    }) as Promise<T>;
  }

  test('lets every process finish what it is asked, and lets nobody in', async () => {
    const own = await start();
    try {
      const pids = [...(await callEach(own, { url: own.url }, 'GET', '/healthz')).keys()];
      const answers = await withWritesUnderWay(own, 'finished', async (underWay) => {
        own.child.kill('SIGTERM');
        await until('new connections are refused', () => isRefused(own.url));
        // npm passes on a Ctrl-C that has reached the service already: that changes nothing.
        own.child.kill('SIGTERM');
        for (let turn = 0; turn < 20; turn += 1) {
          expect(own.child.exitCode).toBeNull();
          await sleep(25);
        }
        return { underWay };
      });
      expect(await Promise.all(answers.underWay)).toEqual(Array(UNDER_WAY).fill(200));
      if (own.child.exitCode === null) await once(own.child, 'exit');
      expect(own.child.exitCode).toBe(0);
      expect(await Promise.all(pids.map(isAlive))).toEqual(Array(WORKERS).fill(false));
      expect(own.complaints()).toBe('');
    } finally {
      await own.kill9();
    }
  });

  test('that is repeated by an impatient operator ends all of them at once', async () => {
    const own = await start();
    try {
      const pids = [...(await callEach(own, { url: own.url }, 'GET', '/healthz')).keys()];
      await withWritesUnderWay(own, 'impatient', async (underWay) => {
        own.child.kill('SIGTERM');
        await until('new connections are refused', () => isRefused(own.url));
        await until('the first process is gone', async () => !own.child.kill('SIGINT'), 8_000);
        expect(own.child.exitCode).toBe(1);
        expect(await Promise.all(underWay)).toEqual(Array(UNDER_WAY).fill('disconnected'));
      });
      await until('all are gone', async () => !(await Promise.all(pids.map(isAlive))).includes(true));
    } finally {
      await own.kill9();
    }
  });

  test('that kills it takes the others along: nobody serves unwatched', async () => {
    const own = await start();
    const pids = [...(await callEach(own, { url: own.url }, 'GET', '/healthz')).keys()];
    await own.kill9();
    await until('all are gone', async () => !(await Promise.all(pids.map(isAlive))).includes(true));
    expect(await isRefused(own.url)).toBe(true);
  });
});

test('when a worker cannot start again and again, the others stop as told and the service ends with a failure', async () => {
  const keyFile = join(folder, 'passing-keys.json');
  await createKeyFile(keyFile);
  const other = await createTestDatabase();
  const own = await start({ DATABASE_URL: other.url, MASTER_KEY_FILE: keyFile });
  try {
    const [victim] = [...(await callEach(own, { url: own.url }, 'GET', '/healthz')).keys()];
    await rm(keyFile);
    process.kill(victim as number, 'SIGKILL');
    await until('the service ends', async () => own.child.exitCode !== null, 60_000);
    expect(own.child.exitCode).toBe(1);
    const ends = linesOf(own).filter(({ msg }) => msg === 'a worker has ended');
    expect(ends).toHaveLength(6);
    expect(ends.at(-1)?.failure).toContain(keyFile);
    expect(linesOf(own).filter(({ level }) => level === 'fatal')).toHaveLength(1);
  } finally {
    await own.kill9();
    await other.drop();
  }
});
