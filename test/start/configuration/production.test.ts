// Production: nothing is made up, nothing is seeded, no convenience of development is left.
import { chmod, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ask, call } from '../../server/process/client.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../../support/server.js';

// Some tests run several processes, one after the other.
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let database: TestDatabase;
let sql: postgres.Sql;
let keyFile: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-production-'));
  database = await createTestDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  keyFile = join(folder, 'keys', 'master-keys.json');
});
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await database?.drop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

const production = (env: Record<string, string> = {}) => ({ env: { NODE_ENV: 'production', ...env } });

describe('a start that lacks something', () => {
  async function refusal(env: Record<string, string>): Promise<string> {
    const dataDir = join(folder, 'never-made');
    const { code, stdout, stderr } = await runToEnd({ ...production(env), dataDir });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^(Cannot start|Bad configuration): [^\n]+\n$/);
    expect(await readdir(folder)).not.toContain('never-made');
    return stderr;
  }

  test('names DATABASE_URL, and makes no embedded database instead', async () => {
    expect(await refusal({})).toMatch(/DATABASE_URL.*production/);
  });

  test('names the missing key file and the command that makes one, and makes none itself', async () => {
    const line = await refusal({ DATABASE_URL: database.url, MASTER_KEY_FILE: join(folder, 'missing.json') });
    expect(line).toContain(join(folder, 'missing.json'));
    expect(line).toContain('npm run master-key');
    expect(await readdir(folder)).not.toContain('missing.json');
  });
});

describe('a start with a database and a key file', () => {
  let server: RunningServer;
  beforeAll(async () => {
    keyFile = join(folder, 'master-keys.json');
    const made = await runToEnd({ script: 'cli/create-master-key.js', args: [keyFile] });
    expect(made).toEqual({ code: 0, stdout: `${keyFile}\n`, stderr: '' });
    server = await startServer(production({ DATABASE_URL: database.url, MASTER_KEY_FILE: keyFile }));
  });
  afterAll(() => server?.stop());

  test('uses a key file that only its owner may read, and that is never overwritten', async () => {
    expect(((await stat(keyFile)).mode & 0o777).toString(8)).toBe('600');
    const again = await runToEnd({ script: 'cli/create-master-key.js', args: [keyFile] });
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(/^[^\n]*exists[^\n]*\n$/);
  });

  test('seeds nothing and writes nothing into the data folder', async () => {
    for (const table of ['accounts', 'tokens', 'applications', 'environments', 'agent_secrets']) {
      expect([table, await sql`select * from ${sql(table)}`]).toEqual([table, []]);
    }
    expect(() => server.facts()).toThrow('ENOENT');
  });

  test('prints no token, no key and no password', () => {
    const said = server.stdout() + server.stderr();
    expect(said).not.toMatch(/asg_|^ *Token |Bearer/m);
    expect(said).not.toContain(new URL(database.url).password);
    expect(server.complaints()).toBe('');
  });

  test('has no GraphiQL, and does not advertise it', async () => {
    const page = await fetch(server.graphqlUrl, { headers: { accept: 'text/html' } });
    expect(await page.text()).not.toMatch(/<html|<script/i);
    expect(server.stdout()).not.toContain('GraphiQL');
  });

  test('answers health to anybody, and everything else to nobody without a token', async () => {
    const { url } = server;
    expect((await call({ url }, 'GET', '/healthz')).status).toBe(200);
    expect((await call({ url }, 'GET', '/readyz')).status).toBe(200);
    const id = '00000000-0000-7000-8000-000000000000';
    expect((await call({ url }, 'GET', `/v1/agent-secrets/${id}`)).status).toBe(401);
    const { body } = await call({ url }, 'POST', '/graphql', { query: '{ viewer { id } }' });
    expect(body.errors[0].extensions.code).toBe('AUTH_UNAUTHORIZED');
  });

  test('takes the first admin token from the operator command', async () => {
    const operator = await runToEnd({
      ...production({ DATABASE_URL: database.url, MASTER_KEY_FILE: keyFile }),
      script: 'cli/create-token.js',
      args: ['--account', 'ops', '--admin'],
    });
    expect(operator).toMatchObject({ code: 0, stderr: '' });
    expect(operator.stdout).toMatch(/^asg_[\w-]{43}\n$/);
    const { viewer } = await ask({ url: server.url, token: operator.stdout.trim() }, '{ viewer { name roles } }');
    expect(viewer).toEqual({ name: 'ops', roles: ['ADMIN'] });
  });
});

describe('what other users of the host could read or write is refused, with the remedy', () => {
  const said = async (options: Parameters<typeof runToEnd>[0]) => {
    const { code, stdout, stderr } = await runToEnd(options);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^[^\n]+\n$/);
    return `${code} ${stderr.trimEnd()}`;
  };
  const options = () => production({ DATABASE_URL: database.url, MASTER_KEY_FILE: keyFile });
  const token = { script: 'cli/create-token.js', args: ['--account', 'ops', '--admin'] };

  test('a key file, by the service and by commands; development only warns', async () => {
    await chmod(keyFile, 0o644);
    try {
      const problem = `key file ${keyFile}: it is open to group or others (mode 0644); restrict it: chmod 600 ${keyFile}`;
      expect(await said(options())).toBe(`1 Cannot start: ${problem}`);
      expect(await said({ ...options(), ...token })).toBe(`1 Cannot create a token: ${problem}`);
      expect(await said({ ...options(), script: 'cli/verify-log.js' })).toBe(`2 Cannot verify: ${problem}`);
      const server = await startServer({ env: { DATABASE_URL: database.url, MASTER_KEY_FILE: keyFile } });
      expect(server.stderr()).toContain(JSON.stringify(problem).slice(1, -1));
      await server.stop();
    } finally {
      await chmod(keyFile, 0o600);
    }
  });

  test('the folder of a key file, unless it is sticky', async () => {
    await chmod(folder, 0o770);
    try {
      const problem = `folder of the key file ${folder}: group or others may write it (mode 0770); restrict it: chmod go-w ${folder}`;
      expect(await said(options())).toBe(`1 Cannot start: ${problem}`);
      await chmod(folder, 0o1777);
      expect((await runToEnd({ ...options(), ...token })).code).toBe(0);
    } finally {
      await chmod(folder, 0o700);
    }
  });

  test.each([0o770, 0o702, 0o1777])('a data folder of mode %o', async (mode) => {
    const dataDir = join(folder, `shared-${mode}`);
    await mkdir(dataDir);
    await chmod(dataDir, mode);
    const problem = `data folder ${dataDir}: group or others may write it (mode ${mode.toString(8).padStart(4, '0')}); restrict it: chmod go-w ${dataDir}`;
    expect(await said({ ...options(), dataDir })).toBe(`1 Cannot start: ${problem}`);
    expect(await readdir(dataDir)).toEqual([]);
    await chmod(dataDir, 0o755);
    expect((await runToEnd({ ...options(), ...token, dataDir })).code).toBe(0);
  });
});

test('GraphiQL that production was asked for opens without a token in it', async () => {
  const env = { DATABASE_URL: database.url, MASTER_KEY_FILE: keyFile, GRAPHIQL: 'true' };
  const server = await startServer(production(env));
  try {
    const page = await fetch(server.graphqlUrl, { headers: { accept: 'text/html' } });
    const text = await page.text();
    expect(text).toContain('<html');
    expect(text).not.toContain('asg_');
  } finally {
    await server.stop();
  }
});
