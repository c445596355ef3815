// The commands of the README and of the tour, pasted into a shell as they stand.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { commandsOf } from './pages.js';
import { openShell, type Shell } from './shell.js';

vi.setConfig({ testTimeout: 120_000 });

let shell: Shell;
beforeEach(async () => {
  shell = await openShell();
});
afterEach(() => shell.remove());

test('the README makes a first secret over GraphQL and another one over REST', async () => {
  const stdout = await shell.run(commandsOf('README.md'));
  expect(stdout).toMatch(/"agentSecret":\{"id":"[^"]+","pathText":"billing\.key\d+","revision":0/);
  expect(stdout).toMatch(
    /"path":\["ports","key\d+"\],"revision":0,"secretType":\{"type":"U16"\},"secretValue":5432\}$/,
  );
  expect(stdout).not.toMatch(/errors|"code"/);
});

test('the tour works twice in a row on one service, and says how to start over', async () => {
  const start = commandsOf('docs/getting-started.md', 'Start the service');
  const tour = commandsOf(
    'docs/getting-started.md',
    'Set up your terminal',
    'Create a secret over GraphQL',
    'Refusals',
    'Create, change and delete over REST',
    'See the history',
  );
  const facts = () => readFile(join(shell.folder, 'data', 'development.json'), 'utf8').then(JSON.parse);
  const again = commandsOf('docs/getting-started.md', 'Start over');
  const copy = 'cp data/development.json first.json\n';
  // A terminal of its own for each time.
  const printed = await shell.run(`${start}(\n${tour})\necho NEXT\n(\n${tour})\n${copy}stop\n${again}`);
  const times = printed.split('NEXT\n');
  expect(times).toHaveLength(2);
  for (const [index, stdout] of times.entries()) {
    const [, run] = /"pathText":"billing\.apiKey(\d+)","revision":0,"secretTypeText":"string"/.exec(stdout) ?? [];
    expect(run).toBeDefined();
    expect(stdout).toContain(`{"pathText":"billing.apiKey${run}","secretTypeText":"string","hasValue":true}`);
    expect(stdout).toContain(`"agentSecrets":{"totalCount":${index + 1},`);
    expect(stdout).toContain('"code":"AGENT_SECRET_VALUE_TYPE_MISMATCH"');
    expect(stdout).toContain('"problems":["$: expected u16"]');
    const secret = `"path":["db","port${run}"]`;
    expect(stdout).toContain(`${secret},"revision":0,"secretType":{"type":"U16"},"secretValue":5432}`);
    expect(stdout).toContain(`${secret},"revision":1,"secretType":{"type":"U16"},"secretValue":6432}`);
    expect(stdout).toContain(`${secret},"revision":2,"secretType":{"type":"U16"},"secretValue":null}`);
    expect(stdout).toContain('{"node":{"revision":2,"change":"DELETED",');
    expect(stdout).toContain(
      `{"restoreAgentSecret":{"agentSecret":{"pathText":"db.port${run}","revision":3,"secretValueText":"5432"}}}`,
    );
    expect(stdout).not.toContain('errors');
  }
  const before = JSON.parse(await readFile(join(shell.folder, 'first.json'), 'utf8'));
  const after = await facts();
  expect(after.url).toBe(before.url);
  expect(after.environmentId).not.toBe(before.environmentId);
});
