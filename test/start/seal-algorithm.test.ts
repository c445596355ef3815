// What new values are sealed with: as configured, and AES where libsodium does not load. All instances open all of them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createSecret, secretsOf } from '../server/process/client.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../support/server.js';

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-sealing-'));
  database = await createTestDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  await writeFile(join(folder, 'hooks.mjs'), HOOKS);
  await writeFile(
    join(folder, 'without-sodium.mjs'),
    `import { register } from 'node:module';\nregister('./hooks.mjs', import.meta.url);`,
  );
});
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await database?.drop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** As on a platform for which there is no binary. */
const HOOKS = `export async function resolve(specifier, context, next) {
  if (specifier === 'sodium-native') throw Object.assign(new Error('no binary'), { code: 'ERR_DLOPEN_FAILED' });
  return next(specifier, context);
}`;
const withoutSodium = () => ({ NODE_OPTIONS: `--import=${join(folder, 'without-sodium.mjs')}` });

async function withServer<T>(env: Record<string, string>, work: (server: RunningServer) => Promise<T>): Promise<T> {
  const server = await startServer({ dataDir: join(folder, 'data'), env: { DATABASE_URL: database.url, ...env } });
  try {
    return await work(server);
  } finally {
    expect(await server.stop()).toBe(0);
  }
}

async function formatOf(name: string): Promise<number> {
  const [row] = await sql`select get_byte(sealed_value, 0) as format from agent_secrets where path = ${name}`;
  return row?.format;
}

test('an instance seals as it is configured or as its platform can, says so, and opens what the others sealed', async () => {
  await withServer({}, async (server) => {
    await createSecret(server, 'one', 'c4n4ry-one');
    expect(await formatOf('one')).toBe(2);
    expect(server.complaints()).toBe('');
  });
  await withServer({ SEAL_ALGORITHM: 'aes-256-gcm' }, async (server) => {
    await createSecret(server, 'two', 'c4n4ry-two');
    expect(await formatOf('two')).toBe(3);
    expect((await secretsOf(server)).get('one')?.secretValue).toBe('c4n4ry-one');
    expect(server.complaints()).toBe('');
  });
  await withServer(withoutSodium(), async (server) => {
    expect(server.complaints()).toMatch(
      /^\{"level":"warn",[^\n]*"msg":"sodium-native does not load here \(ERR_DLOPEN_FAILED\): new values are sealed with aes-256-gcm,[^\n]*\n$/,
    );
    await createSecret(server, 'three', 'c4n4ry-three');
    expect(await formatOf('three')).toBe(3);
    expect((await secretsOf(server)).get('one')?.secretValue).toBe('c4n4ry-one');
  });
  await withServer({ ...withoutSodium(), SEAL_ALGORITHM: 'aes-256-gcm' }, async (server) => {
    expect(server.complaints()).toBe('');
  });
  await withServer({}, async (server) => {
    const secrets = await secretsOf(server);
    for (const name of ['one', 'two', 'three']) expect(secrets.get(name)?.secretValue).toBe(`c4n4ry-${name}`);
  });
});

test('a rotation where libsodium does not load says what it seals with', async () => {
  const env = { DATABASE_URL: database.url, ...withoutSodium() };
  const status = await runToEnd({ script: 'cli/rotate.js', args: ['status'], dataDir: join(folder, 'data'), env });
  expect(status).toMatchObject({
    code: 0,
    stderr: 'sodium-native does not load here: values are sealed with aes-256-gcm\n',
  });
});

test('another algorithm is refused, with those there are', async () => {
  expect(await runToEnd({ env: { SEAL_ALGORITHM: 'rot13' } })).toEqual({
    code: 1,
    stdout: '',
    stderr: 'Bad configuration: SEAL_ALGORITHM: expected one of xchacha20-poly1305, aes-256-gcm\n',
  });
});
