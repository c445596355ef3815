// Deleting an environment, an application or an account takes along all that is in it, and gives its name back.
import { beforeEach, describe, expect, test } from 'vitest';
import { mutate, remove } from '../../support/graphql/accounts.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { createSecret, done, readSecret } from '../../support/graphql/secrets.js';
import { appSuite } from '../../support/suites.js';
import {
  createAccount,
  createApplication,
  createEnvironment,
  type Person,
  share,
  unique,
} from '../../support/world.js';

const app = await appSuite();

let owner: Person;
let deployer: Person;
let applicationName: string;
let applicationId: string;
let environmentName: string;
let environmentId: string;
let secretId: string;
beforeEach(async () => {
  [owner, deployer] = [await createAccount(app, unique('owner')), await createAccount(app, unique('deployer'))];
  [applicationName, environmentName] = [unique('app'), unique('env')];
  applicationId = await createApplication(app, owner.token, applicationName);
  environmentId = await createEnvironment(app, owner.token, applicationId, environmentName);
  await share(app, owner.token, environmentId, deployer.id, ['DEPLOYER']);
  const secret = { environmentId, path: ['s'], secretType: { type: 'Str' }, secretValue: 'a value' };
  secretId = (await done(createSecret(app, owner.token, secret))).id;
});

const code = async (token: string, query: string, variables: object) =>
  (await graphql(app, token, query, variables)).errors?.[0]?.extensions.code;

/** Neither door and no way through them knows the environment or its secret any more. */
async function expectGone(tokens: string[]): Promise<void> {
  for (const token of tokens) {
    expect((await readSecret(app, token, secretId)).errors?.[0]?.extensions.code).toBe('AGENT_SECRET_NOT_FOUND');
    const lookup = 'query ($id: UUID) { environment(id: $id) { id } }';
    expect(await code(token, lookup, { id: environmentId })).toBe('ENVIRONMENT_NOT_FOUND');
    const byName = `{ environment(account: "${owner.name}", application: "${applicationName}", name: "${environmentName}") { id } }`;
    expect(await code(token, byName, {})).toBe('ENVIRONMENT_NOT_FOUND');
    const { nodes } = await ask(app, token, 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
      ids: [secretId, environmentId],
    });
    expect(nodes).toEqual([null, null]);
    for (const path of [`/v1/agent-secrets/${secretId}`, `/v1/envs/${environmentId}/agent-secrets`]) {
      const headers = { authorization: `Bearer ${token}` };
      expect((await app.fetch(new Request(`http://localhost${path}`, { headers }))).status).toBe(404);
    }
  }
  for (const [field, input] of [
    ['createAgentSecret', { environmentId, path: ['t'], secretType: { type: 'Str' } }],
    ['updateAgentSecret', { id: secretId, currentRevision: 0 }],
    ['deleteAgentSecret', { id: secretId, currentRevision: 0 }],
  ] as const) {
    const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input`;
    const document = `mutation ($input: ${type}!) { ${field}(input: $input) { __typename } }`;
    expect(await code(tokens[0] as string, document, { input })).toMatch(/NOT_FOUND$/);
  }
  const { viewer } = await ask(app, deployer.token, '{ viewer { sharedEnvironments { edges { node { id } } } } }');
  expect(viewer.sharedEnvironments.edges).toEqual([]);
}

const usage = async () =>
  (await ask(app, owner.token, '{ viewer { environmentUsage { used } } }')).viewer.environmentUsage;

describe('a deleted environment', () => {
  test('is gone with its secrets for everybody, and deleting it again finds nothing', async () => {
    expect(await remove(app, owner.token, 'deleteEnvironment', environmentId)).toMatchObject({
      deletedId: environmentId,
    });
    await expectGone([owner.token, deployer.token]);
    const again = 'mutation ($id: ID!) { deleteEnvironment(input: { id: $id }) { __typename } }';
    expect(await code(owner.token, again, { id: environmentId })).toBe('ENVIRONMENT_NOT_FOUND');
  });

  test('gives back its name and its place in the plan; a new one of that name begins empty', async () => {
    await remove(app, owner.token, 'deleteEnvironment', environmentId);
    expect(await usage()).toEqual({ used: 0 });
    const id = await createEnvironment(app, owner.token, applicationId, environmentName);
    expect(id).not.toBe(environmentId);
    const document =
      'query ($id: UUID) { environment(id: $id) { revision allAgentSecrets { id } shares { edges { cursor } } } }';
    const { environment } = await ask(app, owner.token, document, { id });
    expect(environment).toEqual({ revision: 0, allAgentSecrets: [], shares: { edges: [] } });
    expect(await usage()).toEqual({ used: 1 });
  });
});

describe('a deleted application', () => {
  test('is gone with its environments and their secrets', async () => {
    await createEnvironment(app, owner.token, applicationId);
    expect(await usage()).toEqual({ used: 2 });
    expect(await remove(app, owner.token, 'deleteApplication', applicationId)).toMatchObject({
      deletedId: applicationId,
    });
    await expectGone([owner.token, deployer.token]);
    expect(await usage()).toEqual({ used: 0 });
    const { viewer } = await ask(app, owner.token, '{ viewer { applications { edges { node { id } } } } }');
    expect(viewer.applications.edges).toEqual([]);
    const again = 'mutation ($id: ID!) { deleteApplication(input: { id: $id }) { __typename } }';
    expect(await code(owner.token, again, { id: applicationId })).toBe('APPLICATION_NOT_FOUND');
  });

  test('takes no new environment, and gives its name back', async () => {
    await remove(app, owner.token, 'deleteApplication', applicationId);
    const document = 'mutation ($input: CreateEnvironmentInput!) { createEnvironment(input: $input) { __typename } }';
    expect(await code(owner.token, document, { input: { applicationId, name: 'e' } })).toBe('APPLICATION_NOT_FOUND');
    const id = await createApplication(app, owner.token, applicationName);
    expect(id).not.toBe(applicationId);
    expect(await createEnvironment(app, owner.token, id, environmentName)).toBeDefined();
  });
});

describe('a deleted account', () => {
  const deleteOwner = () => remove(app, app.operatorToken, 'deleteAccount', owner.id);

  test('is gone with all it owns, and its tokens end at once', async () => {
    expect(await ask(app, owner.token, '{ viewer { id } }')).toEqual({ viewer: { id: owner.id } });
    expect(await deleteOwner()).toMatchObject({ deletedId: owner.id });
    expect(await code(owner.token, '{ viewer { id } }', {})).toBe('AUTH_UNAUTHORIZED');
    await expectGone([deployer.token]);
    const document = 'query ($id: UUID!) { account(id: $id) { id } }';
    expect(await code(app.operatorToken, document, { id: owner.id })).toBe('ACCOUNT_NOT_FOUND');
    const again = 'mutation ($id: ID!) { deleteAccount(input: { id: $id }) { __typename } }';
    expect(await code(app.operatorToken, again, { id: owner.id })).toBe('ACCOUNT_NOT_FOUND');
  });

  test('gives its name back to an account that inherits nothing', async () => {
    await deleteOwner();
    const successor = await createAccount(app, owner.name);
    expect(successor.id).not.toBe(owner.id);
    const document =
      '{ viewer { environmentUsage { used } applications { edges { node { id } } } tokens { edges { node { name } } } } }';
    expect((await ask(app, successor.token, document)).viewer).toEqual({
      environmentUsage: { used: 0 },
      applications: { edges: [] },
      tokens: { edges: [{ node: { name: 'initial' } }] },
    });
    await expectGone([successor.token]);
  });

  test('keeps its name on what it wrote elsewhere, and can no longer be shared with', async () => {
    const secret = { environmentId, path: ['by deployer'], secretType: { type: 'Str' } };
    const { id } = await done(createSecret(app, deployer.token, secret));
    await remove(app, app.operatorToken, 'deleteAccount', deployer.id);
    const document = 'query ($id: UUID!) { agentSecret(id: $id) { createdBy { accountId name } } }';
    const { agentSecret } = await ask(app, owner.token, document, { id });
    expect(agentSecret.createdBy).toEqual({ accountId: deployer.id, name: deployer.name });
    const shares = 'query ($id: UUID) { environment(id: $id) { shares { edges { node { account { name } } } } } }';
    expect((await graphql(app, owner.token, shares, { id: environmentId })).errors).toBeUndefined();
    const input = { environmentId, accountId: deployer.id, roles: ['VIEWER'] };
    const again =
      'mutation ($input: CreateEnvironmentShareInput!) { createEnvironmentShare(input: $input) { __typename } }';
    expect(await code(owner.token, again, { input })).toBe('ACCOUNT_NOT_FOUND');
  });
});

test('a deleted secret frees its path and its place, and its successor is another secret', async () => {
  const deletion = { id: secretId, currentRevision: 0 };
  await mutate(app, owner.token, 'deleteAgentSecret', deletion, '... on DeleteAgentSecretPayload { deletedId }');
  const secret = { environmentId, path: ['s'], secretType: { type: 'Bool' } };
  const successor = await done(createSecret(app, deployer.token, secret));
  expect(successor).toMatchObject({ revision: 0, hasValue: false });
  expect(successor.id).not.toBe(secretId);
});

describe('what a deletion answers', () => {
  test('of an environment: its id, and its application and its account without it', async () => {
    const document = `mutation ($id: ID!) { deleteEnvironment(input: { id: $id }) { ... on DeleteEnvironmentPayload {
      deletedId application { id environments { edges { node { id } } } } account { id environmentUsage { used } } } } }`;
    expect((await ask(app, owner.token, document, { id: environmentId })).deleteEnvironment).toEqual({
      deletedId: environmentId,
      application: { id: applicationId, environments: { edges: [] } },
      account: { id: owner.id, environmentUsage: { used: 0 } },
    });
  });

  test('of an application: its id, and its account without it', async () => {
    const document = `mutation ($id: ID!) { deleteApplication(input: { id: $id }) { ... on DeleteApplicationPayload {
      deletedId account { applications { edges { cursor } } environmentUsage { used } } } } }`;
    expect((await ask(app, owner.token, document, { id: applicationId })).deleteApplication).toEqual({
      deletedId: applicationId,
      account: { applications: { edges: [] }, environmentUsage: { used: 0 } },
    });
  });

  test('of an account: its id, and nothing of it', async () => {
    const document =
      'mutation ($id: ID!) { deleteAccount(input: { id: $id }) { ... on DeleteAccountPayload { deletedId } } }';
    expect((await ask(app, app.operatorToken, document, { id: owner.id })).deleteAccount).toEqual({
      deletedId: owner.id,
    });
  });
});
