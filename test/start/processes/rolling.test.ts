// Rolling restarts: whoever follows the answers and the health check of an instance that stops loses no request.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { blocksOf } from '../../docs/pages.js';
import { ask, call, freePort, isRefused, until } from '../../server/process/client.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
let env: Record<string, string>;
let token: string;
let environmentId: string;
let secretId: string;
const running = new Set<RunningServer>();
beforeAll(async () => {
  database = await createTestDatabase();
  env = { NODE_ENV: 'production', DATABASE_URL: database.url, MASTER_KEYS: generateKeyring() };
  const made = await runToEnd({ script: 'cli/create-token.js', args: ['--account', 'rolling', '--admin'], env });
  token = made.stdout.trim();
  const server = await start({});
  const caller = { url: server.url, token };
  const {
    createApplication: { application },
  } = await ask(
    caller,
    'mutation { createApplication(input: {name: "a"}) { ... on CreateApplicationPayload { application { id } } } }',
  );
  const {
    createEnvironment: { environment },
  } = await ask(
    caller,
    'mutation ($a: ID!) { createEnvironment(input: {applicationId: $a, name: "e"}) { ... on CreateEnvironmentPayload { environment { id } } } }',
    { a: application.id },
  );
  environmentId = environment.id;
  secretId = await createSecret(server.url);
  await server.stop();
});
afterAll(async () => {
  await Promise.all([...running].map((server) => server.kill9()));
  await database?.drop();
});

async function start(more: Record<string, string>): Promise<RunningServer> {
  const server = await startServer({ env: { ...env, ...more } });
  running.add(server);
  server.child.once('exit', () => running.delete(server));
  return server;
}

/** Clients that read and write until they are told to stop or refused, on connections that are kept. Counts outcomes. */
async function load(url: string, clients: number, pauseMs: number) {
  const outcomes: Record<string, number> = {};
  const agent = new Agent({ keepAlive: true });
  const ids = await Promise.all(Array.from({ length: clients / 2 }, () => createSecret(url)));
  let goesOn = true;
  async function run(id: string, writes: boolean): Promise<void> {
    for (let turn = 0; goesOn && turn < 100_000; turn += 1) {
      const outcome = await attempt(agent, url, id, writes ? { currentRevision: turn } : undefined);
      if (outcome === 'ECONNREFUSED') return;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      await sleep(Math.random() * pauseMs);
    }
  }
  const all = Promise.all(ids.flatMap((id) => [run(id, true), run(id, false)]));
  return {
    outcomes,
    async stop() {
      goesOn = false;
      await all;
      agent.destroy();
    },
  };
}

let named = 0;

async function createSecret(url: string): Promise<string> {
  named += 1;
  const secret = { path: [`n${named}`], secretType: { type: 'Bool' }, secretValue: true };
  return (await call({ url, token }, 'POST', `/v1/envs/${environmentId}/agent-secrets`, secret)).body.id;
}

/** Reads a secret, or changes it. Resolves to the status, or the code of the failure. */
function attempt(agent: Agent, url: string, id: string, change: object | undefined): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, ...(change && { 'content-type': 'application/json' }) };
  const method = change ? 'PATCH' : 'GET';
  return new Promise((resolve) => {
    const failed = ({ code, message }: NodeJS.ErrnoException) => resolve(code ?? message);
    const sent = request(`${url}/v1/agent-secrets/${id}`, { method, agent, headers }).on('error', failed);
    sent.on('response', (answer) => {
      answer.on('error', failed).on('end', () => resolve(String(answer.statusCode)));
      answer.resume();
    });
    sent.end(change && JSON.stringify(change));
  });
}

test.each([1, 2])(
  'an instance of %i processes that stops serves on and says so, and clients that stay until they are refused lose nothing',
  async (workers) => {
    const server = await start({ WORKERS: String(workers), DRAIN_DELAY_SECONDS: '4' });
    const clients = await load(server.url, 20, 400);
    await until('the clients are answered', async () => (clients.outcomes['200'] ?? 0) > 100);
    const signalled = performance.now();
    server.child.kill('SIGTERM');
    const caller = { url: server.url, token };
    await until('not ready', async () => (await call(caller, 'GET', '/readyz')).status === 503);
    // Whichever process answers: each of them has been told.
    for (let turn = 0; turn < 2 * workers; turn += 1) {
      const answer = await until('told', () => ofDraining(server.url));
      expect(answer).toEqual({ status: 200, connection: 'close' });
    }
    expect((await call(caller, 'GET', '/healthz')).status).toBe(200);
    expect(await isRefused(server.url)).toBe(false);
    if (server.child.exitCode === null) await once(server.child, 'exit');
    expect(performance.now() - signalled).toBeGreaterThan(4_000);
    expect(server.child.exitCode).toBe(0);
    await clients.stop();
    // The system resets a connection that arrives in the microseconds in which the port closes. Before, dozens were.
    // @TODO until the first process hands out its queue before it closes: what waits there for a process is reset, too.
    const mostReset = workers === 1 ? 1 : 10;
    const { 200: answered = 0, ECONNRESET: reset = 0, ...others } = clients.outcomes;
    expect({ answered: answered > 100, reset: reset <= mostReset, others }).toEqual({
      answered: true,
      reset: true,
      others: {},
    });
    expect(server.complaints()).toBe('');
  },
);

/** What an instance answers on a connection that the client would keep; undefined while it keeps it, too. */
async function ofDraining(url: string): Promise<{ status: number; connection: string } | undefined> {
  const agent = new Agent({ keepAlive: true });
  const headers = { authorization: `Bearer ${token}` };
  const [answer] = await once(request(`${url}/v1/agent-secrets/${secretId}`, { agent, headers }).end(), 'response');
  answer.resume();
  await once(answer, 'end');
  agent.destroy();
  const { connection } = answer.headers;
  return connection === 'close' ? { status: answer.statusCode, connection } : undefined;
}

const DEBIAN = '/etc/haproxy/haproxy.cfg';
const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;

/** HAProxy with the manual's configuration, and with Debian's defaults where they are. */
async function startHaproxy(
  folder: string,
  instances: readonly number[],
): Promise<{ url: string; child: ChildProcess }> {
  const port = await freePort();
  const ours = blocksOf('docs/rollouts.md').find(({ section }) => section === 'HAProxy')?.text ?? '';
  const defaults = existsSync(DEBIAN) ? (readFileSync(DEBIAN, 'utf8').match(/^defaults$[\s\S]*/m)?.[0] ?? '') : '';
  const addresses = [port, ...instances].map((one) => `127.0.0.1:${one}`);
  const config = `${defaults}\n${ours}`.replace(
    /(?<=^\s+(?:bind|server \S+) )\S+/gm,
    () => addresses.shift() as string,
  );
  expect(addresses).toEqual([]);
  await writeFile(join(folder, 'haproxy.cfg'), config);
  const child = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' });
  return { url: `http://127.0.0.1:${port}`, child };
}

test.skipIf(!hasHaproxy)(
  'behind HAProxy two instances are restarted one after the other, and no request fails (skipped without haproxy)',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'agent-secrets-haproxy-'));
    const ports = [await freePort(), await freePort()];
    // An empty variable is one that is not set: the delay is that of production.
    const open = (port: number) => start({ PORT: String(port), DRAIN_DELAY_SECONDS: '' });
    const servers = await Promise.all(ports.map(open));
    const { url, child } = await startHaproxy(folder, ports);
    try {
      const isUp = async () => (await call({ url }, 'GET', '/readyz').catch(() => undefined))?.status === 200;
      await until('the proxy answers', isUp);
      const clients = await load(url, 16, 60);
      for (const [index, port] of ports.entries()) {
        await until('load', async () => (clients.outcomes['200'] ?? 0) > 100 * (index + 1));
        expect(await servers[index]?.stop()).toBe(0);
        await open(port);
        // HAProxy believes the second success of a check that it makes every two seconds.
        await sleep(5_000);
      }
      await clients.stop();
      expect(Object.keys(clients.outcomes)).toEqual(['200']);
    } finally {
      child.kill();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  },
);
