// The operator command that verifies logs: what it prints, its exit codes, files of heads, with and without keys.
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../src/crypto/local-keyring.js';
import { createEmptyDatabase } from '../races/support/empty-database.js';
import { call, createSecret, developer } from '../server/process/client.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const VALUE = 'c4n4ry-of-the-log';
const KEYLESS = { MASTER_KEYS: '', MASTER_KEY_FILE: '' };

let folder: string;
let database: TestDatabase;
let sql: postgres.Sql;
let server: RunningServer;
let environmentId: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-verify-'));
  database = await createTestDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  server = await startServer({ dataDir: join(folder, 'data'), env: { DATABASE_URL: database.url } });
  ({ environmentId } = server.facts());
  const { id } = await createSecret(server, 'first', VALUE);
  await call(developer(server), 'PATCH', `/v1/agent-secrets/${id}`, {
    currentRevision: 0,
    secretValue: { op: 'set', value: `${VALUE}-again` },
  });
});
afterAll(async () => {
  await server?.stop();
  await sql?.end({ timeout: 5 });
  await database?.drop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command; no value may ever be in what it says. */
async function verifyLog(args: string[] = [], options: { env?: Record<string, string>; dataDir?: string } = {}) {
  const { dataDir = join(folder, 'data'), env = { DATABASE_URL: database.url } } = options;
  const ended: Ended = await runToEnd({ script: 'cli/verify-log.js', args, dataDir, env });
  expect(ended.stdout + ended.stderr).not.toContain('c4n4ry');
  return ended;
}

/** Runs the command while something is changed, and puts it back. */
async function whileChanged(change: string, back: string, args: string[], env = {}): Promise<Ended> {
  await sql.unsafe(change);
  try {
    return await verifyLog(args, { env: { DATABASE_URL: database.url, ...env } });
  } finally {
    await sql.unsafe(back);
  }
}

const ok = (opened: string) =>
  new RegExp(`^environment ${environmentId}: ok, revision 8, 7 secrets, ${opened}, head [0-9a-f]{64}\n$`);

test('while the service runs, every environment is a line that says ok, with as many values as were ever set', async () => {
  expect(await verifyLog()).toEqual({ code: 0, stdout: expect.stringMatching(ok('7 values opened')), stderr: '' });
  expect(await verifyLog(['--environment', environmentId.toUpperCase()])).toMatchObject({ code: 0 });
});

test('without keys no value is opened: by option, where none are configured, in production too', async () => {
  const unopened = ok(String.raw`values not opened \(no keys\)`);
  expect((await verifyLog(['--no-keys'])).stdout).toMatch(unopened);
  const env = { DATABASE_URL: database.url, NODE_ENV: 'production', ...KEYLESS };
  const dataDir = join(folder, 'another');
  expect(await verifyLog([], { env, dataDir })).toEqual({
    code: 0,
    stdout: expect.stringMatching(unopened),
    stderr: '',
  });
});

test('a deleted environment is verified like any other', async () => {
  const [deleted] = await sql`
    update environments set deleted_at = now() where id = ${environmentId} returning deleted_at`;
  expect(deleted).toBeDefined();
  const { code, stdout } = await verifyLog(['--no-keys']).finally(
    () => sql`update environments set deleted_at = null where id = ${environmentId}`,
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(ok('values not opened \\(no keys\\)'));
});

test('an environment renamed by SQL ends it with 1, and is not exported; without keys nobody can tell', async () => {
  const file = join(folder, 'no-heads.json');
  const rename = (name: string) => `update environments set name = '${name}' where id = '${environmentId}'`;
  const [{ name }] = (await sql`select name from environments where id = ${environmentId}`) as any;
  const { code, stdout } = await whileChanged(rename('forged'), rename(name), ['--export-heads', file]);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    new RegExp(`^environment ${environmentId}: its name, [^\n]+ was changed past the service[^\n]+\n$`),
  );
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await whileChanged(rename('forged'), rename(name), ['--no-keys'])).toMatchObject({ code: 0 });
});

test('an environment from before there were seals is said to have none, until the command seals it', async () => {
  const facts = (args: string[]) =>
    runToEnd({
      script: 'cli/rotate.js',
      args: ['facts', ...args],
      dataDir: join(folder, 'data'),
      env: { DATABASE_URL: database.url },
    });
  await sql`update environments set facts_version = 0, facts_mac = null`;
  const { code, stdout } = await verifyLog();
  expect(code).toBe(0);
  expect(stdout).toContain(', facts not sealed (npm run rotate -- facts seals them), head ');
  expect(await facts([])).toEqual({ code: 0, stdout: '1 environments: facts sealed\n', stderr: '' });
  expect(await facts([])).toEqual({ code: 0, stdout: '0 environments: facts sealed\n', stderr: '' });
  expect((await verifyLog()).stdout).toMatch(ok('7 values opened'));
  await sql`update environments set name = 'known' where id = ${environmentId}`;
  expect(await verifyLog()).toMatchObject({ code: 1 });
  expect(await facts(['--environment', environmentId.toUpperCase()])).toMatchObject({
    code: 0,
    stdout: `Environment ${environmentId}: facts sealed\n`,
  });
  expect((await verifyLog()).stdout).toMatch(ok('7 values opened'));
});

test('an edited row ends it with 1 and is named, and no head is exported', async () => {
  const file = join(folder, 'no-heads.json');
  const where = `where environment_id = '${environmentId}' and environment_revision = 3`;
  const { code, stdout, stderr } = await whileChanged(
    `update agent_secret_revisions set change = 'updated' ${where}`,
    `update agent_secret_revisions set change = 'created' ${where}`,
    ['--export-heads', file],
  );
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^environment ${environmentId}: revision 3: edited: [^\n]+\n$`));
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('master keys that do not open the environment’s keys are a finding', async () => {
  const { code, stdout } = await verifyLog([], { env: { DATABASE_URL: database.url, MASTER_KEYS: generateKeyring() } });
  expect(code).toBe(1);
  expect(stdout).toMatch(new RegExp(`^environment ${environmentId}: its keys do not open[^\n]+\n$`));
});

test('exported heads are for their owner only, and find an environment set back', async () => {
  const file = join(folder, 'heads.json');
  await writeFile(file, 'something else');
  await chmod(file, 0o644);
  expect(await verifyLog(['--export-heads', file])).toMatchObject({ code: 0, stderr: '' });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const [{ head_hash: hash }] = (await sql`select head_hash from environments where id = ${environmentId}`) as any;
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    version: 1,
    exportedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    heads: [
      {
        environmentId,
        revision: 8,
        hash: hash.toString('hex'),
        facts: { version: expect.any(Number), digest: expect.stringMatching(/^[0-9a-f]{64}$/), isSealed: true },
      },
    ],
  });
  const checked = await verifyLog(['--heads', file]);
  expect(checked.stdout).toMatch(/, through the exported head of revision 8, head /);
  expect(checked.code).toBe(0);

  const heads = await readFile(file, 'utf8');
  await writeFile(file, heads.replace('"revision":8', '"revision":9'));
  const ahead = await verifyLog(['--heads', file, '--export-heads', file]);
  expect(ahead.code).toBe(1);
  expect(ahead.stdout).toContain('revision 9: removed: ');
  expect(await readFile(file, 'utf8'), 'kept as evidence').toContain('"revision":9');

  await writeFile(file, heads.replace('"revision":8', '"revision":7'));
  expect(await verifyLog(['--heads', file])).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('revision 7: '),
  });

  const gone = '00000000-0000-7000-8000-00000000abcd';
  await writeFile(file, heads.replace(environmentId, gone));
  const { code, stdout } = await verifyLog(['--heads', file]);
  expect(code).toBe(1);
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/: ok, /),
    `environment ${gone}: the environment is gone, of which a head was exported`,
    '',
  ]);
});

test('what cannot be verified ends with 2 and one line that says why', async () => {
  const file = join(folder, 'spoilt.json');
  await writeFile(file, '{"version":1,"heads":[{}]}');
  const empty = await createEmptyDatabase();
  try {
    const cases: [string[], Parameters<typeof verifyLog>[1], RegExp][] = [
      [['--nonsense'], {}, /nonsense/],
      [['--environment', 'mine'], {}, /--environment/],
      [['--environment', '00000000-0000-7000-8000-00000000abcd'], {}, /no environment/],
      [['--heads', join(folder, 'none.json')], {}, /none\.json cannot be read \(ENOENT\)/],
      [['--heads', file], {}, /spoilt\.json is no file of heads: heads\[0\]/],
      [['--export-heads', join(folder, 'none', 'heads.json')], {}, /cannot be written \(ENOENT\)/],
      [[], { env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' } }, /not reachable/],
      [[], { env: { DATABASE_URL: empty.url } }, /not migrated/],
      [
        [],
        { env: { DATABASE_URL: database.url, MASTER_KEY_FILE: join(folder, 'none.json') } },
        /none\.json: it does not exist/,
      ],
      [[], { env: {}, dataDir: join(folder, 'nothing') }, /there is no database in/],
    ];
    for (const [args, options, problem] of cases) {
      const { code, stderr } = await verifyLog(args, options);
      expect({ code, stderr }, args.join(' ')).toEqual({ code: 2, stderr: expect.stringMatching(problem) });
      expect(stderr).toMatch(/^[^\n]+\n$/);
    }
  } finally {
    await empty.drop();
  }
  await expect(stat(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('values that do not open have a line each, by revision and secret', async () => {
  const rows = await sql`select environment_revision as at, agent_secret_id as id, revision from agent_secret_revisions
    where environment_id = ${environmentId} and sealed_value is not null`;
  // On both rows that have it, as a value is that was sealed under a key that is gone.
  const change = ['agent_secrets', 'agent_secret_revisions']
    .map((table) => `update ${table} set sealed_value = set_byte(sealed_value, 40, get_byte(sealed_value, 40) # 1)`)
    .join(';');
  const { code, stdout } = await whileChanged(change, change, []);
  expect(code).toBe(1);
  const lines = rows.map(
    ({ at, id, revision }) =>
      `environment ${environmentId}: revision ${at}: the value of revision ${revision} of the secret ${id} does not open: it was changed, moved here, or its key is missing`,
  );
  expect(stdout.trimEnd().split('\n').sort()).toEqual(lines.sort());
});

test('--help says what is found by what, and where heads belong', async () => {
  const { code, stdout } = await verifyLog(['--help'], { env: {} });
  expect(code).toBe(0);
  expect(stdout).toMatch(/--export-heads[\s\S]*off the database's machine/);
});

test('the embedded database is verified while its service is stopped, and left to it while it runs', async () => {
  const dataDir = join(folder, 'embedded');
  const running = await startServer({ dataDir });
  const own = running.facts().environmentId;
  try {
    const refused = await verifyLog([], { env: {}, dataDir });
    expect(refused).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(/in use by another process/) });
  } finally {
    await running.stop();
  }
  expect(await verifyLog([], { env: {}, dataDir })).toEqual({
    code: 0,
    stdout: expect.stringMatching(new RegExp(`^environment ${own}: ok, revision 6, 6 secrets, 5 values opened, head `)),
    stderr: '',
  });
});
