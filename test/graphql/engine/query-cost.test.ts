// What a request costs the database: as many statements for a full page as for a single item.
import { beforeAll, expect, test } from 'vitest';
import { ask, graphql } from '../../support/graphql/client.js';
import { createSecret, done, updateSecret } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { createAccount, createApplication, createEnvironment, share, unique } from '../../support/world.js';

const { app, world, token } = await graphqlSuite({ readAudit: 'off' });
const secretIds: string[] = [];
beforeAll(async () => {
  const { people, environmentId } = world;
  const writers = [people.owner, people.admin, people.deployer];
  for (let n = 0; n < 12; n += 1) {
    const input = { environmentId, path: [`s${n}`], secretType: { type: 'U64' }, secretValue: n };
    const { id } = await done(createSecret(app, writers[n % 3]!.token, input));
    await done(updateSecret(app, writers[(n + 1) % 3]!.token, { id, currentRevision: 0 }));
    secretIds.push(id);
  }
  for (let n = 0; n < 6; n += 1) await createEnvironment(app, token, world.applicationId);
});

/** Statements that one request needs, the token and the environments' keys being known. */
async function statements(query: string, variables: object = {}, as = token): Promise<number> {
  // Known from just now: what is remembered of a token ends after seconds, on a slow machine in between.
  app.services.bearers.clear();
  await ask(app, as, query, variables);
  const before = app.queries();
  await ask(app, as, query, variables);
  return app.queries() - before;
}

test('a secret by its id, with its value opened, is one statement', async () => {
  const document = `query ($id: UUID!) { agentSecret(id: $id) {
    id environmentId path pathText revision secretType secretTypeText hasValue secretValue secretValueText document createdAt updatedAt
  } }`;
  expect(await statements(document, { id: secretIds[0] })).toBe(1);
});

test('secrets that many callers ask for at once are one statement, and each gets what is its own to see', async () => {
  const { owner, admin, deployer, viewer, stranger } = world.people;
  const document = 'query ($id: UUID!) { agentSecret(id: $id) { id secretValue } }';
  const people = [owner, admin, deployer, viewer, stranger];
  const asked = secretIds.flatMap((id, n) => people.map((person) => ({ id, n, person })));
  await Promise.all(people.map((person) => ask(app, person.token, '{ __typename }')));
  const before = app.queries();
  const answers = await Promise.all(
    asked.map(({ id, person }) => graphql<unknown>(app, person.token, document, { id })),
  );
  expect(app.queries() - before).toBeLessThanOrEqual(5);
  for (const [index, { id, n, person }] of asked.entries()) {
    const { data, errors } = answers[index]!;
    if (person === viewer || person === stranger) {
      expect(errors?.[0]?.extensions?.code).toBe('AGENT_SECRET_NOT_FOUND');
    } else {
      expect(data).toEqual({ agentSecret: { id, secretValue: n } });
    }
  }
});

test('writes of several environments at once share their statements', async () => {
  const environmentIds = await Promise.all(
    Array.from({ length: 12 }, () => createEnvironment(app, token, world.applicationId)),
  );
  const write = (environmentId: string) =>
    done(createSecret(app, token, { environmentId, path: ['one'], secretType: { type: 'U64' }, secretValue: 1 }));
  const created = await Promise.all(environmentIds.map(write));
  const before = app.queries();
  const updated = await Promise.all(
    created.map(({ id }) => done(updateSecret(app, token, { id, currentRevision: 0 }))),
  );
  // A read and a write each would be 24.
  expect(app.queries() - before).toBeLessThanOrEqual(8);
  expect(updated.map(({ id, revision }) => ({ id, revision }))).toEqual(created.map(({ id }) => ({ id, revision: 1 })));
});

test('names of writers cost one statement more, however many there are', async () => {
  const document = 'query ($id: UUID!) { agentSecret(id: $id) { createdBy { name } updatedBy { name } } }';
  expect(await statements(document, { id: secretIds[0] })).toBe(2);
});

test('an environment by its id is one statement, its whole list of secrets with values one more', async () => {
  const document = 'query ($id: UUID) { environment(id: $id) { id name revision myRoles } }';
  expect(await statements(document, { id: world.environmentId })).toBe(1);
  const list =
    'query ($id: UUID) { environment(id: $id) { allAgentSecrets { id path revision secretType secretValue } } }';
  expect(await statements(list, { id: world.environmentId })).toBe(2);
});

/** The same selection with pages of one item and of all: the count of statements may not depend on it. */
async function sameForAnyPage(
  document: (first: number) => string,
  variables: object = {},
  as = token,
): Promise<number> {
  const one = await statements(document(1), variables, as);
  expect(await statements(document(200), variables, as)).toBe(one);
  return one;
}

const environment = (selection: string) => (first: number) =>
  `query ($id: UUID) { environment(id: $id) { ${selection.replace('FIRST', `first: ${first}`)} } }`;

test('a page of secrets with values, count and writers is four statements, whatever its size', async () => {
  const selection = `agentSecrets(FIRST) {
    totalCount edges { node { secretValue createdBy { name } updatedBy { accountId name } } }
  }`;
  expect(await sameForAnyPage(environment(selection), { id: world.environmentId })).toBe(4);
});

test.each([
  ['secrets with their environment', 'agentSecrets(FIRST) { edges { node { environment { id name } } } }'],
  [
    'secrets with their environment’s use',
    'agentSecrets(FIRST) { edges { node { environment { usage { maxValueBytes } } } } }',
  ],
  ['shares with names', 'shares(FIRST) { edges { node { account { name } } } }'],
])('a page of %s takes as many statements as one item', async (_, selection) => {
  await sameForAnyPage(environment(selection), { id: world.environmentId });
});

test.each([
  ['names and owners', 'name owner { name }'],
  ['use of the plan', 'usage { agentSecrets { used limit } }'],
  ['applications', 'application { name }'],
])('a page of environments with %s takes as many statements as one item', async (_, selection) => {
  const application = `application { environments(FIRST) { edges { node { ${selection} } } } }`;
  await sameForAnyPage(environment(application), { id: world.environmentId });
});

test('a page of shared environments with owner and use takes as many statements as one item', async () => {
  const { people, applicationId } = world;
  for (let n = 0; n < 3; n += 1) {
    const id = await createEnvironment(app, token, applicationId);
    await share(app, token, id, people.viewer.id, ['VIEWER']);
  }
  await sameForAnyPage(
    (first) =>
      `{ viewer { sharedEnvironments(first: ${first}) { edges { node { owner { name } usage { maxValueBytes } } } } } }`,
    {},
    people.viewer.token,
  );
});

test('nodes takes as many statements for 200 ids as for one of each kind, and node two or three', async () => {
  const { viewer } = await ask(app, token, '{ viewer { id plan { id } tokens { edges { node { id } } } } }');
  const guests = await Promise.all([1, 2, 3].map(() => createAccount(app, unique('guest'))));
  const shares = await Promise.all(guests.map((guest) => share(app, token, world.environmentId, guest.id, ['VIEWER'])));
  const environments = await Promise.all([1, 2].map(() => createEnvironment(app, token, world.applicationId)));
  const applications = await Promise.all([1, 2].map(() => createApplication(app, token)));
  const one = [viewer.id, viewer.plan.id, viewer.tokens.edges[0].node.id, shares[0], environments[0], applications[0]];
  const nodes = (ids: unknown[]) => statements('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids });
  const cost = await nodes(one);
  const all = [...one, ...shares, ...environments, ...applications, ...one.map((id) => id.toUpperCase())];
  expect(await nodes([...all, ...Array(200 - all.length).fill(world.applicationId)])).toBe(cost);
  expect(cost).toBe(1 + 6 + 2);
  const node = (id: string) => statements('query ($id: ID!) { node(id: $id) { id } }', { id });
  const costs: number[] = [];
  for (const id of one) costs.push(await node(id));
  // What it is, then itself; a plan and a share also ask what they belong to.
  expect(costs).toEqual([2, 3, 2, 3, 2, 2]);
});

test('a page of accounts with plan and use takes as many statements as one item', async () => {
  await createAccount(app, unique('guest'));
  await sameForAnyPage(
    (first) => `{ accounts(first: ${first}) { edges { node { plan { name } environmentUsage { used limit } } } } }`,
    {},
    app.operatorToken,
  );
});
