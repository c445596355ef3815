// A database that turns read-only, and one that fails over while its old primary lives on, read-only and outdated.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type FailoverPair, startFailoverPair } from '../../support/postgres/failover.js';
import { type RunningServer, startServer } from '../../support/server.js';
import { DOORS } from '../../support/streams/changes.js';
import { type Answer, call, createSecret, developer, until } from './client.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

const READ_ONLY = { code: 'UNAVAILABLE', error: 'The database is read-only just now, try again later' };

let pair: FailoverPair;
let writer: RunningServer;
/** It records nothing, so it has no reason to write. */
let reader: RunningServer;
beforeAll(async () => {
  pair = await startFailoverPair();
  const DATABASE_URL = pair.network.url;
  writer = await startServer({ env: { DATABASE_URL } });
  const env = { DATABASE_URL, READ_AUDIT: 'off', NODE_ENV: 'production' };
  reader = await startServer({ env: { ...env, MASTER_KEY_FILE: `${writer.dataDir}/master-keys.json` } });
}, 120_000);
afterAll(async () => {
  await reader?.kill9();
  await writer?.kill9();
  await pair?.stop();
});

const pathOf = ({ id }: { id: string }) => `/v1/agent-secrets/${id}`;
const ready = (query = '') => call({ url: writer.url }, 'GET', `/readyz${query}`);
let count = 0;

function write(): Promise<Answer> {
  count += 1;
  const body = { path: [`n${count}`], secretType: { type: 'Str' }, secretValue: 'x' };
  return call(developer(writer), 'POST', `/v1/envs/${writer.facts().environmentId}/agent-secrets`, body);
}

function expectReadOnly(answer: Answer): void {
  expect(answer).toMatchObject({ status: 503, body: READ_ONLY });
  expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
}

async function setReadOnly(value: string): Promise<void> {
  await pair.run('primary', `alter system set default_transaction_read_only = ${value}`);
  await pair.run('primary', 'select pg_reload_conf()');
}

/** Sessions of the service on a server; with a text, those whose last statement begins with it. */
async function sessions(on: 'primary' | 'standby', text = ''): Promise<number> {
  const [row] = await pair.run(
    on,
    `select count(*)::int as count from pg_stat_activity
      where application_name = 'agent-secrets-gateway' and query like '${text}%'`,
  );
  return row?.count;
}

test('while the database is read-only, reads go on, writes say so, and few connections are made', async () => {
  const secret = await createSecret(writer, 'kept', 'x');
  expect(await ready()).toMatchObject({ status: 200, body: { status: 'ready', writable: true } });
  expect((await ready('?writable')).status).toBe(200);
  await setReadOnly('on');
  try {
    expectReadOnly(
      await until('a write is refused', async () => (await write().then((a) => a.status !== 200 && a)) || undefined),
    );
    const before = pair.network.connections();
    const began = performance.now();
    while (performance.now() - began < 6_000) {
      expectReadOnly(await write());
      expect(await call(developer(writer), 'GET', pathOf(secret))).toMatchObject({ status: 200 });
    }
    // One each second at most, of both processes.
    expect(pair.network.connections() - before).toBeLessThan(20);
    expect(await ready()).toMatchObject({ status: 200, body: { status: 'ready', writable: false } });
    expectReadOnly(await ready('?writable'));
  } finally {
    await setReadOnly('off');
  }
  await until('writes go on', async () => (await write()).status === 200);
  await until('it is writable', async () => (await ready('?writable')).status === 200);
});

test('after a failover every connection leaves the old primary: writes come back, and nothing outdated is read', async () => {
  const { token, environmentId } = writer.facts();
  const streams = await Promise.all(DOORS.map((door) => door.watch(writer.url, token, { environmentId })));
  await Promise.all(streams.map((stream) => stream.next()));
  await until('the primary notifies', async () => (await sessions('primary', 'listen')) === 1);
  await pair.failOver();
  const written = await until('a write is taken', async () => {
    const answer = await write();
    if (answer.status === 200) return answer.body;
    expectReadOnly(answer);
    return undefined;
  });
  for (let turn = 0; turn < 20; turn += 1) {
    const reads = Array.from({ length: 8 }, () => call({ url: writer.url, token }, 'GET', pathOf(written)));
    for (const answer of await Promise.all(reads)) expect(answer.status).toBe(200);
    for (const answer of await Promise.all([write(), write(), write()])) expect(answer.status).toBe(200);
  }
  await until('a process that only reads finds it', async () => {
    return (await call({ url: reader.url, token }, 'GET', pathOf(written))).status === 200;
  });
  await until('nobody is left on the old primary', async () => {
    await call({ url: reader.url, token }, 'GET', pathOf(written));
    return (await sessions('primary')) === 0;
  });
  await until('the new primary notifies', async () => (await sessions('standby', 'listen')) === 1);
  for (const [index, stream] of streams.entries()) {
    expect(DOORS[index]?.told(await stream.next()).changes).toMatchObject([{ id: written.id }]);
    stream.close();
  }
  expect(await ready()).toMatchObject({ status: 200, body: { writable: true } });
  expect(writer.stderr()).not.toContain('unexpected error');
  expect(writer.stderr()).toContain('"code":"25006","msg":"database connection replaced"');
});

test('a server that is starting is not ready yet, and says so', async () => {
  // In recovery for ever, because it waits for a primary that is nowhere.
  await pair.run('primary', 'alter system set hot_standby = off');
  await pair.run('primary', `alter system set primary_conninfo = ''`);
  await pair.primary.halt();
  await writeFile(join(pair.primary.folder, 'data', 'standby.signal'), '');
  await pair.primary.resume(false);
  pair.network.leadTo(pair.primary.url);
  pair.network.cut();
  const answer = await until('it is refused', async () => {
    const latest = await call(developer(writer), 'GET', '/readyz');
    return latest.body.error !== 'The database is not reachable, try again later' && latest.status === 503 && latest;
  });
  expect(answer.body).toEqual({ code: 'UNAVAILABLE', error: 'The database is not ready yet, try again later' });
});
