// The limits of a plan: reached exactly, refused beyond, and given back by whatever is deleted.
import { describe, expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { changePlan, createAccountUnder, type Limits, mutate, remove } from '../../support/graphql/accounts.js';
import { ask } from '../../support/graphql/client.js';
import {
  createSecret,
  deleteSecret,
  done,
  environmentRevision,
  refused,
  updateSecret,
} from '../../support/graphql/secrets.js';
import { appSuite } from '../../support/suites.js';
import { createApplication, createEnvironment, type Person, unique } from '../../support/world.js';

const app = await appSuite();

const EXCEEDED = { __typename: 'LimitExceeded', code: 'LIMIT_EXCEEDED' };

interface Place {
  owner: Person & { planId: string };
  applicationId: string;
}

async function place(limits: Limits): Promise<Place> {
  const owner = await createAccountUnder(app, limits);
  return { owner, applicationId: await createApplication(app, owner.token) };
}

describe('environments per account', () => {
  const create = ({ owner, applicationId }: Place) =>
    mutate(
      app,
      owner.token,
      'createEnvironment',
      { applicationId, name: unique('e') },
      '... on CreateEnvironmentPayload { environment { id } }',
    );

  test('are as many as the plan allows, and one more after a deletion', async () => {
    const here = await place({ environments: 2 });
    const { environment } = await create(here);
    expect(await create(here)).toMatchObject({ __typename: 'CreateEnvironmentPayload' });
    expect(await create(here)).toEqual({ ...EXCEEDED, message: 'The plan allows 2 environments per account' });
    await remove(app, here.owner.token, 'deleteEnvironment', environment.id);
    expect(await create(here)).toMatchObject({ __typename: 'CreateEnvironmentPayload' });
    expect(await create(here)).toMatchObject(EXCEEDED);
  });

  test('count over all applications, and a deleted application gives back all of its', async () => {
    const here = await place({ environments: 2 });
    const other = { ...here, applicationId: await createApplication(app, here.owner.token) };
    await create(here);
    await create(other);
    expect(await create(here)).toMatchObject(EXCEEDED);
    await remove(app, here.owner.token, 'deleteApplication', other.applicationId);
    expect(await create(here)).toMatchObject({ __typename: 'CreateEnvironmentPayload' });
    expect(await create(here)).toMatchObject(EXCEEDED);
  });

  test('created at once are never more than the plan allows', async () => {
    const here = await place({ environments: 3 });
    const results = await Promise.all(Array.from({ length: 8 }, () => create(here)));
    expect(results.filter(({ __typename }) => __typename === 'CreateEnvironmentPayload')).toHaveLength(3);
    expect(results.filter(({ __typename }) => __typename === 'LimitExceeded')).toHaveLength(5);
  });

  test('may be none, and a refused one leaves its name free', async () => {
    const here = await place({ environments: 0 });
    const input = { applicationId: here.applicationId, name: 'e' };
    expect(await mutate(app, here.owner.token, 'createEnvironment', input, '')).toMatchObject(EXCEEDED);
    await changePlan(app, here.owner.planId, 'maxEnvironments: 1');
    expect(await mutate(app, here.owner.token, 'createEnvironment', input, '')).toMatchObject({
      __typename: 'CreateEnvironmentPayload',
    });
  });

  test('beyond a lowered limit stay, and no new ones come', async () => {
    const here = await place({ environments: 2 });
    const { id } = (await create(here)).environment;
    await create(here);
    await changePlan(app, here.owner.planId, 'maxEnvironments: 1');
    const { environment } = await ask(app, here.owner.token, 'query ($id: UUID) { environment(id: $id) { id } }', {
      id,
    });
    expect(environment).toEqual({ id });
    const { viewer } = await ask(app, here.owner.token, '{ viewer { environmentUsage { used limit } } }');
    expect(viewer.environmentUsage).toEqual({ used: 2, limit: 1 });
    await remove(app, here.owner.token, 'deleteEnvironment', id);
    expect(await create(here)).toMatchObject(EXCEEDED);
  });
});

describe('secrets per environment', () => {
  async function environment(limits: Limits) {
    const { owner, applicationId } = await place(limits);
    const environmentId = await createEnvironment(app, owner.token, applicationId);
    const create = (path: string, input: object = {}) =>
      createSecret(app, owner.token, { environmentId, path: [path], secretType: { type: 'Str' }, ...input });
    return { owner, environmentId, create };
  }

  test('are as many as the plan allows, and one more after a deletion', async () => {
    const { owner, environmentId, create } = await environment({ secrets: 2 });
    const { id } = await done(create('a'));
    await done(create('b'));
    expect(await refused(create('c', { secretValue: canary() }))).toEqual({
      ...EXCEEDED,
      message: 'The plan allows 2 secrets per environment',
    });
    const usage = 'query ($id: UUID) { environment(id: $id) { revision usage { agentSecrets { used limit } } } }';
    expect((await ask(app, owner.token, usage, { id: environmentId })).environment).toEqual({
      revision: 2,
      usage: { agentSecrets: { used: 2, limit: 2 } },
    });
    await done(deleteSecret(app, owner.token, { id, currentRevision: 0 }));
    await done(create('c'));
    expect(await refused(create('d'))).toMatchObject(EXCEEDED);
  });

  test('are counted per environment', async () => {
    const { owner, create } = await environment({ secrets: 1 });
    await done(create('a'));
    const environmentId = await createEnvironment(app, owner.token, await createApplication(app, owner.token));
    await done(createSecret(app, owner.token, { environmentId, path: ['a'], secretType: { type: 'Str' } }));
  });

  test('created at once are never more than the plan allows', async () => {
    const { owner, environmentId, create } = await environment({ secrets: 3 });
    const results = await Promise.all(Array.from({ length: 8 }, (_, n) => create(`s${n}`)));
    expect(results.filter(({ __typename }) => __typename === 'AgentSecret')).toHaveLength(3);
    expect(results.filter(({ __typename }) => __typename === 'LimitExceeded')).toHaveLength(5);
    expect(await environmentRevision(app, owner.token, environmentId)).toBe(3);
  });

  test('that are full are told after a wrong value and a taken path', async () => {
    const { create } = await environment({ secrets: 1 });
    await done(create('a'));
    expect(await refused(create('b', { secretValue: [canary()] }))).toMatchObject({
      code: 'AGENT_SECRET_VALUE_TYPE_MISMATCH',
    });
    expect(await refused(create('A', { secretValue: canary() }))).toMatchObject({
      code: 'AGENT_SECRET_ALREADY_EXISTS',
    });
    expect(await refused(create('b', { secretValue: canary() }))).toMatchObject(EXCEEDED);
  });
});

describe('bytes per value', () => {
  const BYTES = 12;
  const ofBytes = (bytes: number) => 'é'.repeat(Math.floor((bytes - 2) / 2)) + 'x'.repeat(bytes % 2);

  test('are counted on the value’s JSON text in UTF-8, the limit included, on create and update', async () => {
    const { owner, applicationId } = await place({ bytes: BYTES });
    const environmentId = await createEnvironment(app, owner.token, applicationId);
    const create = (secretValue: string) =>
      createSecret(app, owner.token, { environmentId, path: [unique('s')], secretType: { type: 'Str' }, secretValue });
    const { id } = await done(create(ofBytes(BYTES)));
    const tooLarge = { ...EXCEEDED, message: `The plan allows ${BYTES} bytes per secret value` };
    expect(await refused(create(ofBytes(BYTES + 1)))).toEqual(tooLarge);

    const set = (value: string, currentRevision: number) =>
      updateSecret(app, owner.token, { id, currentRevision, secretValue: { op: 'SET', value } });
    expect(await refused(set(ofBytes(BYTES + 1), 0))).toEqual(tooLarge);
    expect(await refused(set(canary().repeat(2), 0))).toEqual(tooLarge);
    expect(await refused(set(canary(), 1))).toMatchObject({ code: 'CONCURRENT_UPDATE' });
    expect(await done(set(ofBytes(BYTES), 0))).toMatchObject({ revision: 1 });
  });

  test('beyond a lowered limit stay, and may be kept but not set again', async () => {
    const { owner, applicationId } = await place({ bytes: 100 });
    const environmentId = await createEnvironment(app, owner.token, applicationId);
    const input = { environmentId, path: ['s'], secretType: { type: 'Str' }, secretValue: ofBytes(100) };
    const { id } = await done(createSecret(app, owner.token, input));
    await changePlan(app, owner.planId, 'maxValueBytes: 10');
    expect(await done(updateSecret(app, owner.token, { id, currentRevision: 0 }))).toMatchObject({
      secretValue: ofBytes(100),
    });
    const secretValue = { op: 'SET', value: ofBytes(100) };
    expect(await refused(updateSecret(app, owner.token, { id, currentRevision: 1, secretValue }))).toMatchObject(
      EXCEEDED,
    );
  });
});
