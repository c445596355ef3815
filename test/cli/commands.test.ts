// Operator commands: standard output carries the result and nothing else, and the exit code says what went wrong.
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres/database.js';
import { runToEnd } from '../support/server.js';

let folder: string;
let database: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-commands-'));
  database = await createTestDatabase();
});
afterAll(async () => {
  await database?.drop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

const masterKey = (...args: string[]) => runToEnd({ script: 'cli/create-master-key.js', args });
const token = (...args: string[]) =>
  runToEnd({
    script: 'cli/create-token.js',
    args,
    env: { DATABASE_URL: database.url },
    dataDir: join(folder, 'data'),
  });

describe.each([
  ['master-key', masterKey],
  ['token', token],
] as const)('npm run %s', (name, run) => {
  test('shows how it is used when it is asked to, and succeeds', async () => {
    for (const flag of ['--help', '-h']) {
      const { code, stdout, stderr } = await run(flag);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: npm run --silent ${name} -- `));
    }
  });

  test('tells wrong arguments on standard error, with how it is used, and exits with 2', async () => {
    const wrong =
      name === 'token'
        ? [
            [],
            ['ops'],
            ['--account'],
            ['--acount', 'ops'],
            ['--account', 'ops', '--expires-in-days', '0'],
            ['--account', 'ops', '--scope', 'c4n4ry'],
            ['--account', 'ops', '--environment', 'c4n4ry'],
          ]
        : [[], ['a', 'b'], ['--force', 'a']];
    for (const args of wrong) {
      const { code, stdout, stderr } = await run(...args);
      expect([args, code, stdout]).toEqual([args, 2, '']);
      expect(stderr).toMatch(new RegExp(`^[^\\n]+\\n\\nUsage: npm run --silent ${name} -- `));
      expect(stderr).not.toMatch(/\bat \S+ \(|node:internal/);
    }
  });
});

test('a master key is written into a folder that is made for it, for its owner only', async () => {
  const file = join(folder, 'made', 'for', 'it', 'master-keys.json');
  expect(await masterKey(file)).toEqual({ code: 0, stdout: `${file}\n`, stderr: '' });
  expect(((await stat(join(file, '..'))).mode & 0o777).toString(8)).toBe('700');
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
  expect(await readdir(join(file, '..'))).toEqual(['master-keys.json']);
});

test('what cannot be done is told in one line that says what, and exits with 1', async () => {
  const file = join(folder, 'twice.json');
  await masterKey(file);
  const again = await masterKey(file);
  expect(again).toMatchObject({ code: 1, stdout: '' });
  expect(again.stderr).toMatch(/^Cannot write the key file: [^\n]*twice\.json[^\n]*\n$/);

  expect((await token('--account', 'plain')).code).toBe(0);
  for (const [args, reason] of [
    [['--account', 'plain', '--admin'], /updateAccount/],
    [['--account', 'no such name'], /name: expected/],
    [['--account', 'plain', '--email', 'no address'], /email: expected an address/],
    [['--account', 'another', '--email', 'no address'], /email: expected an address/],
  ] as const) {
    const { code, stdout, stderr } = await token(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Cannot create a token: [^\n]+\n$/);
    expect(stderr).toMatch(reason);
  }
});

test('an account is given an email when it is made, and later; one of another account is refused', async () => {
  const sql = postgres(database.url, { max: 1 });
  const emails = async () => {
    const rows = await sql`select name, email from accounts where name like 'mailed%' order by name`;
    return Object.fromEntries(rows.map(({ name, email }) => [name, email]));
  };
  try {
    expect((await token('--account', 'mailed-1', '--email', 'Ada@Example.com')).code).toBe(0);
    expect((await token('--account', 'mailed-2')).code).toBe(0);
    expect(await emails()).toEqual({ 'mailed-1': 'ada@example.com', 'mailed-2': null });
    for (const name of ['mailed-2', 'mailed-3']) {
      const taken = await token('--account', name, '--email', 'ADA@example.com');
      expect(taken).toMatchObject({ code: 1, stdout: '' });
      expect(taken.stderr).toBe('Cannot create a token: An account with this email already exists\n');
    }
    expect((await token('--account', 'mailed-2', '--email', 'bob@example.com')).code).toBe(0);
    expect((await token('--account', 'mailed-1', '--email', 'ada@example.com')).code).toBe(0);
    expect((await token('--account', 'mailed-1')).code).toBe(0);
    expect(await emails()).toEqual({ 'mailed-1': 'ada@example.com', 'mailed-2': 'bob@example.com' });
  } finally {
    await sql.end();
  }
});

test('another unlimited token of an administrator is made with a warning, one with a limit or an end without', async () => {
  const warnings = [];
  for (const args of [['--admin'], [], ['--expires-in-days', '1'], ['--scope', 'metadata'], ['--admin']]) {
    const { code, stdout, stderr } = await token('--account', 'warned', ...args);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^asg_\S+\n$/) });
    warnings.push(
      /^Warning: warned manages all accounts, and has (\d+) other tokens? without/.exec(stderr)?.[1] ?? stderr,
    );
  }
  expect(warnings).toEqual(['', '1', '', '', '2']);
  expect((await token('--account', 'harmless')).stderr).toBe('');
  expect((await token('--account', 'harmless')).stderr).toBe('');
});

test('a token can be limited from the beginning', async () => {
  const args = ['--scope', 'reveal', '--scope', 'write', '--path-prefix', 'db', '--path-prefix', 'a.b'];
  const sql = postgres(database.url, { max: 1 });
  try {
    // The account's first one, and another one.
    for (let again = 0; again < 2; again += 1) {
      const { stdout } = await token('--account', 'limited', ...args);
      const hash = createHash('sha256').update(stdout.trim()).digest();
      const [row] = await sql`select scopes, path_prefixes, environment_id from tokens where token_hash = ${hash}`;
      expect(row).toEqual({
        scopes: ['metadata', 'reveal', 'write'],
        path_prefixes: ['db', 'a.b'],
        environment_id: null,
      });
    }
  } finally {
    await sql.end();
  }
  for (const [limit, reason] of [
    [['--path-prefix', 'a..b'], /pathPrefixes\[0\]: expected a canonical dotted path/],
    [
      ['--environment', '01a20640-d042-77d8-a4fc-5bc52814913e'],
      /the account limited has no role in an environment 01a2/,
    ],
  ] as const) {
    const { code, stderr } = await token('--account', 'limited', ...limit);
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
  }
});
