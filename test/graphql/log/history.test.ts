// A secret's history: every write of it, newest first, each with the value it left, for those who may see the secret.
import { describe, expect, test } from 'vitest';
import { ask, graphql } from '../../support/graphql/client.js';
import { destroyRevision, historyOf, restoreSecret, secretAt } from '../../support/graphql/log.js';
import { createSecret, deleteSecret, done, updateSecret } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment, unique } from '../../support/world.js';

const { app, world, token } = await graphqlSuite();

const set = (value: unknown) => ({ op: 'SET', value });

async function created(value?: unknown) {
  const secretType = { type: 'Option', inner: { type: 'Str' } };
  const input = { environmentId: world.environmentId, path: [unique('s')], secretType };
  return done(createSecret(app, token, value === undefined ? input : { ...input, secretValue: value }));
}

/** A secret with a write of every kind; deleted in the end, at revision 7. */
async function secretWithEverything() {
  const { id, pathText } = await created('a');
  const { deployer, admin } = world.people;
  await done(updateSecret(app, deployer.token, { id, currentRevision: 0, secretValue: set('b') }));
  await done(updateSecret(app, token, { id, currentRevision: 1 }));
  await done(updateSecret(app, token, { id, currentRevision: 2, secretValue: { op: 'UNSET' } }));
  await done(restoreSecret(app, admin.token, { id, currentRevision: 3, toRevision: 2 }));
  await done(destroyRevision(app, token, { id, currentRevision: 4, revision: 0 }));
  await done(updateSecret(app, token, { id, currentRevision: 5, secretValue: set(null) }));
  await done(deleteSecret(app, token, { id, currentRevision: 6 }));
  return { id, pathText };
}

test('tells every write, newest first: what it did, when, by whom, and its place in the environment', async () => {
  const { id } = await secretWithEverything();
  const history = await historyOf(app, token, id, 7);
  const { owner, deployer, admin } = world.people;
  expect(history.map(({ revision, change, valueState, by }) => [revision, change, valueState, by.accountId])).toEqual([
    [7, 'DELETED', 'ABSENT', owner.id],
    [6, 'UPDATED', 'PRESENT', owner.id],
    [5, 'VALUE_DESTROYED', 'PRESENT', owner.id],
    [4, 'RESTORED', 'PRESENT', admin.id],
    [3, 'VALUE_REMOVED', 'ABSENT', owner.id],
    [2, 'UPDATED', 'PRESENT', owner.id],
    [1, 'UPDATED', 'PRESENT', deployer.id],
    [0, 'CREATED', 'DESTROYED', owner.id],
  ]);
  expect(history.map(({ destroyedRevision }) => destroyedRevision)).toEqual([
    ...[null, null, 0, null, null, null, null, null],
  ]);
  const places = history.map(({ environmentRevision }) => Number(environmentRevision));
  expect(places).toEqual(places.map((_, index) => (places[0] as number) - index));
  const times = history.map(({ at }) => at);
  expect(times).toEqual([...times].sort().reverse());
});

test('has the value each write left, null apart from none, an erased one as an error of its own', async () => {
  const { id } = await secretWithEverything();
  const document = `query ($id: UUID!) { agentSecretRevision(id: $id, revision: 7) { revisions { edges { node {
    revision secretValue secretValueText deletedAt } } } } }`;
  const { data, errors } = await graphql(app, token, document, { id });
  const nodes = data.agentSecretRevision.revisions.edges.map(({ node }: any) => node);
  const texts = [null, 'null', '"b"', '"b"', null, '"b"', '"b"', null];
  expect(nodes.map(({ secretValueText }: any) => secretValueText)).toEqual(texts);
  for (const { revision, deletedAt } of nodes) {
    expect(deletedAt === null, `revision ${revision}`).toBe(revision !== 7);
  }
  const places = errors?.map(({ path, extensions }) => [path?.slice(3).join('.'), extensions.code]);
  expect(places?.sort()).toEqual([
    ['7.node.secretValue', 'AGENT_SECRET_VALUE_DESTROYED'],
    ['7.node.secretValueText', 'AGENT_SECRET_VALUE_DESTROYED'],
  ]);
});

test('comes in pages of any size, without gap or duplicate', async () => {
  const { id } = await secretWithEverything();
  const document = `query ($id: UUID!, $first: Int, $after: String) { agentSecretRevision(id: $id, revision: 7) {
    revisions(first: $first, after: $after) { edges { cursor node { revision } } pageInfo { hasNextPage endCursor } } } }`;
  for (const first of [1, 3, 8, 9]) {
    const seen: number[] = [];
    let after: string | null = null;
    do {
      const { agentSecretRevision }: any = await ask(app, token, document, { id, first, after });
      const { edges, pageInfo } = agentSecretRevision.revisions;
      expect(edges.length).toBe(Math.min(first, 8 - seen.length));
      seen.push(...edges.map(({ node }: any) => node.revision));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after);
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  }
  for (const page of ['last: 2', 'first: 201', 'first: -1', 'after: "nonsense"', 'after: "Ii0xIg"']) {
    const asked = `{ agentSecretRevision(id: "${id}", revision: 7) { revisions(${page}) { edges { cursor } } } }`;
    expect((await graphql(app, token, asked)).errors?.[0]?.extensions.code, page).toBe('INVALID_REQUEST');
  }
});

test('ends at the revision the secret is looked at', async () => {
  const { id } = await secretWithEverything();
  expect((await historyOf(app, token, id, 2)).map(({ revision }) => revision)).toEqual([2, 1, 0]);
});

describe('a secret at one of its revisions', () => {
  test('is as that write left it', async () => {
    const { id, pathText } = await secretWithEverything();
    const at = async (revision: number) => (await secretAt(app, token, id, revision)).data.agentSecretRevision;
    expect(await at(2)).toMatchObject({
      agentSecretId: id,
      pathText,
      revision: 2,
      valueState: 'PRESENT',
      secretValue: 'b',
    });
    expect(await at(3)).toMatchObject({ revision: 3, valueState: 'ABSENT', secretValue: null, deletedAt: null });
    expect(await at(6)).toMatchObject({
      revision: 6,
      valueState: 'PRESENT',
      secretValue: null,
      secretValueText: 'null',
    });
    expect(await at(7)).toMatchObject({ revision: 7, valueState: 'ABSENT', deletedAt: expect.any(String) });
    expect(await at(0)).toMatchObject({ revision: 0, valueState: 'DESTROYED', secretValue: null });
  });

  test.each([['8'], ['9223372036854775807'], ['9223372036854775808'], ['18446744073709551615']])(
    'is refused where it has no revision %s',
    async (revision) => {
      const { id } = await secretWithEverything();
      const { errors } = await secretAt(app, token, id, BigInt(revision));
      expect(errors).toMatchObject([{ extensions: { code: 'AGENT_SECRET_REVISION_NOT_FOUND' } }]);
    },
  );

  test('that nobody has is not found', async () => {
    const { errors } = await secretAt(app, token, '01890000-0000-7000-8000-000000000000', 0);
    expect(errors).toMatchObject([{ extensions: { code: 'AGENT_SECRET_NOT_FOUND' } }]);
  });
});

test('deleted secrets stay listable, with their history', async () => {
  const { id, pathText } = await secretWithEverything();
  await done(
    createSecret(app, token, { environmentId: world.environmentId, path: [pathText], secretType: { type: 'Str' } }),
  );
  const document = `query ($id: UUID!, $path: String) { environment(id: $id) {
    agentSecrets(filter: { deleted: true, pathPrefix: $path }) { totalCount edges { node {
      id deletedAt valueState secretValue revisions { edges { node { revision } } } } } } } }`;
  const { environment } = await ask(app, token, document, { id: world.environmentId, path: pathText });
  const { totalCount, edges } = environment.agentSecrets;
  expect(totalCount).toBe(1);
  expect(edges[0].node).toMatchObject({ id, deletedAt: expect.any(String), valueState: 'ABSENT', secretValue: null });
  expect(edges[0].node.revisions.edges).toHaveLength(8);
  const { data, errors } = await graphql(app, token, `{ agentSecret(id: "${id}") { id } node(id: "${id}") { id } }`);
  expect(data).toEqual({ agentSecret: null, node: null });
  expect(errors).toMatchObject([{ extensions: { code: 'AGENT_SECRET_NOT_FOUND' } }]);
});

test('viewers, strangers and operators learn nothing of it, not even that there was a revision', async () => {
  const { id } = await secretWithEverything();
  for (const relation of ['viewer', 'roleless', 'stranger', 'operator'] as const) {
    const caller = world.people[relation].token;
    for (const revision of [0, 7, 8]) {
      const { data, errors } = await secretAt(app, caller, id, revision);
      expect(data.agentSecretRevision).toBeNull();
      expect(errors).toMatchObject([
        { message: `Agent secret ${id} not found`, extensions: { code: 'AGENT_SECRET_NOT_FOUND' } },
      ]);
    }
  }
  const document =
    'query ($id: UUID) { environment(id: $id) { agentSecrets(filter: { deleted: true }) { totalCount } } }';
  const { errors } = await graphql(app, world.people.viewer.token, document, { id: world.environmentId });
  expect(errors).toMatchObject([{ extensions: { code: 'AUTH_FORBIDDEN' } }]);
});

test('the history of a deleted environment is gone with it', async () => {
  const environmentId = await createEnvironment(app, token, world.applicationId);
  const { id } = await done(createSecret(app, token, { environmentId, path: ['s'], secretType: { type: 'Str' } }));
  expect((await secretAt(app, token, id, 0)).errors).toBeUndefined();
  await ask(app, token, 'mutation ($id: ID!) { deleteEnvironment(input: { id: $id }) { __typename } }', {
    id: environmentId,
  });
  expect((await secretAt(app, token, id, 0)).errors?.[0]?.extensions.code).toBe('AGENT_SECRET_NOT_FOUND');
});
