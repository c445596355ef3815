// Master keys that do not belong to the database are noticed at the start, before anything is written under them.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { ask, createSecret, developer, secretsOf } from '../../server/process/client.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 60_000 });

interface KeyFile {
  version: number;
  current: string;
  keys: Record<string, string>;
}

let folder: string;
let database: TestDatabase;
let sql: postgres.Sql;
let keyring: KeyFile;
let dataDir: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-master-keys-'));
  dataDir = join(folder, 'data');
  database = await createTestDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  await started({}, async (server) => {
    await createSecret(server, 'kept', 'x');
    const { applicationId } = server.facts();
    const create = `mutation ($input: CreateEnvironmentInput!) { createEnvironment(input: $input) { __typename } }`;
    await ask(developer(server), create, { input: { applicationId, name: 'second' } });
  });
  keyring = JSON.parse(await readFile(join(dataDir, 'master-keys.json'), 'utf8'));
});
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await database?.drop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

async function started(env: Record<string, string>, work: (server: RunningServer) => Promise<unknown>): Promise<void> {
  const server = await startServer({ dataDir, env: { DATABASE_URL: database.url, ...env } });
  try {
    await work(server);
  } finally {
    await server.kill9();
  }
}

/** A start that works and opens what is stored. */
async function opens(keys: KeyFile): Promise<void> {
  await started({ MASTER_KEYS: JSON.stringify(keys) }, async (server) =>
    expect((await secretsOf(server)).get('kept').secretValue).toBe('x'),
  );
}

async function refusal(options: Parameters<typeof runToEnd>[0]): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(options);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^Cannot (start|create a token): [^\n]+\n$/);
  for (const key of Object.values(keyring.keys)) expect(stderr).not.toContain(key);
  return stderr;
}

function refusalWith(keys: KeyFile): Promise<string> {
  return refusal({ dataDir, env: { DATABASE_URL: database.url, MASTER_KEYS: JSON.stringify(keys) } });
}

const another = (): KeyFile => JSON.parse(generateKeyring());
const anyKey = () => Object.values(another().keys)[0] as string;

test('a keyring without the key that the database was written under is refused by the key’s id', async () => {
  const line = await refusalWith(another());
  expect(line).toContain(`master key "${keyring.current}"`);
  expect(line).toMatch(/database.*restore|restore.*database/);
});

test('another key under the same id is refused, too', async () => {
  const line = await refusalWith({ ...keyring, keys: { [keyring.current]: anyKey() } });
  expect(line).toContain(`master key "${keyring.current}"`);
  expect(line).toMatch(/database.*restore|restore.*database/);
});

test('the operator command is refused like the service', async () => {
  const line = await refusal({
    script: 'cli/create-token.js',
    args: ['--account', 'somebody'],
    env: { DATABASE_URL: database.url, MASTER_KEYS: JSON.stringify(another()) },
    dataDir,
  });
  expect(line).toContain(`master key "${keyring.current}"`);
  expect(await sql`select 1 from accounts where name = 'somebody'`).toEqual([]);
});

test('a keyring that has the key beside a newer one is fine', async () => {
  const newer = another();
  await opens({ ...newer, keys: { ...newer.keys, ...keyring.keys } });
});

test('one spoilt key row stops nobody but its own environment', async () => {
  const [spoilt] = await sql`
    update environment_keys set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)
    where environment_id = (select id from environments where name = 'second') and purpose = 'data'
    returning environment_id`;
  expect(spoilt).toBeDefined();
  await opens(keyring);
});

test('development makes no key file beside a database that has keys already, on Postgres', async () => {
  const elsewhere = join(folder, 'elsewhere');
  const line = await refusal({ dataDir: elsewhere, env: { DATABASE_URL: database.url } });
  expect(line).toContain(join(elsewhere, 'master-keys.json'));
  expect(line).toMatch(/restore.*MASTER_KEY_FILE/);
  expect(await readdir(elsewhere)).toEqual([]);
});

test('development makes no key file beside a database that has keys already, in a data folder', async () => {
  const own = join(folder, 'embedded');
  const first = await startServer({ dataDir: own });
  await first.stop();
  await rm(join(own, 'master-keys.json'));
  expect(await refusal({ dataDir: own })).toContain(join(own, 'master-keys.json'));
  expect(await readdir(own)).not.toContain('master-keys.json');
});
