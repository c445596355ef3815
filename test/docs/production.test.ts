// The operator's commands, pasted into a shell as they stand, on a Postgres.
import { readdir } from 'node:fs/promises';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres/database.js';
import { blocksOf, commandsOf } from './pages.js';
import { openShell, type Shell } from './shell.js';

vi.setConfig({ testTimeout: 120_000 });

const PAGE = 'docs/production.md';

let shell: Shell;
let database: TestDatabase;
beforeEach(async () => {
  shell = await openShell();
  database = await createTestDatabase();
});
afterEach(async () => {
  await database.drop();
  await shell.remove();
});

test('every command from the installation to the upgrade works', async () => {
  const script = commandsOf(PAGE)
    .replace(/DATABASE_URL=\S+/, `DATABASE_URL=${database.url}`)
    // Whoever pastes the commands copies the token that this one prints.
    .replace(/^(npm run --silent token .*)$/m, 'TOKEN=$($1)')
    .replace('http://127.0.0.1:4000', shell.url);
  const stdout = await shell.run(script);
  expect(stdout).toContain(`${shell.folder}/agent-secrets/master-keys.json\n`);
  expect(stdout).toContain('{"data":{"createEnvironmentShare":{"__typename":"CreateEnvironmentSharePayload"}}}');
  expect(stdout).toMatch(/^Master key \S+: 2 keys wrapped anew$/m);
  expect(stdout).toMatch(/^1 environments: 1 new data keys, 0 values sealed anew$/m);
  expect(stdout).toMatch(/^Master key \S+ wraps nothing: it may be taken out of the key file$/m);
  expect(stdout.match(/: ok, revision 0\b/g)).toHaveLength(2);
  expect((await readdir(shell.folder)).sort()).toEqual(['agent-secrets', 'heads.json']);
});

test('an upgrade is an installation', () => {
  expect(commandsOf(PAGE, 'Upgrade')).toBe(`${commandsOf(PAGE, 'Install and start').split('\n')[0]}\n`);
});

test('the command that migrates with another role works', async () => {
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  const role = `service_${Date.now()}`;
  try {
    await sql.unsafe(`create role ${role}`);
    const command = commandsOf('docs/rollouts.md').replace('--grant-to service', `--grant-to ${role}`);
    expect(await shell.run(command, { OWNER_URL: database.url })).toBe('0\n');
    await sql.unsafe(`drop owned by ${role}; drop role ${role}`);
  } finally {
    await sql.end({ timeout: 5 });
  }
});

test('the timeouts that a role needs behind PgBouncer are valid', async () => {
  const block = blocksOf('docs/databases.md').find(
    ({ language, text }) => language === 'sql' && text.includes('NAME set'),
  );
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  try {
    const changes = block?.text.replaceAll('NAME', 'current_user') ?? '';
    expect(changes).toContain('current_user');
    await sql.begin(async (tx) => {
      await tx.unsafe(changes);
      throw new Undone();
    });
  } catch (error) {
    if (!(error instanceof Undone)) throw error;
  } finally {
    await sql.end({ timeout: 5 });
  }
});

/** Takes back what is true of the whole server. */
class Undone extends Error {}
