// Secrets through GraphQL: created, read, changed and deleted; every write is one step of the environment's counter.
import { describe, expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { everythingStored } from '../../support/graphql/accounts.js';
import { ask, graphql } from '../../support/graphql/client.js';
import {
  createSecret,
  deleteSecret,
  done,
  environmentRevision,
  readSecret,
  refused,
  updateSecret,
} from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment, unique } from '../../support/world.js';

const { app, world, token, environmentId } = await graphqlSuite();

const create = (input: object) => createSecret(app, token, { environmentId, path: [unique('s')], ...input });
const update = (input: object) => updateSecret(app, token, input);
const created = (input: object) => done(create(input));
const STR = { type: 'Str' };
const OPTION = { type: 'Option', inner: { type: 'U8' } };

test('a created secret reads back as it was sent, at revision 0', async () => {
  const written = await created({ path: ['a_b', 'C'], secretType: { type: 'U64' }, secretValue: 2n ** 64n - 1n });
  expect(written).toMatchObject({
    path: ['aB', 'c'],
    pathText: 'aB.c',
    revision: 0,
    secretType: { type: 'U64' },
    secretTypeText: 'u64',
    hasValue: true,
    secretValue: 2n ** 64n - 1n,
    secretValueText: '18446744073709551615',
  });
  expect(written.updatedAt).toBe(written.createdAt);
  expect((await readSecret(app, token, written.id)).data.agentSecret).toEqual(written);
});

test('a secret names who created and who last wrote it', async () => {
  const { id } = await created({ secretType: STR });
  await done(updateSecret(app, world.people.deployer.token, { id, currentRevision: 0 }));
  const document = `query ($id: UUID!) { agentSecret(id: $id) {
    environmentId environment { id name } createdBy { accountId name } updatedBy { accountId name } createdAt updatedAt
  } }`;
  const { agentSecret } = await ask(app, token, document, { id });
  const { owner, deployer } = world.people;
  expect(agentSecret).toMatchObject({
    environmentId,
    environment: { id: environmentId },
    createdBy: { accountId: owner.id, name: owner.name },
    updatedBy: { accountId: deployer.id, name: deployer.name },
  });
  expect(Date.parse(agentSecret.updatedAt)).toBeGreaterThanOrEqual(Date.parse(agentSecret.createdAt));
});

test.each([
  ['absent', {}],
  ['null', { secretValue: null }],
  ['null text', { secretValueText: null }],
])('a secret created with its value %s has none, even of an Option type', async (_, input) => {
  expect(await created({ secretType: OPTION, ...input })).toMatchObject({
    hasValue: false,
    secretValue: null,
    secretValueText: null,
  });
});

describe('an update', () => {
  test('without a value keeps it, and the revision still grows', async () => {
    const { id } = await created({ secretType: STR, secretValue: 'kept' });
    expect(await done(update({ id, currentRevision: 0 }))).toMatchObject({ revision: 1, secretValue: 'kept' });
    expect(await done(update({ id, currentRevision: 1, secretValue: null }))).toMatchObject({ revision: 2 });
    expect((await readSecret(app, token, id)).data.agentSecret).toMatchObject({ revision: 2, secretValue: 'kept' });
  });

  test('UNSET removes the value; kept afterwards it stays removed', async () => {
    const { id } = await created({ secretType: STR, secretValue: 'gone soon' });
    const removed = { hasValue: false, secretValue: null, secretValueText: null };
    const unset = { op: 'UNSET' };
    expect(await done(update({ id, currentRevision: 0, secretValue: unset }))).toMatchObject({
      revision: 1,
      ...removed,
    });
    expect(await done(update({ id, currentRevision: 1 }))).toMatchObject({ revision: 2, ...removed });
    expect(await done(update({ id, currentRevision: 2, secretValue: unset }))).toMatchObject({
      revision: 3,
      ...removed,
    });
    expect((await readSecret(app, token, id)).data.agentSecret).toMatchObject({ revision: 3, ...removed });
  });

  test('SET with null gives an Option the value none, which is a value', async () => {
    const { id } = await created({ secretType: OPTION, secretValue: 1 });
    const set = { op: 'SET', value: null };
    const none = { hasValue: true, secretValue: null, secretValueText: 'null' };
    expect(await done(update({ id, currentRevision: 0, secretValue: set }))).toMatchObject(none);
    expect((await readSecret(app, token, id)).data.agentSecret).toMatchObject(none);
    const asText = { op: 'SET', valueText: 'null' };
    expect(await done(update({ id, currentRevision: 1, secretValue: asText }))).toMatchObject(none);
  });

  test('SET with null is a mismatch for every other type', async () => {
    const { id } = await created({ secretType: STR, secretValue: 'a value' });
    for (const change of [{ value: null }, { valueText: 'null' }]) {
      expect(await refused(update({ id, currentRevision: 0, secretValue: { op: 'SET', ...change } }))).toMatchObject({
        __typename: 'AgentSecretValueTypeMismatch',
        problems: ['$: expected string'],
      });
    }
  });

  test('SET without any value is refused: null has to be said', async () => {
    const { id } = await created({ secretType: OPTION, secretValue: 1 });
    expect(await refused(update({ id, currentRevision: 0, secretValue: { op: 'SET' } }))).toMatchObject({
      __typename: 'InvalidRequest',
      code: 'INVALID_REQUEST',
    });
    expect((await readSecret(app, token, id)).data.agentSecret).toMatchObject({ revision: 0, secretValue: 1 });
  });
});

test('a deleted secret answers without its value at the next revision, is unknown after it, and frees its path', async () => {
  const path = [unique('again')];
  const { id } = await created({ path, secretType: STR, secretValue: canary() });
  const deleted = await done(deleteSecret(app, token, { id, currentRevision: 0 }));
  expect(deleted).toMatchObject({ id, revision: 1, hasValue: false, secretValue: null, secretValueText: null });

  const read = await readSecret(app, token, id);
  expect(read.data.agentSecret).toBeNull();
  expect(read.errors).toMatchObject([
    { message: `Agent secret ${id} not found`, extensions: { code: 'AGENT_SECRET_NOT_FOUND' } },
  ]);
  const again = 'mutation ($input: DeleteAgentSecretInput!) { deleteAgentSecret(input: $input) { __typename } }';
  const { errors } = await graphql(app, token, again, { input: { id, currentRevision: 1 } });
  expect(errors?.[0]?.extensions.code).toBe('AGENT_SECRET_NOT_FOUND');

  const successor = await created({ path, secretType: { type: 'Bool' }, secretValue: true });
  expect(successor).toMatchObject({ revision: 0, secretValue: true });
  expect(successor.id).not.toBe(id);
});

test('every write advances the environment by exactly one, and no refusal advances it', async () => {
  const environment = await createEnvironment(app, token, world.applicationId);
  const at = () => environmentRevision(app, token, environment);
  const write = (input: object) => createSecret(app, token, { environmentId: environment, secretType: STR, ...input });
  const wrong = { secretValue: { op: 'SET', value: [canary()] } };

  expect(await at()).toBe(0);
  const { id } = await done(write({ path: ['one'], secretValue: 'v' }));
  expect(await at()).toBe(1);
  await done(update({ id, currentRevision: 0 }));
  expect(await at()).toBe(2);
  await done(update({ id, currentRevision: 1, secretValue: { op: 'UNSET' } }));
  expect(await at()).toBe(3);

  await refused(write({ path: ['ONE'], secretValue: canary() }));
  await refused(write({ path: ['two'], secretValue: [canary()] }));
  await refused(write({ path: ['..'], secretValue: canary() }));
  await refused(write({ path: ['two'], secretValueText: `{${canary()}` }));
  await refused(update({ id, currentRevision: 1, secretValue: { op: 'SET', value: canary() } }));
  await refused(update({ id, currentRevision: 2, ...wrong }));
  await refused(deleteSecret(app, token, { id, currentRevision: 3 }));
  const viewer = await createSecret(app, world.people.viewer.token, {
    environmentId: environment,
    path: ['two'],
    secretType: STR,
  }).catch((error: Error) => error.message);
  expect(viewer).toContain('ENVIRONMENT_NOT_FOUND');
  expect(await at()).toBe(3);

  await done(deleteSecret(app, token, { id, currentRevision: 2 }));
  expect(await at()).toBe(4);
  const { environment: after } = await ask(
    app,
    token,
    'query ($id: UUID) { environment(id: $id) { revision usage { agentSecrets { used } } } }',
    { id: environment },
  );
  expect(after).toEqual({ revision: 4, usage: { agentSecrets: { used: 0 } } });
});

test('in one request every mutation’s answer shows the environment as that write has left it', async () => {
  const environment = await createEnvironment(app, token, world.applicationId);
  const write = (name: string) => `${name}: createAgentSecret(input: {
    environmentId: "${environment}", path: ["${name}"], secretType: { type: "Str" }
  }) { ... on AgentSecretPayload { environment { revision usage { agentSecrets { used } } } } }`;
  expect(await ask(app, token, `mutation { ${write('a')} ${write('b')} }`)).toEqual({
    a: { environment: { revision: 1, usage: { agentSecrets: { used: 1 } } } },
    b: { environment: { revision: 2, usage: { agentSecrets: { used: 2 } } } },
  });
});

test('no value is stored in the clear, in no table and no spelling', async () => {
  const values = Array.from({ length: 4 }, canary) as [string, string, string, string];
  const { id } = await created({ secretType: STR, secretValue: values[0] });
  await created({ secretType: STR, secretValueText: JSON.stringify(values[1]) });
  await done(update({ id, currentRevision: 0, secretValue: { op: 'SET', value: values[2] } }));
  await done(update({ id, currentRevision: 1, secretValue: { op: 'SET', valueText: JSON.stringify(values[3]) } }));
  const stored = (await everythingStored(app)).join('\n');
  expect(stored).toContain(id);
  for (const value of values) {
    for (const encoding of ['utf8', 'hex', 'base64'] as const) {
      expect(stored).not.toContain(Buffer.from(value).toString(encoding).replace(/=+$/, ''));
    }
  }
});
