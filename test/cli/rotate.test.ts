// The operator's commands for keys, as docs/production.md gives them: on a service that runs, with what they print.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createSecret, secretsOf } from '../server/process/client.js';
import { startTransitServer, type TransitServer } from '../support/external/transit-server.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let database: TestDatabase;
let keyFile: string;
let server: RunningServer;
let transit: TransitServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-rotate-'));
  keyFile = join(folder, 'master-keys.json');
  database = await createTestDatabase();
  transit = await startTransitServer();
  await transit.admin('keys/agent-secrets');
  server = await start(env());
  await createSecret(server, 'kept', 'over all rotations');
});
afterAll(async () => {
  await server?.stop();
  await transit?.close();
  await database?.drop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

const env = () => ({ DATABASE_URL: database.url, MASTER_KEY_FILE: keyFile });
const inTransit = () => ({
  ...env(),
  MASTER_KEY_PROVIDER: 'transit',
  TRANSIT_URL: transit.url,
  TRANSIT_KEY: 'agent-secrets',
  TRANSIT_TOKEN: transit.token,
});
/** On one data folder, which says whose the development account is. */
const start = (variables: Record<string, string>) => startServer({ env: variables, dataDir: join(folder, 'data') });
const masterKey = (...args: string[]) => runToEnd({ script: 'cli/create-master-key.js', args });
const rotate = (args: string[], more: Record<string, string> = env()) =>
  runToEnd({ script: 'cli/rotate.js', args, env: more });

async function said(promise: ReturnType<typeof runToEnd>): Promise<string> {
  const { code, stdout, stderr } = await promise;
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  return stdout.trimEnd();
}

async function expectKept(): Promise<void> {
  expect((await secretsOf(server)).get('kept').secretValue).toBe('over all rotations');
}

test('a master key is added, made current, wraps everything, and the old one is named as unused', async () => {
  const [, first] =
    /Master key (\S+) \(current\): 1 data keys, 1 digest keys\n/.exec(await said(rotate(['status']))) ?? [];
  const next = await said(masterKey('add', keyFile));
  expect(await said(rotate(['status']))).toContain(`Master key ${next}: 0 data keys`);
  const early = await rotate(['master-key', '--to', next]);
  expect(early).toMatchObject({ code: 1, stdout: '' });
  expect(early.stderr).toContain(`the current master key is ${first}, not ${next}`);
  expect(await said(masterKey('use', keyFile, next))).toBe(next);
  expect(await said(rotate(['master-key', '--to', next]))).toContain(`Master key ${next}: 2 keys wrapped anew`);
  expect(await said(rotate(['retire']))).toContain(`Master key ${first} wraps nothing: it may be taken out`);
  await expectKept();
});

test('data keys are rotated for all environments or one, and removed once nothing uses them', async () => {
  const all = await said(rotate(['data-keys', '--all']));
  expect(all).toMatch(/^Begun; to take it up again: npm run rotate -- data-keys --all --made-before \S+Z\n/);
  expect(all).toMatch(/\n1 environments: 1 new data keys, \d+ values sealed anew$/);
  const { environmentId } = server.facts();
  const began = /--made-before (\S+)/.exec(all)?.[1] as string;
  expect(await said(rotate(['data-keys', '--all', '--made-before', began]))).toBe(
    '1 environments: 0 new data keys, 0 values sealed anew',
  );
  expect(await said(rotate(['data-keys', '--environment', environmentId]))).toContain('1 new data keys');
  expect(await said(rotate(['status']))).toMatch(
    new RegExp(
      `Environment ${environmentId}: version 1 0 values, version 2 0 values, version 3 \\(current\\) \\d+ values\n`,
    ),
  );
  const retired = await said(rotate(['retire']));
  for (const version of [1, 2]) {
    expect(retired).toContain(`Environment ${environmentId}: data key version ${version} removed`);
  }
  expect(await said(rotate(['retire']))).toContain('No data key is unused');
  await expectKept();
});

test('values move to another algorithm and back while the service runs, and the status tells how many have not', async () => {
  const withAes = { ...env(), SEAL_ALGORITHM: 'aes-256-gcm' };
  const OTHERS = /\n(\d+) values are in another format than new ones: data-keys seals them anew$/;
  expect(await said(rotate(['status']))).not.toMatch(OTHERS);
  const [, count] = OTHERS.exec(await said(rotate(['status'], withAes))) ?? [];
  expect(Number(count)).toBeGreaterThan(0);
  const began = new Date(0).toISOString();
  const move = ['data-keys', '--all', '--made-before', began];
  const done = new RegExp(`\\n1 environments: 0 new data keys, ${count} values sealed anew$`);
  expect(await said(rotate(move, withAes))).toMatch(done);
  expect(await said(rotate(['status'], withAes))).not.toMatch(OTHERS);
  await expectKept();
  expect(await said(rotate(move))).toMatch(done);
  await expectKept();
});

test('everything moves into Transit and back, while the service has both, and then one of them', async () => {
  await server.stop();
  server = await start(inTransit());
  expect(await said(rotate(['master-key'], inTransit()))).toMatch(
    /Master key transit:transit\/agent-secrets:v1: \d+ keys/,
  );
  await server.stop();
  const { MASTER_KEY_FILE: _, ...alone } = inTransit();
  server = await start(alone);
  await expectKept();
  expect(await said(rotate(['master-key'], { ...inTransit(), MASTER_KEY_PROVIDER: 'local' }))).toMatch(
    /Master key k-\w+: \d+ keys/,
  );
  await server.stop();
  server = await start(env());
  await expectKept();
});

describe('a mistake', () => {
  test.each([
    ['no command', []],
    ['an unknown command', ['everything']],
    ['no scope', ['data-keys']],
    ['two scopes', ['data-keys', '--all', '--environment', '018f0000-0000-7000-8000-0000000000aa']],
    ['an option of another command', ['master-key', '--all']],
    ['an option that there is not', ['status', '--al']],
    ['a time that is none', ['data-keys', '--all', '--made-before', 'yesterday']],
  ])('is answered with the usage, and nothing is done: %s', async (_, args) => {
    const { code, stdout, stderr } = await rotate(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^[^\n]+\n\nUsage: npm run rotate -- master-key/);
  });

  test.each([
    [['data-keys', '--environment', 'dev'], 'there is no such environment'],
    [['data-keys', '--environment', '018f0000-0000-7000-8000-0000000000aa'], 'there is no such environment'],
    [['facts', '--environment', 'dev'], 'there is no such environment'],
    [['facts', '--environment', '018f0000-0000-7000-8000-0000000000aa'], 'there is no such environment'],
  ])('is named: %j', async (args, message) => {
    const { code, stderr } = await rotate(args);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^Cannot rotate: [^\n]+\n$/);
  });
});
