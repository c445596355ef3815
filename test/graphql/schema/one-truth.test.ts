// One id, one truth: whatever shows an object under its id shows the same of it. What is past or planned has another id, or none.
import { getNamedType, isInterfaceType, isObjectType } from 'graphql';
import { beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.js';
import { ask, firstEvent, graphql } from '../../support/graphql/client.js';
import { changeSet } from '../../support/graphql/log.js';
import { createSecret, deleteSecret, done, updateSecret } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment, unique } from '../../support/world.js';

const { app, world, token } = await graphqlSuite();
let environmentId: string;
/** At revision 2; its values by revision are `zero`, `one` and `two`. */
let id: string;

beforeAll(async () => {
  environmentId = await createEnvironment(app, token, world.applicationId);
  const input = { environmentId, path: ['a'], secretType: { type: 'Str' }, secretValue: 'zero' };
  ({ id } = await done(createSecret(app, token, input)));
  await set(0, 'one');
  await set(1, 'two');
});

const set = (currentRevision: number, value: string, more: object = {}) =>
  done(updateSecret(app, token, { id, currentRevision, secretValue: { op: 'SET', value }, ...more }));

/** What a cache that keeps objects by their ids holds after these answers. Throws where two of them disagree. */
function normalized(...answers: unknown[]): Map<string, Record<string, unknown>> {
  const objects = new Map<string, Record<string, unknown>>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const fields = value as Record<string, unknown>;
    Object.values(fields).forEach(visit);
    if (typeof fields.id !== 'string') return;
    const known = objects.get(fields.id) ?? {};
    for (const [name, field] of Object.entries(fields)) {
      if (typeof field === 'object' && field !== null) continue;
      if (name in known && known[name] !== field) {
        throw new Error(`${fields.id}: ${name} is ${String(known[name])} and ${String(field)}`);
      }
      known[name] = field;
    }
    objects.set(fields.id, known);
  };
  answers.forEach(visit);
  return objects;
}

const STATE = '__typename revision secretValueText pathText hasValue valueState';
const SECRET = `id ${STATE} updatedAt deletedAt`;
const REVISION = `id ${STATE} change at deletedAt agentSecret { ${SECRET} } environment { id __typename revision }`;
const APPLY = `mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) {
  ... on ApplyAgentSecretChangesPayload { environment { id __typename revision } results {
    ... on PlannedAgentSecret { ${STATE} change agentSecret { ${SECRET} } } ... on AgentSecretRevision { ${REVISION} } } } } }`;
const EVERYTHING = `query ($environmentId: UUID!, $id: UUID!) {
  agentSecret(id: $id) { ${SECRET} revisions { edges { node { ${REVISION} } } } }
  agentSecretRevision(id: $id, revision: 0) { ${REVISION} revisions { edges { node { ${REVISION} } } } }
  environment(id: $environmentId) {
    id __typename revision allAgentSecrets { ${SECRET} }
    now: snapshot(revision: 3) { ...Past } then: snapshot(revision: 1) { ...Past } never: snapshot(revision: 0) { ...Past }
  }
}
fragment Past on EnvironmentSnapshot {
  id __typename revision at environment { id __typename revision }
  allAgentSecrets { ${REVISION} } agentSecret(pathText: "a") { ${REVISION} }
}`;

test('the present, the history, the past, a dry run and the stream agree on everything that they show under one id', async () => {
  const everything = await ask(app, token, EVERYTHING, { environmentId, id });
  const changes = [
    { update: { id, currentRevision: 2, secretValue: { op: 'SET', value: 'planned' } } },
    { delete: { id, currentRevision: 3 } },
    { create: { path: ['a'], secretType: { type: 'Bool' } } },
  ];
  const dry = await ask(app, token, APPLY, { input: { environmentId, changes, dryRun: true } });
  const stream = `subscription ($environmentId: UUID!, $after: Revision!) {
    agentSecretChanges(environmentId: $environmentId, after: $after) { changes { ${REVISION} } } }`;
  const events = await Promise.all(
    [0, 1, 2].map((after) => firstEvent(app, token, stream, { environmentId, after }).then(({ data }) => data)),
  );
  const objects = normalized(everything, dry, events);
  expect(objects.get(id)).toMatchObject({ __typename: 'AgentSecret', revision: 2, secretValueText: '"two"' });
  const revisions = [0, 1, 2].map((revision) => objects.get(`${id}:${revision}`)?.secretValueText);
  expect(revisions).toEqual(['"zero"', '"one"', '"two"']);
  expect([...objects.values()].map(({ __typename }) => __typename).sort()).toEqual([
    ...['AgentSecret', 'AgentSecretRevision', 'AgentSecretRevision', 'AgentSecretRevision', 'Environment'],
    ...['EnvironmentSnapshot', 'EnvironmentSnapshot', 'EnvironmentSnapshot'],
  ]);
  expect(
    dry.applyAgentSecretChanges.results.map((one: any) => [one.change, one.revision, one.agentSecret?.id]),
  ).toEqual([
    ['UPDATED', 3, id],
    ['DELETED', 4, id],
    ['CREATED', 0, undefined],
  ]);
});

test('what a change set has done shows each write under an id of its own, and the secret as the last one left it', async () => {
  const environment = await createEnvironment(app, token, world.applicationId);
  const made = { environmentId: environment, path: ['b'], secretType: { type: 'Str' }, secretValue: 'zero' };
  const { id: secret } = await done(createSecret(app, token, made));
  const update = (currentRevision: number, value: string) => ({
    update: { id: secret, currentRevision, secretValue: { op: 'SET', value } },
  });
  const input = { environmentId: environment, changes: [update(0, 'one'), update(1, 'two')], idempotencyKey: 'k' };
  const answers = [await ask(app, token, APPLY, { input }), await ask(app, token, APPLY, { input })];
  const objects = normalized(...answers);
  expect(objects.get(secret)).toMatchObject({ revision: 2, secretValueText: '"two"' });
  expect(objects.get(`${secret}:1`)).toMatchObject({ revision: 1, secretValueText: '"one"', change: 'UPDATED' });
  expect(objects.get(environment)).toMatchObject({ revision: 3 });
});

test('a repeated write answers the revision that it has made, and the secret as it is now', async () => {
  const write = `mutation ($input: UpdateAgentSecretInput!) { updateAgentSecret(input: $input) {
    ... on UpdateAgentSecretPayload { agentSecret { ${SECRET} } agentSecretRevision { ${REVISION} } environment { id revision } } } }`;
  const { id: secret } = await done(
    createSecret(app, token, { environmentId, path: [unique('s').replace('-', '')], secretType: { type: 'Str' } }),
  );
  const input = {
    id: secret,
    currentRevision: 0,
    secretValue: { op: 'SET', value: 'first' },
    idempotencyKey: unique('k'),
  };
  const first = await ask(app, token, write, { input });
  expect(first.updateAgentSecret.agentSecret).toMatchObject({ revision: 1, secretValueText: '"first"' });
  expect((await ask(app, token, write, { input })).updateAgentSecret).toEqual(first.updateAgentSecret);
  await done(updateSecret(app, token, { id: secret, currentRevision: 1, secretValue: { op: 'SET', value: 'later' } }));
  const again = (await ask(app, token, write, { input })).updateAgentSecret;
  expect(again.agentSecretRevision).toMatchObject({ id: `${secret}:1`, revision: 1, secretValueText: '"first"' });
  expect(again.agentSecret).toMatchObject({ id: secret, revision: 2, secretValueText: '"later"' });
  await done(deleteSecret(app, token, { id: secret, currentRevision: 2 }));
  const afterwards = (await ask(app, token, write, { input })).updateAgentSecret;
  expect(afterwards.agentSecret).toMatchObject({ id: secret, revision: 3, deletedAt: expect.any(String) });
});

test('the edge of a new secret is the one that its list has', async () => {
  const create = `mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) {
    ... on CreateAgentSecretPayload { agentSecretEdge { cursor node { id } } } } }`;
  const environment = await createEnvironment(app, token, world.applicationId);
  const input = { environmentId: environment, path: ['x'], secretType: { type: 'Str' } };
  const { agentSecretEdge } = (await ask(app, token, create, { input })).createAgentSecret;
  const list = 'query ($id: UUID) { environment(id: $id) { agentSecrets { edges { cursor node { id } } } } }';
  expect((await ask(app, token, list, { id: environment })).environment.agentSecrets.edges).toEqual([agentSecretEdge]);
});

describe('node', () => {
  const look = async (as: string, ...ids: string[]) =>
    (await ask(app, as, 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }', { ids })).nodes;

  test('finds a revision and an environment of the past by the ids that they show', async () => {
    const ids = [`${id}:1`, `${environmentId}:2`, `${id.toUpperCase()}:1`, id, `${environmentId}:0`];
    expect(await look(token, ...ids)).toEqual([
      { __typename: 'AgentSecretRevision', id: `${id}:1` },
      { __typename: 'EnvironmentSnapshot', id: `${environmentId}:2` },
      { __typename: 'AgentSecretRevision', id: `${id}:1` },
      { __typename: 'AgentSecret', id },
      { __typename: 'EnvironmentSnapshot', id: `${environmentId}:0` },
    ]);
  });

  test('knows no revision to come, none of anything else, and no other spelling', async () => {
    const none = [
      '9',
      '9223372036854775807',
      '9223372036854775808',
      '99999999999999999999',
      '-1',
      '01',
      '1.0',
      ' 1',
      '',
    ];
    const ids = none.flatMap((revision) => [`${id}:${revision}`, `${environmentId}:${revision}`]);
    ids.push(`${world.applicationId}:0`, `${world.people.owner.id}:0`, `${id}:1:1`, `${id}@1`, `:${id}:1`);
    expect(await look(token, ...ids)).toEqual(ids.map(() => null));
  });

  test('shows a revision to those who may see the secret, and a snapshot to those who may see the environment', async () => {
    const { people } = world;
    const mine = await done(
      createSecret(app, token, {
        environmentId: world.environmentId,
        path: [unique('s')],
        secretType: { type: 'Str' },
      }),
    );
    const seen = async (as: string) =>
      (await look(as, `${mine.id}:0`, `${world.environmentId}:0`)).map((one: any) => one?.__typename ?? null);
    expect(await seen(people.deployer.token)).toEqual(['AgentSecretRevision', 'EnvironmentSnapshot']);
    expect(await seen(people.viewer.token)).toEqual([null, 'EnvironmentSnapshot']);
    for (const who of ['roleless', 'stranger', 'operator'] as const) {
      expect(await seen(people[who].token)).toEqual([null, null]);
    }
  });

  test('knows an environment before and after a change set, and not inside of one', async () => {
    const environment = await createEnvironment(app, token, world.applicationId);
    const create = (path: string) => ({ create: { path: [path], secretType: { type: 'Str' } } });
    await changeSet(app, token, { environmentId: environment, changes: [create('a'), create('b')] });
    const ids = [0, 1, 2].map((revision) => `${environment}:${revision}`);
    expect((await look(token, ...ids)).map((one: any) => one?.id ?? null)).toEqual([ids[0], null, ids[2]]);
    const inside = 'query ($id: UUID!) { environment(id: $id) { snapshot(revision: 1) { id revision } } }';
    expect((await ask(app, token, inside, { id: environment })).environment.snapshot).toEqual({
      id: ids[0],
      revision: 0,
    });
  });
});

test('nothing in the schema shows the present type of something at a moment that one can name', () => {
  const states = schema.getType('AgentSecretState');
  if (!isInterfaceType(states)) throw new Error('AgentSecretState is no interface');
  const withIds = schema.getPossibleTypes(states).map((type) => [type.name, 'id' in type.getFields()]);
  expect(withIds.sort()).toEqual([
    ['AgentSecret', true],
    ['AgentSecretRevision', true],
    ['PlannedAgentSecret', false],
  ]);
  const fields = Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .flatMap((type) =>
      Object.values(type.getFields()).map((field) => ({ place: `${type.name}.${field.name}`, field })),
    );
  const atMoments = fields.filter(({ field }) =>
    field.args.some(({ name, type }) => getNamedType(type).name === 'Revision' && name !== 'after'),
  );
  expect(atMoments.map(({ place, field }) => [place, getNamedType(field.type).name])).toEqual([
    ['Environment.snapshot', 'EnvironmentSnapshot'],
    ['Query.agentSecretRevision', 'AgentSecretRevision'],
  ]);
});

test('a value that was erased is erased under the one id of its revision, and the present keeps its own', async () => {
  const { data, errors } = await graphql<any>(
    app,
    token,
    `mutation ($id: UUID!) { destroyAgentSecretRevision(input: { id: $id, revision: 0, currentRevision: 2 }) {
      ... on DestroyAgentSecretRevisionPayload { agentSecret { ${SECRET} } } } }`,
    { id },
  );
  expect(errors).toBeUndefined();
  expect(data.destroyAgentSecretRevision.agentSecret).toMatchObject({ revision: 3, secretValueText: '"two"' });
  const states = await ask(
    app,
    token,
    'query ($id: UUID!) { agentSecret(id: $id) { revisions { edges { node { id valueState } } } } }',
    { id },
  );
  expect(states.agentSecret.revisions.edges.at(-1).node).toEqual({ id: `${id}:0`, valueState: 'DESTROYED' });
});
