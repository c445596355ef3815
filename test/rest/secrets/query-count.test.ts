// What reads cost in statements: counted, so that a promise about speed cannot rot unseen.
import { expect, test } from 'vitest';
import { expectRefusal } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, owner } = await restSuite({ readAudit: 'off' });

async function statements(request: () => Promise<{ status: number }>): Promise<number> {
  const before = app.queries();
  await request();
  return app.queries() - before;
}

test('a read by id is one statement once token and keys are known, for every caller, with a value and without', async () => {
  const withValue = await owner.made(app.world.environmentId);
  const without = await owner.made(app.world.environmentId, { secretValue: null });
  for (const client of [owner, app.as('admin'), app.as('deployer')]) {
    await client.get(withValue.id);
    expect(await statements(() => client.get(withValue.id))).toBe(1);
    expect(await statements(() => client.get(without.id))).toBe(1);
    expect(await statements(() => client.call('HEAD', `/v1/agent-secrets/${withValue.id}`))).toBe(1);
  }
});

test('a read that is refused costs no more', async () => {
  const { id } = await owner.made(app.world.environmentId);
  for (const relation of ['viewer', 'stranger'] as const) {
    const client = app.as(relation);
    await client.get(id);
    expect(await statements(() => client.get(id))).toBe(1);
  }
  expect(await statements(() => owner.get('no-uuid'))).toBe(0);
  expect(await statements(() => app.anonymous.get(id))).toBe(0);
});

test('a token not seen yet costs one statement more, one of invalid form none', async () => {
  const { id } = await owner.made(app.world.environmentId);
  app.services.bearers.clear();
  expect(await statements(() => owner.get(id))).toBe(2);
  const short = () => app.anonymous.call('GET', `/v1/agent-secrets/${id}`, { headers: { authorization: 'Bearer x' } });
  expect(await statements(short)).toBe(0);
});

test('the list is two statements, however long it is', async () => {
  const environmentId = await createEnvironment(app, app.world.people.owner.token, app.world.applicationId);
  const lengths = [0, 1, 2, 30];
  const counts: number[] = [];
  let made = 0;
  for (const length of lengths) {
    for (; made < length; made += 1) await owner.made(environmentId);
    expect((await owner.list(environmentId)).body.values).toHaveLength(length);
    counts.push(await statements(() => owner.list(environmentId)));
  }
  expect(counts).toEqual([2, 2, 2, 2]);
});

test('a refused write costs reads only: a stale revision and a wrong value are told from one statement', async () => {
  const { id } = await owner.made(app.world.environmentId);
  const stale = () => owner.update(id, { currentRevision: 5 });
  const wrong = () => owner.update(id, { currentRevision: 0, secretValue: { op: 'set', value: 1 } });
  expectRefusal(await stale(), 409, 'CONCURRENT_UPDATE');
  expect(await statements(stale)).toBe(1);
  expect(await statements(wrong)).toBe(1);
});
