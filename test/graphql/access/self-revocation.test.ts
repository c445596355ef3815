// A document that revokes its own credential: what stands behind that in the same document writes nothing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../../support/app.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { createTokenAs } from '../../support/graphql/token-scopes.js';
import { createAccount, createWorld, unique, type World } from '../../support/world.js';

let app: TestApp;
let world: World;
beforeAll(async () => {
  app = await createTestApp();
  world = await createWorld(app);
});
afterAll(() => app.close());

const codes = ({ errors = [] }: Awaited<ReturnType<typeof graphql>>) =>
  Object.fromEntries(errors.map(({ path, extensions }) => [path?.[0], extensions.code]));
const REVOKE = 'revokeToken(input: { id: $token }) { ... on RevokeTokenPayload { token { id revokedAt } } }';

test('a token that revokes itself creates, changes and deletes nothing behind that', async () => {
  const { owner, stranger } = world.people;
  const { secret, token } = await createTokenAs(app, owner.token, {});
  const answer = await graphql<any>(
    app,
    secret,
    `mutation ($token: ID!, $environment: UUID!, $ownEnvironment: ID!, $application: ID!, $account: ID!) {
      before: createApplication(input: { name: "before" }) { ... on CreateApplicationPayload { application { id } } }
      ${REVOKE}
      secret: createAgentSecret(input: { environmentId: $environment, path: ["behind"], secretType: { type: "Str" } }) {
        __typename }
      set: applyAgentSecretChanges(input: { environmentId: $environment, changes: [
        { create: { path: ["behind"], secretType: { type: "Str" } } }] }) { __typename }
      application: createApplication(input: { name: "behind" }) { __typename }
      environment: createEnvironment(input: { applicationId: $application, name: "behind" }) { __typename }
      token: createToken(input: { name: "behind" }) { __typename }
      share: createEnvironmentShare(input: { environmentId: $ownEnvironment, accountId: $account, roles: [ADMIN] }) {
        __typename }
      deletion: deleteEnvironment(input: { id: $ownEnvironment }) { __typename }
    }`,
    {
      token: token.id,
      environment: world.environmentId,
      ownEnvironment: world.environmentId,
      application: world.applicationId,
      account: stranger.id,
    },
  );
  expect(answer.data.before.application.id).toBeDefined();
  expect(answer.data.revokeToken.token.revokedAt).not.toBeNull();
  const { before: _, revokeToken: __, ...behind } = answer.data;
  expect(codes(answer)).toEqual(Object.fromEntries(Object.keys(behind).map((field) => [field, 'AUTH_UNAUTHORIZED'])));
  const { environment, viewer } = await ask(
    app,
    owner.token,
    `query ($id: UUID!) { environment(id: $id) { revision shares { edges { node { account { accountId } } } } }
      viewer { tokens { edges { node { name } } } applications { edges { node { name environments { edges { node { name } } } } } } } }`,
    { id: world.environmentId },
  );
  expect(environment.revision).toBe(0);
  expect(JSON.stringify([environment, viewer])).not.toMatch(new RegExp(`behind|${stranger.id}`));
  expect(JSON.stringify(viewer)).toContain('before');
});

test('an admin who gives the role up in a document is no admin behind that, but still a caller', async () => {
  const admin = await createAccount(app, unique('admin'), ['ADMIN']);
  const answer = await graphql<any>(
    app,
    admin.token,
    `mutation ($id: ID!, $name: String!) {
      updateAccount(input: { id: $id, roles: [] }) { ... on UpdateAccountPayload { account { roles } } }
      plan: createPlan(input: { name: $name, maxEnvironments: 1, maxSecretsPerEnvironment: 1, maxValueBytes: 1 }) {
        __typename }
      account: createAccount(input: { name: $name }) { __typename }
      deletion: deleteAccount(input: { id: "${world.people.stranger.id}" }) { __typename }
      application: createApplication(input: { name: $name }) { ... on CreateApplicationPayload { application { name } } }
    }`,
    { id: admin.id, name: unique('behind') },
  );
  expect(codes(answer)).toEqual({
    plan: 'AUTH_FORBIDDEN',
    account: 'AUTH_FORBIDDEN',
    deletion: 'AUTH_FORBIDDEN',
  });
  expect(answer.data.application.application.name).toContain('behind');
});

test('a document without a revocation asks for its caller no more often, however many mutations it has', async () => {
  const { token } = world.people.owner;
  const create = (alias: string) =>
    `${alias}: createApplication(input: { name: "${unique('app')}" }) { ... on CreateApplicationPayload { application { id } } }`;
  async function queriesOf(document: string): Promise<number> {
    const before = app.queries();
    await ask(app, token, document);
    return app.queries() - before;
  }
  await ask(app, token, '{ viewer { id } }');
  const one = await queriesOf(`mutation { ${create('a')} }`);
  expect(await queriesOf(`mutation { ${create('a')} ${create('b')} ${create('c')} }`)).toBe(3 * one);
});
