// SIGTERM while the database takes no writes: the records of opened values are told, left in a file, and taken in later.
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, startServer } from '../../support/server.js';
import { call, createSecret, developer, until } from './client.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 180_000 });

let database: TestDatabase;
let sql: postgres.Sql;
let parent: string;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  parent = await mkdtemp(join(tmpdir(), 'agent-secrets-left-'));
  folder = join(parent, 'data', 'unrecorded-reads');
});
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await database?.drop();
  await rm(parent, { recursive: true, force: true, maxRetries: 3 });
});

function start(env: Record<string, string> = {}): Promise<RunningServer> {
  return startServer({ env: { DATABASE_URL: database.url, ...env }, dataDir: join(parent, 'data') });
}

/** Lets nobody write the records, as on a server that has become read-only. */
async function withoutRecording<T>(work: () => Promise<T>): Promise<T> {
  await sql.unsafe(`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'read-only' using errcode = '25006'; end $$;
    create trigger refuse before insert on secret_reads for each statement execute function refuse()`);
  try {
    return await work();
  } finally {
    await sql.unsafe('drop trigger refuse on secret_reads; drop function refuse()');
  }
}

async function recorded(): Promise<string[]> {
  return (await sql`select request_id from secret_reads order by 1`).map(({ request_id }) => request_id);
}

/** Reads a secret under names that the records have, and stops. Resolves to the names and the lines of the log. */
async function readAndStop(server: RunningServer, id: string, prefix: string, count: number) {
  const names = Array.from({ length: count }, (_, turn) => `${prefix}-${turn}`);
  for (const name of names) {
    const answer = await call(developer(server), 'GET', `/v1/agent-secrets/${id}`, undefined, { 'x-request-id': name });
    expect(answer.status).toBe(200);
  }
  expect(await server.stop()).toBe(0);
  const lines = server.complaints().split('\n').filter(Boolean);
  return { names, left: lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg.includes('not recorded yet')) };
}

test('every record that is left comes back at the next start, once, and the log says how many and of whom', async () => {
  const first = await start({ WORKERS: '2' });
  const { id } = await createSecret(first, 'read', 'read');
  const { accountId } = first.facts();
  const { names, left } = await withoutRecording(() => readAndStop(first, id, 'left', 20));
  expect(left.length).toBeGreaterThan(0);
  expect(left.reduce((sum, { openings }) => sum + openings, 0)).toBe(20);
  for (const { openings, accounts } of left) expect(accounts).toEqual({ [accountId]: openings });
  expect(await recorded()).toEqual([]);
  const files = (await readdir(folder)).map((name) => join(folder, name));
  expect(files.sort()).toEqual(left.map(({ file }) => file).sort());
  for (const file of files) expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  const content = await readFile(files[0] as string);

  // Both workers take in what is there, and one file has been taken in before.
  const second = await start({ WORKERS: '2' });
  await until('all are recorded', async () => (await recorded()).length >= 20);
  expect(await recorded()).toEqual([...names].sort());
  await until('the files are gone', async () => (await readdir(folder)).length === 0);
  await second.stop();
  await writeFile(files[0] as string, content, { mode: 0o600 });
  const third = await start();
  await until('the file is gone', async () => (await readdir(folder)).length === 0);
  expect(await recorded()).toEqual([...names].sort());
  expect(await third.stop()).toBe(0);
});

test('a file that is broken or that others may write is set aside, and the service starts', async () => {
  const broken = join(folder, '0.json');
  const open = join(folder, '1.json');
  await writeFile(broken, `${'0'.repeat(64)}\n[]`, { mode: 0o600 });
  await writeFile(open, '', { mode: 0o600 });
  await chmod(open, 0o666);
  const before = await recorded();
  const server = await start();
  await until('both are set aside', async () => (await readdir(folder)).every((name) => name.endsWith('.refused')));
  expect((await readdir(folder)).sort()).toEqual(['0.json.refused', '1.json.refused']);
  expect(server.complaints()).toMatch(/its content is not what was written[\s\S]*others may write it/);
  expect(await server.stop()).toBe(0);
  expect(await recorded()).toEqual(before);
});
