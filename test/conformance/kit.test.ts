// The conformance kit: our own service passes it, it changes nothing of others, and it finds every planted difference.
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { addressOf } from '../support/streams/event-stream.js';
import { restSuite } from '../support/suites.js';
import { createEnvironment } from '../support/world.js';
import { allCases, type KitOptions, runKit } from './kit.js';
import { PLANTED } from './planted/plants.js';
import { type Plant, startProxy } from './planted/proxy.js';
import { countsOf, exitCodeOf, type Report } from './verdict/report.js';

// Thousands of requests: on a busy machine that takes a while.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const { app, owner, token } = await restSuite();
const environmentId = await createEnvironment(app, token, app.world.applicationId);
const target = () => new URL(addressOf(app.server));

function run(options: Partial<KitOptions> = {}): Promise<Report> {
  const defaults = {
    url: target(),
    token,
    environmentId,
    profile: 'contract',
    seed: 7,
    effort: 15,
    only: [],
    skip: [],
  } as const;
  return runKit({ ...defaults, ...options });
}

async function runAgainst(plant: Plant, options: Partial<KitOptions>): Promise<Report> {
  const proxy = await startProxy(target(), plant);
  try {
    return await run({ url: proxy.url, ...options });
  } finally {
    await proxy.close();
  }
}

const differing = ({ results }: Report) => results.filter(({ outcome }) => outcome === 'differs');
const told = (report: Report) => differing(report).map(({ id, difference }) => `${id}: ${difference?.message}`);

test('our own service passes all of it, and what others have in the environment is as it was', async () => {
  const foreign = await owner.made(environmentId, { path: ['somebody', 'elses'] });
  await owner.update(foreign.id, { currentRevision: 0, secretValue: { op: 'set', value: 'kept' } });
  const before = (await owner.list(environmentId)).text;
  const { stranger, viewer, owner: self } = app.world.people;
  const others = { strangerToken: stranger.token };
  const report = await run(others);
  expect(told(report)).toEqual([]);
  expect(report.results.flatMap(({ declared }) => declared)).toEqual([]);
  expect(countsOf(report)).toMatchObject({ cases: allCases().length, declared: 0, skipped: 1 });
  expect(exitCodeOf(report, { strict: true })).toBe(0);
  expect(report.leftOver).toBe(0);
  expect((await owner.list(environmentId)).text).toBe(before);
  // The world's environment is the one that is shared with a viewer.
  const shared = { environmentId: app.world.environmentId, token: self.token, viewerToken: viewer.token };
  expect(countsOf(await run({ ...shared, only: ['visibility/viewer'] }))).toMatchObject({ cases: 1, conforms: 1 });
});

test('in the profile of the original our service differs only as declared', async () => {
  const report = await run({ profile: 'golem-1.5.9', skip: ['paths/segment', 'values/'], effort: 5 });
  expect(told(report)).toEqual([]);
  const numbers = new Set(report.results.flatMap(({ declared }) => declared.map(({ number }) => number)));
  for (const number of [1, 2, 3, 5, 10, 11, 13, 14, 15, 18]) expect([...numbers]).toContain(number);
  expect(exitCodeOf(report, { strict: false })).toBe(0);
  expect(exitCodeOf(report, { strict: true })).toBe(1);
});

describe('it turns red by a planted difference:', () => {
  test.each(PLANTED)('$kind', async ({ only, finds, plant }) => {
    const report = await runAgainst(plant(token), { only });
    expect(exitCodeOf(report, { strict: false }), told(report).join('\n')).toBe(1);
    expect(differing(report).map(({ id }) => id)).toContainEqual(expect.stringMatching(`^${finds}`));
    expect(report.leftOver).toBe(0);
    const sound = await run({ only });
    expect(told(sound), 'the service itself').toEqual([]);
  });

  test('what depends on the order of requests, shrunk to the few that show it', async () => {
    // Every secret forgets its value when it is updated for the second time.
    const plant: Plant = async (passed, forward) => {
      const answered = await forward(passed);
      const isSecond = passed.method === 'PATCH' && answered.text.includes('"revision":2,');
      if (!isSecond) return answered;
      return { ...answered, text: answered.text.replace(/"secretValue":.*\}$/, '"secretValue":null}') };
    };
    const [found] = differing(await runAgainst(plant, { only: ['sequences/'], effort: 100 }));
    const shown = /at the end of: (.*?) \/\*/.exec(found?.difference?.wants ?? '')?.[1]?.split(',') ?? [];
    expect(shown, found?.difference?.message).toHaveLength(3);
    expect(shown.map((command) => command.trim().split(' ')[0])).toEqual(['create', 'update', 'update']);
    expect(found?.difference?.wants).toMatch(/seed 7, shrunk \d+ times/);
  });
});

test('an answer that the original gives is told as declared, and fails a strict run only', async () => {
  const plant: Plant = async (passed, forward) => {
    const answered = await forward(passed);
    return answered.status === 400
      ? { ...answered, contentType: 'text/plain; charset=utf-8', text: 'parse error' }
      : answered;
  };
  const report = await runAgainst(plant, { only: ['requests/create-duplicate-key'] });
  expect(countsOf(report)).toMatchObject({ cases: 2, declared: 2, differs: 0 });
  expect([exitCodeOf(report, { strict: false }), exitCodeOf(report, { strict: true })]).toEqual([0, 1]);
  const original = await runAgainst(plant, { only: ['requests/create-duplicate-key'], profile: 'golem-1.5.9' });
  expect(countsOf(original)).toMatchObject({ cases: 2, conforms: 2 });
});

test.each(['[]', '{}', '{"values":[{"path":"x"}]}', '{"id":1,"path":7,"revision":"x"}', '"text"', ''])(
  'a target that answers %j to everything is reported on, case by case',
  async (text) => {
    const plant: Plant = async () => ({
      status: 200,
      contentType: 'application/json; charset=utf-8',
      headers: {},
      text,
    });
    const report = await runAgainst(plant, { skip: ['values/', 'types/', 'paths/'], effort: 2 });
    const conforming = report.results.filter(({ outcome }) => outcome === 'conforms' || outcome === 'declared');
    // The original has no documentation there, and its answer is not known.
    expect(conforming.map(({ id }) => id)).toEqual(['differences/18-root']);
  },
);

test('a target that stops answering ends the run, whatever is left to ask', async () => {
  let answered = 0;
  const plant: Plant = (passed, forward) => {
    answered += 1;
    return answered > 100 ? Promise.reject(new Error('gone')) : forward(passed);
  };
  await expect(runAgainst(plant, {})).rejects.toThrow(/^the target has stopped answering/);
  expect(answered).toBeLessThan(500);
  // The proxy would not let it remove what it had made.
  await run({ only: ['operations/create'] });
});

test('an interrupted run removes what it has made', async () => {
  const interrupted = new AbortController();
  const plant: Plant = (passed, forward) => {
    if (passed.method === 'PATCH') interrupted.abort();
    return forward(passed);
  };
  const before = (await owner.list(environmentId)).body.values.length;
  await expect(runAgainst(plant, { signal: interrupted.signal })).rejects.toThrow('interrupted; 0 secrets left over');
  expect((await owner.list(environmentId)).body.values).toHaveLength(before);
});

test('the same seed sends the same', async () => {
  const sent = async (seed: number) => {
    const bodies: string[] = [];
    const plant: Plant = (passed, forward) => {
      bodies.push(passed.body.replaceAll(/conformance\w+/g, 'place'));
      return forward(passed);
    };
    await runAgainst(plant, { only: ['random/values'], seed, effort: 5 });
    return bodies;
  };
  const first = await sent(1);
  expect(first.length).toBeGreaterThan(10);
  expect(await sent(1)).toEqual(first);
  expect(await sent(2)).not.toEqual(first);
});

describe('the command', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const script = fileURLToPath(new URL('dist/run.js', import.meta.url));
  const execute = promisify(execFile);
  beforeAll(async () => {
    await execute(fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url)), ['-p', folder]);
  });
  const command = (...args: string[]) =>
    execute(process.execPath, [script, ...args], { env: { PATH: process.env.PATH } }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }) as { code: number; stdout: string; stderr: string },
    );
  const place = () => ['--url', target().href, '--token', token, '--environment', environmentId];

  test('ends with counts and 0 where nothing differs, as text and as JSON', async () => {
    const { code, stdout, stderr } = await command(...place(), '--only', 'operations/', '--seed', '3');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /\n10 cases: 10 conform, 0 differ as declared, 0 differ, 0 skipped\.\n\d+ requests in [\d.]+ s, seed 3, 0 secrets left over\.\n$/,
    );
    const asJson = JSON.parse((await command(...place(), '--only', 'operations/', '--json')).stdout);
    expect(asJson).toMatchObject({ profile: 'contract', counts: { cases: 10, conforms: 10 }, leftOver: 0 });
    expect(asJson.cases).toHaveLength(10);
  });

  test('ends with 1 where something differs, and shows the request and the answer', async () => {
    const { kind, only, plant } = PLANTED[3] as (typeof PLANTED)[number];
    const proxy = await startProxy(target(), plant(token));
    try {
      const args = [
        '--url',
        proxy.url.href,
        '--token',
        token,
        '--environment',
        environmentId,
        '--only',
        only[0] as string,
      ];
      const { code, stdout } = await command(...args);
      expect(code, kind).toBe(1);
      expect(stdout).toMatch(
        /^DIFFERS operations\/conflicts .*\n {2}expected: .*\n {2}got: .*\n {2}request: .*\n {2}answer: /m,
      );
      const asJson = JSON.parse((await command(...args, '--json')).stdout);
      expect(asJson.cases[0]).toMatchObject({ outcome: 'differs', got: 'the code REVISION_MISMATCH' });
    } finally {
      await proxy.close();
    }
  });

  test('ends with 2 and one line where it cannot run', async () => {
    const unknown = '00000000-0000-7000-8000-00000000abcd';
    // A port that was free a moment ago.
    const nobody = createServer();
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    for (const [args, said] of [
      [[], /--token/],
      [['--token', token], /--url/],
      [['--token', token, '--url', 'localhost'], /--url/],
      [[...place(), '--profile', 'golem-1.6'], /--profile/],
      [[...place(), '--seed', 'x'], /--seed/],
      [[...place(), '--environment', 'mine'], /--environment/],
      [[...place(), '--nonsense'], /nonsense/],
      [['--url', target().href, '--token', token, '--environment', unknown], /cannot be listed .* 404/],
      [
        ['--url', target().href, '--token', 'not-a-known-token-000', '--environment', environmentId],
        /cannot be listed .* 401/,
      ],
      [['--url', `http://127.0.0.1:${port}`, '--token', token, '--environment', environmentId], /does not answer/],
    ] as [string[], RegExp][]) {
      const { code, stdout, stderr } = await command(...args);
      expect({ code, stdout, stderr }, args.join(' ')).toEqual({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(said),
      });
      expect(stderr).toMatch(/^Cannot run: [^\n]+\n$/);
    }
  });

  test('lists its cases, each with an id of its own', async () => {
    const ids = allCases().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const { stdout } = await command('--list');
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(ids);
  });
});
