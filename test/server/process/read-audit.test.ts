// The read audit of a service in a process of its own: SIGTERM loses no record, kill -9 a second of async and nothing of strict.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../../support/server.js';
import { ask, call, createSecret, developer, until } from './client.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

/** What a reader was shown, and when. */
interface Shown {
  requestId: string;
  at: number;
}

/** Reads until the service is gone; answers everything that was shown. */
async function readAll(server: RunningServer, id: string, shown: Shown[]): Promise<void> {
  const caller = developer(server);
  for (;;) {
    const answer = await call(caller, 'GET', `/v1/agent-secrets/${id}`).catch(() => undefined);
    if (answer?.status !== 200) return;
    expect(answer.body.secretValue).toBe('read');
    shown.push({ requestId: answer.headers.get('x-request-id') as string, at: performance.now() });
  }
}

async function withServer(
  env: Record<string, string>,
  work: (server: RunningServer, id: string, sql: postgres.Sql) => Promise<void>,
): Promise<void> {
  const database = await createTestDatabase();
  const sql = postgres(database.url, { max: 2, onnotice: () => undefined });
  const server = await startServer({ env: { DATABASE_URL: database.url, ...env } });
  try {
    const { id } = await createSecret(server, 'read', 'read');
    await work(server, id, sql);
  } finally {
    await server.kill9();
    await sql.end({ timeout: 5 });
    await database.drop();
  }
}

async function recorded(sql: postgres.Sql): Promise<Set<string>> {
  return new Set((await sql`select request_id from secret_reads`).map(({ request_id }) => request_id));
}

for (const [mode, signal] of [
  ['async', 'SIGTERM'],
  ['async', 'SIGKILL'],
  ['strict', 'SIGTERM'],
  ['strict', 'SIGKILL'],
] as const) {
  const lost = mode === 'async' && signal === 'SIGKILL' ? 'a second at most' : 'nothing';
  test(`${mode}: ${signal} under load loses ${lost}`, () =>
    withServer({ READ_AUDIT: mode }, async (server, id, sql) => {
      const shown: Shown[] = [];
      const readers = Array.from({ length: 8 }, () => readAll(server, id, shown));
      await until('records', async () => (await recorded(sql)).size > 0 && shown.length > 50);
      const killedAt = performance.now();
      if (signal === 'SIGTERM') expect(await server.stop()).toBe(0);
      else await server.kill9();
      await Promise.all(readers);
      const safe = lost === 'nothing' ? shown : shown.filter(({ at }) => at < killedAt - 1_000);
      const rows = await recorded(sql);
      expect(safe.filter(({ requestId }) => !rows.has(requestId))).toEqual([]);
    }));
}

test('on the embedded database SIGTERM loses nothing, and old records are removed by command', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'agent-secrets-reads-'));
  const dataDir = join(folder, 'data');
  try {
    const first = await startServer({ dataDir });
    const { id } = await createSecret(first, 'read', 'read');
    expect((await call(developer(first), 'GET', `/v1/agent-secrets/${id}`)).status).toBe(200);
    expect(await first.stop()).toBe(0);

    const reads = async (server: RunningServer) => {
      const document = 'query ($id: UUID) { environment(id: $id) { reads { edges { node { agentSecretId } } } } }';
      const { environment } = await ask(developer(server), document, { id: server.facts().environmentId });
      return environment.reads.edges.map(({ node }: any) => node.agentSecretId);
    };
    const second = await startServer({ dataDir });
    expect(await reads(second)).toContain(id);
    const { length } = await reads(second);
    expect(await second.stop()).toBe(0);

    const prune = (...args: string[]) => runToEnd({ script: 'cli/prune-reads.js', args, dataDir });
    expect(await prune()).toEqual({ code: 0, stdout: '0\n', stderr: '' });
    expect(await prune('--older-than-days', '0')).toEqual({ code: 0, stdout: `${length}\n`, stderr: '' });
    expect(await prune('--older-than-days', 'x')).toMatchObject({ code: 2, stdout: '' });

    const third = await startServer({ dataDir });
    expect(await reads(third)).toEqual([]);
    expect(await third.stop()).toBe(0);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
});
