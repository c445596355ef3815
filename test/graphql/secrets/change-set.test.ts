// Several writes at once: all or nothing, each as if those before it were done, every problem told.
import { beforeEach, describe, expect, test } from 'vitest';
import { auditEnvironment } from '../../races/support/log-audit.js';
import { CANARY, canary } from '../../support/canary.js';
import { ask, graphql } from '../../support/graphql/client.js';
import {
  applyChanges,
  changeSet,
  codesOf,
  destroyRevision,
  historyOf,
  queryOf,
  type Result,
} from '../../support/graphql/log.js';
import { createSecret, deleteSecret, done, environmentRevision, updateSecret } from '../../support/graphql/secrets.js';
import { createLimitedEnvironment } from '../../support/rest/plan.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, world, token } = await graphqlSuite();
let environmentId: string;

beforeEach(async () => {
  environmentId = await createEnvironment(app, token, world.applicationId);
});

const secretType = { type: 'Str' };
const create = (path: string, secretValue?: unknown) => ({
  create: { path: [path], secretType, ...(secretValue === undefined ? {} : { secretValue }) },
});
const update = (id: string, currentRevision: number, value?: unknown) => ({
  update: { id, currentRevision, ...(value === undefined ? {} : { secretValue: { op: 'SET', value } }) },
});
const remove = (id: string, currentRevision: number) => ({ delete: { id, currentRevision } });
const restore = (id: string, currentRevision: number, toRevision: number) => ({
  restore: { id, currentRevision, toRevision },
});
const apply = (changes: object[], more: object = {}) => changeSet(app, token, { environmentId, changes, ...more });
const made = (path: string, secretValue: unknown = `value of ${path}`) =>
  done(createSecret(app, token, { environmentId, path: [path], secretType, secretValue }));
const revision = () => environmentRevision(app, token, environmentId);

async function state(): Promise<[path: string, id: string, revision: number, value: unknown][]> {
  const document =
    'query ($id: UUID) { environment(id: $id) { allAgentSecrets { pathText id revision secretValue } } }';
  const { environment } = await ask(app, token, document, { id: environmentId });
  return environment.allAgentSecrets.map((one: any) => [one.pathText, one.id, one.revision, one.secretValue]);
}

describe('all that is applied', () => {
  test('is answered one by one, under consecutive revisions of the environment', async () => {
    const [a, b] = [await made('a'), await made('b')];
    const set = await apply([create('c', 'new'), update(a.id, 0, 'changed'), remove(b.id, 0), create('d')]);
    expect(set).toMatchObject({ applied: true, environmentRevision: 6 });
    const [c, changed, removed, d] = set.results as Result[];
    expect(c).toMatchObject({ pathText: 'c', revision: 0, secretValue: 'new' });
    expect(changed).toMatchObject({ id: a.id, revision: 1, secretValue: 'changed' });
    expect(removed).toMatchObject({ id: b.id, revision: 1, hasValue: false });
    expect(d).toMatchObject({ pathText: 'd', revision: 0, hasValue: false });
    expect(await state()).toEqual([
      ['a', a.id, 1, 'changed'],
      ['c', c?.id, 0, 'new'],
      ['d', d?.id, 0, null],
    ]);
    const histories = [await historyOf(app, token, c?.id as string, 0), await historyOf(app, token, b.id, 1)];
    expect(histories.map(([newest]) => newest?.environmentRevision)).toEqual([3, 5]);
    await auditEnvironment(queryOf(app), environmentId);
  });

  test('may go to a path that a change before it leaves, and swap two', async () => {
    const [a, b] = [await made('a'), await made('b')];
    const set = await apply([remove(a.id, 0), remove(b.id, 0), create('b', 'was a'), create('a', 'was b')]);
    expect(codesOf(set)).toEqual(['OK', 'OK', 'OK', 'OK']);
    expect((await state()).map(([path, , , value]) => [path, value])).toEqual([
      ['a', 'was b'],
      ['b', 'was a'],
    ]);
    await auditEnvironment(queryOf(app), environmentId);
  });

  test('may write one secret several times, each time at the revision the last one left', async () => {
    const { id } = await made('a', 'zero');
    const changes = [update(id, 0, 'one'), update(id, 1), remove(id, 2), restore(id, 3, 0), update(id, 4, 'five')];
    const set = await apply(changes);
    expect(set.results.map((one) => [(one as Result).revision, (one as Result).secretValue])).toEqual([
      [1, 'one'],
      [2, 'one'],
      [3, null],
      [4, 'zero'],
      [5, 'five'],
    ]);
    expect((await historyOf(app, token, id, 5)).map(({ change }) => change)).toEqual([
      ...['UPDATED', 'RESTORED', 'DELETED', 'UPDATED', 'UPDATED', 'CREATED'],
    ]);
    await auditEnvironment(queryOf(app), environmentId);
  });

  test('may go back to a revision that a change before it has made', async () => {
    const { id } = await made('a', 'zero');
    const set = await apply([
      update(id, 0, 'one'),
      update(id, 1, 'two'),
      restore(id, 2, 1),
      remove(id, 3),
      restore(id, 4, 3),
    ]);
    expect(codesOf(set)).toEqual(['OK', 'OK', 'OK', 'OK', 'OK']);
    expect(await state()).toEqual([['a', id, 5, 'one']]);
    const again = await apply([remove(id, 5), restore(id, 6, 6)]);
    expect(codesOf(again)).toEqual(['OK', 'INVALID_REQUEST']);
    await auditEnvironment(queryOf(app), environmentId);
  });

  test('is as large as 100 changes', async () => {
    const set = await apply(Array.from({ length: 100 }, (_, index) => create(`p${index}`, 'x')));
    expect([set.applied, set.environmentRevision, set.results.length]).toEqual([true, 100, 100]);
    expect(await state()).toHaveLength(100);
    await auditEnvironment(queryOf(app), environmentId);
  });
});

describe('when a change is refused', () => {
  test('nothing is written, and every problem is told in its place', async () => {
    const [a, b] = [await made('a'), await made('b', canary())];
    await done(updateSecret(app, token, { id: b.id, currentRevision: 0, secretValue: { op: 'SET', value: 'next' } }));
    await done(destroyRevision(app, token, { id: b.id, revision: 0, currentRevision: 1 }));
    const before = [await state(), await revision()];
    const set = await apply([
      create('fine', 'x'),
      create('a'),
      update(a.id, 7, 'x'),
      update(a.id, 0, [canary(), 1]),
      remove(environmentId, 0),
      restore(b.id, 2, 0),
      restore(b.id, 2, 9),
      create('.'),
      create('fine'),
      remove(a.id, 0),
    ]);
    expect(set).toMatchObject({ applied: false, environmentRevision: before[1] });
    expect(codesOf(set)).toEqual([
      'OK',
      'AGENT_SECRET_ALREADY_EXISTS',
      'CONCURRENT_UPDATE',
      'AGENT_SECRET_VALUE_TYPE_MISMATCH',
      'AGENT_SECRET_NOT_FOUND',
      'AGENT_SECRET_VALUE_DESTROYED',
      'AGENT_SECRET_REVISION_NOT_FOUND',
      'INVALID_REQUEST',
      'AGENT_SECRET_ALREADY_EXISTS',
      'OK',
    ]);
    expect(set.results[2]).toMatchObject({ currentRevision: 0 });
    expect(set.results[3]).toMatchObject({ problems: ['$: expected string'] });
    expect([await state(), await revision()]).toEqual(before);
    await auditEnvironment(queryOf(app), environmentId);
  });

  test('those behind it are judged as if it had not been there', async () => {
    const { id } = await made('a', 'zero');
    const set = await apply([update(id, 0, 1), update(id, 0, 'one'), update(id, 0, 'two')]);
    expect(codesOf(set)).toEqual(['AGENT_SECRET_VALUE_TYPE_MISMATCH', 'OK', 'CONCURRENT_UPDATE']);
    expect(set.results[2]).toMatchObject({ currentRevision: 1 });
    expect(await state()).toEqual([['a', id, 0, 'zero']]);
  });

  test('a secret of another environment is as unknown as none', async () => {
    const elsewhere = await createEnvironment(app, token, world.applicationId);
    const input = { environmentId: elsewhere, path: ['a'], secretType, secretValue: 'x' };
    const { id } = await done(createSecret(app, token, input));
    expect(codesOf(await apply([update(id, 0, 'y')]))).toEqual(['AGENT_SECRET_NOT_FOUND']);
    expect(codesOf(await apply([restore(id, 0, 0)]))).toEqual(['AGENT_SECRET_NOT_FOUND']);
  });

  test('a deleted secret can be restored, and nothing else', async () => {
    const { id } = await made('a');
    await done(deleteSecret(app, token, { id, currentRevision: 0 }));
    const set = await apply([update(id, 1, 'x'), remove(id, 1), restore(id, 1, 0)]);
    expect(codesOf(set)).toEqual(['AGENT_SECRET_NOT_FOUND', 'AGENT_SECRET_NOT_FOUND', 'OK']);
  });
});

describe('limits of the plan', () => {
  test('hold for the set as it goes: room that a deletion makes may be taken, and no more', async () => {
    const limited = await createLimitedEnvironment(app, { secrets: 2, valueBytes: 10 });
    const there = { environmentId: limited.environmentId };
    const first = await changeSet(app, limited.token, { ...there, changes: [create('a', 'x'), create('b', 'x')] });
    expect(codesOf(first)).toEqual(['OK', 'OK']);
    const id = (first.results[0] as Result).id as string;
    const over = await changeSet(app, limited.token, { ...there, changes: [create('c'), remove(id, 0), create('d')] });
    expect([over.applied, ...codesOf(over)]).toEqual([false, 'LIMIT_EXCEEDED', 'OK', 'OK']);
    const within = [
      remove(id, 0),
      create('c'),
      remove((first.results[1] as Result).id as string, 0),
      restore(id, 1, 0),
    ];
    expect(codesOf(await changeSet(app, limited.token, { ...there, changes: within }))).toEqual([
      'OK',
      'OK',
      'OK',
      'OK',
    ]);
    const large = [update(id, 2, 'x'.repeat(9)), update(id, 2, 'x'.repeat(8)), create('e')];
    const codes = codesOf(await changeSet(app, limited.token, { ...there, changes: large }));
    expect(codes).toEqual(['LIMIT_EXCEEDED', 'OK', 'LIMIT_EXCEEDED']);
    await auditEnvironment(queryOf(app), limited.environmentId);
  });

  test.each([0, 101])('%i changes are refused as a whole', async (length) => {
    const changes = Array.from({ length }, (_, index) => create(`p${index}`));
    const refusal = await applyChanges(app, token, { environmentId, changes });
    expect(refusal).toMatchObject({ code: 'INVALID_REQUEST', problems: ['changes: expected 1 to 100'] });
    expect(await revision()).toBe(0);
  });
});

describe('expectedEnvironmentRevision', () => {
  test('applies the set at that revision only, and tells the current one otherwise', async () => {
    await made('a');
    for (const expectedEnvironmentRevision of [0, 2, 2n ** 64n - 1n]) {
      const changes = [create('b')];
      const refusal = await applyChanges(app, token, { environmentId, changes, expectedEnvironmentRevision });
      expect(refusal).toMatchObject({ __typename: 'ConcurrentUpdate', currentRevision: 1 });
    }
    expect(await apply([create('b')], { expectedEnvironmentRevision: 1 })).toMatchObject({ environmentRevision: 2 });
  });
});

describe('a dry run', () => {
  test('tells what would happen, and writes nothing', async () => {
    const [a, b] = [await made('a'), await made('b')];
    const before = [await state(), await revision()];
    const changes = [create('c', 'new'), update(a.id, 0, 'x'), remove(b.id, 0), restore(b.id, 1, 0)];
    const dry = await apply(changes, { dryRun: true });
    expect(dry).toMatchObject({ applied: false, environmentRevision: 2 });
    expect([await state(), await revision()]).toEqual(before);
    const wet = await apply(changes);
    const told = (set: typeof dry) => set.results.map(({ id: _, __typename: __, ...one }: any) => one);
    expect(told(dry)).toEqual(told(wet));
    const typesOf = (set: typeof dry) => new Set(set.results.map(({ __typename }) => __typename));
    expect([typesOf(dry), typesOf(wet)]).toEqual([new Set(['PlannedAgentSecret']), new Set(['AgentSecretRevision'])]);
  });

  test('tells the same refusals', async () => {
    const { id } = await made('a');
    const changes = [create('a'), update(id, 3), update(id, 0, 7)];
    const [dry, wet] = [await apply(changes, { dryRun: true }), await apply(changes)];
    expect(dry).toEqual(wet);
  });
});

describe('what does not fit is refused unseen', () => {
  const code = async (changes: unknown) => {
    const document =
      'mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) { __typename } }';
    const { data, errors } = await graphql(app, token, document, { input: { environmentId, changes } });
    expect(JSON.stringify([data, errors])).not.toMatch(CANARY);
    return errors?.[0]?.extensions.code;
  };

  test('none, two, or a null of the four kinds of change', async () => {
    const one = create('a', canary()).create;
    for (const change of [{}, { create: one, delete: { id: environmentId, currentRevision: 0 } }, { create: null }]) {
      expect(await code([change])).toBe('INVALID_REQUEST');
    }
    expect(await code([{ create: one, update: null }])).toBe('INVALID_REQUEST');
    expect(await code([{ [canary()]: canary() }])).toBe('INVALID_REQUEST');
    expect(await revision()).toBe(0);
  });

  test('in literals, too', async () => {
    for (const change of [
      `{ create: { path: ["a"], secretType: { type: "Str" }, secretValue: "${canary()}" }, delete: { id: "${environmentId}", currentRevision: 0 } }`,
      '{}',
    ]) {
      const document = `mutation { applyAgentSecretChanges(input: { environmentId: "${environmentId}", changes: [${change}] }) { __typename } }`;
      const { errors } = await graphql(app, token, document);
      expect(errors?.[0]?.extensions.code).toBe('INVALID_REQUEST');
      expect(JSON.stringify(errors)).not.toMatch(CANARY);
    }
  });

  test('values given twice, not at all, or as broken text: all of them, each by its place', async () => {
    const bad = { path: ['a'], secretType, secretValue: canary(), secretValueText: `"${canary()}"` };
    const refusal = await applyChanges(app, token, {
      environmentId,
      changes: [
        create('fine', 'x'),
        { create: bad },
        { update: { id: environmentId, currentRevision: 0, secretValue: { op: 'SET' } } },
        { create: { path: ['b'], secretType, secretValueText: `"${canary()}` } },
      ],
    });
    expect(refusal).toMatchObject({ __typename: 'InvalidRequest' });
    expect('problems' in refusal && refusal.problems).toEqual([
      'changes[1]: expected only one of secretValue and secretValueText',
      'changes[2]: secretValue: SET needs value or valueText; null is a value',
      expect.stringMatching(/^changes\[3\]: secretValueText: /),
    ]);
    expect(await revision()).toBe(0);
  });
});
