// METRICS_PORT: what a Prometheus sees of a service, of several workers in one answer, and never a text of a caller.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ROOT, read } from '../../docs/pages.js';
import { ask, call, createSecret, developer, freePort, until } from '../../server/process/client.js';
import { CANARY, canary } from '../../support/canary.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../../support/server.js';
import { openStream } from '../../support/streams/event-stream.js';

const run = promisify(execFile);
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let database: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-metrics-'));
  database = await createTestDatabase();
});
afterAll(async () => {
  await database?.drop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

function start(env: Record<string, string> = {}): Promise<RunningServer> {
  return startServer({
    env: { DATABASE_URL: database.url, METRICS_PORT: '0', ...env },
    dataDir: join(folder, 'data'),
  });
}

function metricsUrl({ stderr }: RunningServer): string {
  const [, port] = /"port":(\d+),"msg":"metrics"/.exec(stderr()) ?? [];
  return `http://127.0.0.1:${port}`;
}

/** The samples by name and labels. */
async function metricsOf(server: RunningServer): Promise<Map<string, number>> {
  const { status, body } = await call({ url: metricsUrl(server) }, 'GET', '/metrics');
  expect(status).toBe(200);
  expect(body).not.toMatch(CANARY);
  const lines = (body as string).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

const requests = (door: string, operation: string, code: string) =>
  `agent_secrets_requests_total{door="${door}",operation="${operation}",code="${code}"}`;

describe('one process', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  test('tells in its first answer already whether the database takes writes', async () => {
    expect((await metricsOf(server)).get('agent_secrets_database_writable')).toBe(1);
  });

  test('counts requests by door, operation and code, and times them', async () => {
    const { id } = await createSecret(server, 'counted', canary());
    const caller = developer(server);
    for (let again = 0; again < 3; again += 1) await call(caller, 'GET', `/v1/agent-secrets/${id}`);
    await call(caller, 'GET', '/v1/agent-secrets/01a20640-d042-77d8-a4fc-5bc52814913e');
    await call(caller, 'GET', `/v1/agent-secrets/${canary()}`);
    await call({ url: server.url }, 'GET', `/v1/agent-secrets/${id}`);
    await call(caller, 'GET', `/${canary()}?${canary()}`);
    await ask(caller, '{ viewer { name } }');
    await call(caller, 'POST', '/graphql', { query: `{ ${canary().replaceAll('-', '_')} }`, operationName: canary() });
    await call({ url: server.url }, 'GET', '/healthz');
    const metrics = await until('the last request is counted', async () => {
      const seen = await metricsOf(server);
      return seen.has(requests('health', 'none', 'OK')) && seen;
    });
    expect(metrics.get(requests('rest', 'get_agent_secret', 'OK'))).toBe(3);
    expect(metrics.get(requests('rest', 'get_agent_secret', 'AGENT_SECRET_NOT_FOUND'))).toBe(1);
    expect(metrics.get(requests('rest', 'get_agent_secret', 'INVALID_REQUEST'))).toBe(1);
    expect(metrics.get(requests('rest', 'get_agent_secret', 'AUTH_UNAUTHORIZED'))).toBe(1);
    expect(metrics.get(requests('other', 'none', 'NOT_FOUND'))).toBe(1);
    expect(metrics.get(requests('graphql', 'anonymous', 'INVALID_REQUEST'))).toBe(1);
    expect(metrics.get(requests('graphql', 'anonymous', 'OK'))).toBeGreaterThanOrEqual(1);
    const timed = 'agent_secrets_request_duration_seconds_count{door="rest",operation="get_agent_secret"}';
    expect(metrics.get(timed)).toBe(6);
  });

  test('tells what the process holds: streams, connections, the database, records of openings', async () => {
    const caller = developer(server);
    const path = `/v1/envs/${server.facts().environmentId}/agent-secrets/changes`;
    const stream = await openStream(server.url, { path, token: caller.token });
    try {
      const metrics = await metricsOf(server);
      expect(metrics.get('agent_secrets_streams')).toBe(1);
      expect(metrics.get('agent_secrets_connections')).toBeGreaterThanOrEqual(1);
      expect(metrics.get('agent_secrets_requests_in_flight')).toBe(1);
      expect(metrics.get('agent_secrets_database_up')).toBe(1);
      expect(metrics.get('agent_secrets_database_writable')).toBe(1);
      expect(metrics.get('agent_secrets_database_connections')).toBe(4);
      expect(metrics.get('agent_secrets_last_write_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000 - 600);
      expect(metrics.get('agent_secrets_key_cache_environments')).toBe(1);
    } finally {
      stream.close();
    }
  });

  test('counts credentials that are not valid, revoked tokens, and refused actions', async () => {
    const caller = developer(server);
    const made = await ask(
      caller,
      'mutation { createToken(input: {name: "gone", scopes: [METADATA]}) { ... on CreateTokenPayload { secret token { id } } } }',
    );
    const { secret, token } = made.createToken;
    await call({ url: server.url, token: secret }, 'POST', '/graphql', {
      query: 'mutation { createApplication(input: {name: "no"}) { __typename } }',
    });
    await ask(caller, 'mutation ($id: ID!) { revokeToken(input: {id: $id}) { __typename } }', { id: token.id });
    await call({ url: server.url, token: secret }, 'POST', '/graphql', { query: '{ viewer { name } }' });
    await call({ url: server.url, token: `${canary()}-and-more` }, 'GET', '/v1/agent-secrets/x');
    const events = (event: string) => `agent_secrets_security_events_total{event="${event}"}`;
    const metrics = await metricsOf(server);
    expect(metrics.get(events('refused_action'))).toBe(1);
    expect(metrics.get(events('revoked_token'))).toBe(1);
    expect(metrics.get(events('failed_credential'))).toBe(2);
    const told = server
      .complaints()
      .split('\n')
      .filter((line) => line.includes('"security"'));
    expect(told.map((line) => JSON.parse(line).security).sort()).toEqual([
      'failed_credential',
      'refused_action',
      'revoked_token',
    ]);
    expect(told.find((line) => line.includes('revoked_token'))).toContain(token.id);
  });

  test('shows them on their own port only, and nothing else there', async () => {
    expect((await call(developer(server), 'GET', '/metrics')).status).toBe(404);
    const url = metricsUrl(server);
    expect((await call({ url }, 'GET', '/healthz')).status).toBe(404);
    expect((await call({ url }, 'POST', '/metrics')).status).toBe(405);
  });

  test('has the metrics of the page, and every one that the dashboard and the alert rules name', async () => {
    const { body } = await call({ url: metricsUrl(server) }, 'GET', '/metrics');
    const known = new Set([...(body as string).matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name as string));
    const table = /<!-- table: metrics -->\n([\s\S]*?)<!-- \/table -->/.exec(read('docs/monitoring.md'))?.[1] ?? '';
    const listed = [...table.matchAll(/^\| `(agent_secrets_\S+)` /gm)].map(([, name]) => name as string);
    const ours = [...known].filter((name) => name.startsWith('agent_secrets_'));
    expect(listed.sort()).toEqual(ours.sort());
    for (const file of ['docs/monitoring/dashboard.json', 'docs/monitoring/alerts.yml']) {
      const named = new Set(read(file).match(/\b(agent_secrets|nodejs|process)_[a-z0-9_]+/g));
      expect(named.size).toBeGreaterThan(4);
      const unknown = [...named].filter(
        (name) => !known.has(name) && !known.has(name.replace(/_(bucket|sum|count)$/, '')),
      );
      expect([file, unknown]).toEqual([file, []]);
    }
  });

  test('has alert rules that Prometheus takes', async ({ skip }) => {
    const checked = await run('promtool', ['check', 'rules', join(ROOT, 'docs/monitoring/alerts.yml')]).catch(
      (error) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)),
    );
    if (!checked) return skip('promtool is not installed');
    expect(checked.stdout).toContain('SUCCESS');
  });

  test('does not start where the port is taken, and says whose it is', async () => {
    const port = new URL(metricsUrl(server)).port;
    const { code, stderr } = await runToEnd({
      env: { DATABASE_URL: database.url, METRICS_PORT: port },
      dataDir: join(folder, 'data'),
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${port} is taken by another process; set METRICS_PORT to another one`);
  });
});

test('all workers are in one answer, and a sum does not fall when one of them ends', async () => {
  const server = await start({ WORKERS: '2', METRICS_PORT: String(await freePort()) });
  try {
    const name = requests('health', 'none', 'OK');
    for (let again = 0; again < 20; again += 1) await call({ url: server.url }, 'GET', '/healthz');
    const before = await until('all are counted', async () => {
      const seen = await metricsOf(server);
      return seen.get(name) === 20 && seen;
    });
    expect(before.get('agent_secrets_processes')).toBe(2);
    expect(before.get('agent_secrets_database_connections')).toBe(8);
    expect(before.get('agent_secrets_database_up')).toBe(1);
    const [worker] = await childrenOf(server.child.pid as number);
    process.kill(worker as number, 'SIGKILL');
    const after = await until('another worker answers', async () => {
      const seen = await metricsOf(server);
      return server.stderr().includes('a worker has ended') && seen.get('agent_secrets_processes') === 2 && seen;
    });
    expect(after.get(name)).toBe(20);
  } finally {
    await server.stop();
  }
});

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').map(Number);
}
