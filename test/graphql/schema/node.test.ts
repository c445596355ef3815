// `node` and `nodes`: every noun by the one id it has in both doors, and null for all that is none of the caller's business.
import { beforeAll, describe, expect, test } from 'vitest';
import { ask, graphql } from '../../support/graphql/client.js';
import { createSecret, deleteSecret, done } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { createAccount, createApplication, createEnvironment, share, unique } from '../../support/world.js';

const { app, world } = await graphqlSuite();
/** What the owner's world consists of, by type name. */
let ids: Record<string, string>;
const NOUNS = ['AgentSecret', 'Environment', 'Application', 'Account', 'EnvironmentShare', 'Token', 'Plan'];

beforeAll(async () => {
  const { people, applicationId, environmentId } = world;
  const { viewer } = await ask(app, people.owner.token, '{ viewer { plan { id } tokens { edges { node { id } } } } }');
  const guest = await createAccount(app, unique('guest'));
  ids = {
    AgentSecret: (await secret(environmentId)).id,
    Environment: environmentId,
    Application: applicationId,
    Account: people.owner.id,
    EnvironmentShare: await share(app, people.owner.token, environmentId, guest.id, ['VIEWER']),
    Token: viewer.tokens.edges[0].node.id,
    Plan: viewer.plan.id,
  };
});

const secret = (environmentId: string) =>
  done(
    createSecret(app, world.people.owner.token, {
      environmentId,
      path: [unique('s')],
      secretType: { type: 'Str' },
      secretValue: 'a value',
    }),
  );

async function node(token: string, id: string): Promise<{ __typename: string; id: string } | null> {
  return (await ask(app, token, 'query ($id: ID!) { node(id: $id) { __typename id } }', { id })).node;
}

describe.each(NOUNS)('%s', (noun) => {
  test('is answered by its id, in whichever case the id is written', async () => {
    const id = ids[noun] as string;
    const found = { __typename: noun, id };
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(await node(world.people.owner.token, id)).toEqual(found);
    expect(await node(world.people.owner.token, id.toUpperCase())).toEqual(found);
  });

  // A plan is what all accounts of this world live under.
  test.skipIf(noun === 'Plan')('is null for a stranger', async () => {
    expect(await node(world.people.stranger.token, ids[noun] as string)).toBeNull();
  });
});

test('every role sees what it may see by any other way', async () => {
  const seen = async (token: string) => {
    const found = await Promise.all(NOUNS.map(async (noun) => [noun, await node(token, ids[noun] as string)] as const));
    return found.filter(([, one]) => one !== null).map(([noun]) => noun);
  };
  const { admin, deployer, viewer, roleless, operator } = world.people;
  expect(await seen(admin.token)).toEqual(['AgentSecret', 'Environment', 'EnvironmentShare', 'Plan']);
  expect(await seen(deployer.token)).toEqual(['AgentSecret', 'Environment', 'Plan']);
  expect(await seen(viewer.token)).toEqual(['Environment', 'Plan']);
  expect(await seen(roleless.token)).toEqual(['Plan']);
  expect(await seen(operator.token)).toEqual(['Account', 'Plan']);
});

test('a plan is seen by those who live under it, and by operators', async () => {
  const document = `mutation ($name: String!) {
    createPlan(input: { name: $name, maxEnvironments: 1, maxSecretsPerEnvironment: 1, maxValueBytes: 1 }) {
      ... on CreatePlanPayload { plan { id } }
    }
  }`;
  const { createPlan } = await ask(app, app.operatorToken, document, { name: unique('plan') });
  expect(await node(world.people.owner.token, createPlan.plan.id)).toBeNull();
  expect(await node(app.operatorToken, createPlan.plan.id)).toEqual({ __typename: 'Plan', id: createPlan.plan.id });
});

test('what is deleted or revoked is null', async () => {
  const { token } = world.people.owner;
  const environmentId = await createEnvironment(app, token, await createApplication(app, token));
  const kept = await secret(environmentId);
  const gone = await secret(environmentId);
  await done(deleteSecret(app, token, { id: gone.id, currentRevision: 0 }));
  expect(await node(token, gone.id)).toBeNull();
  expect(await node(token, kept.id)).toEqual({ __typename: 'AgentSecret', id: kept.id });
  await ask(app, token, 'mutation ($id: ID!) { deleteEnvironment(input: { id: $id }) { __typename } }', {
    id: environmentId,
  });
  expect(await node(token, kept.id)).toBeNull();
  expect(await node(token, environmentId)).toBeNull();
  const { createToken } = await ask(
    app,
    token,
    'mutation { createToken(input: { name: "t" }) { ... on CreateTokenPayload { token { id } } } }',
  );
  await ask(app, token, 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { __typename } }', createToken.token);
  expect(await node(token, createToken.token.id)).toBeNull();
});

test.each([
  '',
  ' ',
  'c4n4ry',
  '0',
  '01a20640d04277d8a4fc5bc52814913e',
  '{01a20640-d042-77d8-a4fc-5bc52814913e}',
  '01a20640-d042-77d8-a4fc-5bc52814913e ',
  '01a20640-d042-77d8-a4fc-5bc52814913g',
  '01a20640-d042-77d8-a4fc-5bc52814913e\n',
  '\0',
  'x'.repeat(100_000),
  "' or 1 = 1 --",
])('the malformed id %j belongs to nothing', async (id) => {
  expect(await node(world.people.owner.token, id)).toBeNull();
});

test('a number is an id like any other, and belongs to nothing', async () => {
  const { token } = world.people.owner;
  expect(await ask(app, token, '{ node(id: 5) { id } }')).toEqual({ node: null });
  expect(await ask(app, token, 'query ($id: ID!) { node(id: $id) { id } }', { id: 5 })).toEqual({ node: null });
});

test('both doors give a secret and an environment the same id', async () => {
  const { token } = world.people.owner;
  const rest = async (path: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await app.fetch(new Request(`http://localhost${path}`, { headers }))).json() as Promise<any>;
  };
  const { values } = await rest(`/v1/envs/${world.environmentId}/agent-secrets`);
  expect(values.map(({ id }: { id: string }) => id)).toEqual([ids.AgentSecret]);
  expect(await node(token, values[0].id)).toEqual({ __typename: 'AgentSecret', id: values[0].id });
  expect(await node(token, values[0].environmentId)).toEqual({ __typename: 'Environment', id: world.environmentId });
  expect((await rest(`/v1/agent-secrets/${ids.AgentSecret}`)).id).toBe(ids.AgentSecret);
});

const NODES = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on AgentSecret { secretValue } } }';

test('nodes keeps the order, repeats what is asked twice, and leaves a null where there is nothing', async () => {
  const { token } = world.people.owner;
  const unknown = '01a20640-d042-77d8-a4fc-5bc52814913e';
  const asked = [ids.Plan, 'c4n4ry', ids.AgentSecret, unknown, ids.Account, ids.AgentSecret, ids.Token];
  const { nodes } = await ask(app, token, NODES, { ids: asked });
  expect(nodes.map((one: { __typename: string } | null) => one?.__typename ?? null)).toEqual([
    'Plan',
    null,
    'AgentSecret',
    null,
    'Account',
    'AgentSecret',
    'Token',
  ]);
  expect(nodes[2]).toEqual({ __typename: 'AgentSecret', id: ids.AgentSecret, secretValue: 'a value' });
  expect(await ask(app, token, NODES, { ids: [] })).toEqual({ nodes: [] });
});

test('nodes takes 200 ids and refuses more, naming the limit', async () => {
  const { token } = world.people.owner;
  const { nodes } = await ask(app, token, NODES, { ids: Array(200).fill(ids.Account) });
  expect(nodes).toHaveLength(200);
  const { errors } = await graphql(app, token, NODES, { ids: Array(201).fill('c4n4ry') });
  expect(errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
  expect(errors?.[0]?.message).toContain('200');
});
