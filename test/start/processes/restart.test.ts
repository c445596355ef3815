// What is there after a stop or a crash: everything that was acknowledged. And a data folder has one owner at a time.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ask, call, createSecret, developer, freePort, secretsOf } from '../../server/process/client.js';
import { launch, type RunningServer, runToEnd, startServer } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

let dataDir: string;
let running: RunningServer[];
beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'agent-secrets-restart-')), 'data');
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((server) => server.kill9()));
  await rm(join(dataDir, '..'), { recursive: true, force: true, maxRetries: 3 });
});

async function start(env: Record<string, string> = {}): Promise<RunningServer> {
  const server = await startServer({ dataDir, env });
  running.push(server);
  return server;
}

/** Only root may, and not in every sandbox. */
const canUnshare = spawnSync('unshare', ['-n', 'true']).status === 0;

const IN_USE = /^Cannot start: the data folder \S+ is in use by another process; .*DATA_DIR.*\n$/;

test('a second start finds the same account, token and data, and names its own port', async () => {
  const first = await start();
  const before = first.facts();
  const written = await createSecret(first, 'kept', 'c4n4ry-kept');
  const secrets = await secretsOf(first);
  expect(await first.stop()).toBe(0);

  const port = await freePort();
  const second = await start({ PORT: String(port) });
  const { url, graphqlUrl, ...same } = second.facts();
  expect({ ...before, ...same }).toEqual(before);
  expect(second.url).toBe(`http://127.0.0.1:${port}`);
  expect({ url, graphqlUrl }).toEqual({ url: second.url, graphqlUrl: `${second.url}/graphql` });
  expect(second.stdout()).toContain(before.token);
  expect(await secretsOf(second)).toEqual(secrets);
  expect((await secretsOf(second)).get('kept')).toEqual(written);
  await second.stop();

  // Without development.json nobody knows whose account this is: it is left alone, and the operator command helps.
  await rm(join(dataDir, 'development.json'));
  const third = await start();
  expect(third.stdout()).toMatch(/No development token: .*; stop this process and make one with npm run token .*\n/);
  expect(() => third.facts()).toThrow('ENOENT');
  await third.stop();
  const operator = await runToEnd({ script: 'cli/create-token.js', args: ['--account', 'development'], dataDir });
  expect(operator).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^Warning: [^\n]* 1 other token [^\n]*\n$/),
  });
  const fourth = await start();
  const { viewer } = await ask({ url: fourth.url, token: operator.stdout.trim() }, '{ viewer { id } }');
  expect(viewer.id).toBe(before.accountId);
});

test('after kill -9 every acknowledged write is there, and writing goes on', async () => {
  const first = await start();
  const acknowledged: { id: string }[] = [];
  let killed = false;
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let turn = 0; turn < 500 && !killed; turn += 1) {
      const secret = await createSecret(first, `w${writer}x${turn}`, `value ${turn}`).catch(() => undefined);
      if (secret) acknowledged.push(secret);
      if (acknowledged.length >= 40 && !killed) {
        killed = true;
        await first.kill9();
      }
    }
  });
  await Promise.all(writers);
  expect(acknowledged.length).toBeGreaterThanOrEqual(40);

  const second = await start();
  expect(second.facts().token).toBe(first.facts().token);
  const secrets = [...(await secretsOf(second)).values()];
  expect(secrets).toEqual(expect.arrayContaining(acknowledged));
  expect(await createSecret(second, 'after', 'again')).toMatchObject({ revision: 0 });
});

describe('one data folder', () => {
  test('refuses a second process with one clear line, and the first one keeps working', async () => {
    const first = await start();
    const facts = first.facts();
    const { code, stderr, stdout } = await runToEnd({ dataDir });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(IN_USE);
    await expectWorking(first);
    expect(first.facts()).toEqual(facts);
  });

  test.skipIf(!canUnshare)(
    'refuses a process of another network namespace: a second container on one volume',
    async () => {
      const first = await start();
      const { code, stderr } = await runToEnd({ dataDir, wrapper: ['unshare', '-n'], withinMs: 15_000 });
      expect(code).toBe(1);
      expect(stderr).toMatch(IN_USE);
      await expectWorking(first);
    },
  );

  async function expectWorking(server: RunningServer): Promise<void> {
    expect(await createSecret(server, 'still', 'here')).toMatchObject({ path: ['still'] });
    expect((await call(developer(server), 'GET', '/readyz')).status).toBe(200);
  }

  test('lets exactly one of several simultaneous first starts win', async () => {
    const rivals = await Promise.all(Array.from({ length: 3 }, () => launch({ dataDir })));
    const outcomes = await Promise.all(rivals.map(({ said }) => said.listening));
    try {
      expect(outcomes.filter((url) => url !== undefined)).toHaveLength(1);
      const losers = rivals.filter((_, index) => outcomes[index] === undefined);
      for (const { child, said } of losers) {
        expect(child.exitCode).toBe(1);
        expect(said.stderr).toMatch(IN_USE);
      }
      const url = outcomes.find((outcome) => outcome !== undefined) as string;
      expect((await call({ url }, 'GET', '/readyz')).status).toBe(200);
    } finally {
      for (const { child, ended, cleanUp } of rivals) {
        child.kill('SIGKILL');
        await ended;
        await cleanUp();
      }
    }
    const after = await start();
    expect((await secretsOf(after)).size).toBe(6);
  });
});
