// Fields below the root whose answer depends on who asks: each of an environment's and an account's fields.
import { isObjectType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { createSecret, done } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import type { Relation } from '../../support/world.js';

const { app, world, token, environmentId } = await graphqlSuite();
const input = { environmentId, path: ['seen'], secretType: { type: 'Str' }, secretValue: 'a value' };
const { pathText: secretPath } = await done(createSecret(app, token, input));
await ask(
  app,
  app.operatorToken,
  'mutation ($id: ID!) { updateAccount(input: { id: $id, email: "a@b" }) { __typename } }',
  {
    id: world.people.admin.id,
  },
);

const KNOWING = ['viewer', 'deployer', 'admin', 'owner'] as const;
type Knowing = (typeof KNOWING)[number];

/** Which callers get the field's value; the rest of those who know the environment get `otherwise`. */
interface NestedCase {
  selection: string;
  to: readonly Knowing[];
  otherwise?: 'AUTH_FORBIDDEN' | 'null';
}

const everyone = (selection: string): NestedCase => ({ selection, to: KNOWING });
const deployers = (selection: string): NestedCase => ({
  selection,
  to: ['deployer', 'admin', 'owner'],
  otherwise: 'AUTH_FORBIDDEN',
});

const ENVIRONMENT: Record<string, NestedCase> = {
  id: everyone('id'),
  name: everyone('name'),
  revision: everyone('revision'),
  owner: everyone('owner { accountId name }'),
  createdAt: everyone('createdAt'),
  updatedAt: everyone('updatedAt'),
  myRoles: everyone('myRoles'),
  permissions: everyone('permissions { createAgentSecret }'),
  golem: everyone('golem { accountId accountName accountEmail applicationId applicationName versionCheck }'),
  usage: everyone('usage { agentSecrets { used limit } maxValueBytes }'),
  application: { selection: 'application { id }', to: ['owner'], otherwise: 'null' },
  shares: { selection: 'shares { edges { node { id } } }', to: ['admin', 'owner'], otherwise: 'AUTH_FORBIDDEN' },
  reads: {
    selection: 'reads { edges { node { agentSecretId } } }',
    to: ['admin', 'owner'],
    otherwise: 'AUTH_FORBIDDEN',
  },
  agentSecrets: deployers('agentSecrets { totalCount edges { node { secretValue } } }'),
  allAgentSecrets: deployers('allAgentSecrets { secretValue }'),
  agentSecretDocuments: deployers('agentSecretDocuments'),
  agentSecretsTag: deployers('agentSecretsTag'),
  snapshot: everyone('snapshot(revision: 0) { id }'),
  agentSecret: deployers('agentSecret(pathText: "seen") { secretValue }'),
};

/** What an account shows of itself, and what an operator sees of it. */
const ACCOUNT: Record<string, { selection: string; ownOnly: boolean }> = {
  id: { selection: 'id', ownOnly: false },
  name: { selection: 'name', ownOnly: false },
  email: { selection: 'email', ownOnly: false },
  roles: { selection: 'roles', ownOnly: false },
  plan: { selection: 'plan { id name }', ownOnly: false },
  environmentUsage: { selection: 'environmentUsage { used limit }', ownOnly: false },
  createdAt: { selection: 'createdAt', ownOnly: false },
  token: { selection: 'token { id }', ownOnly: true },
  tokens: { selection: 'tokens { edges { node { id } } }', ownOnly: true },
  applications: { selection: 'applications { edges { node { id } } }', ownOnly: true },
  sharedEnvironments: { selection: 'sharedEnvironments { edges { node { id } } }', ownOnly: true },
};

function fieldsOf(name: string): string[] {
  const type = schema.getType(name);
  return isObjectType(type) ? Object.keys(type.getFields()).sort() : [];
}

test('every field of an environment and of an account has a case', () => {
  expect(Object.keys(ENVIRONMENT).sort()).toEqual(fieldsOf('Environment'));
  expect(Object.keys(ACCOUNT).sort()).toEqual(fieldsOf('Account'));
});

describe.each(Object.entries(ENVIRONMENT))('Environment.%s', (field, { selection, to, otherwise }) => {
  test.each(KNOWING.map((caller) => [caller, to.includes(caller) ? 'its value' : otherwise] as const))(
    'gives %s: %s',
    async (caller, outcome) => {
      const document = `query ($id: UUID) { environment(id: $id) { ${selection} } }`;
      const answer = await graphql<any>(app, world.people[caller].token, document, { id: world.environmentId });
      if (outcome === 'its value') {
        expect(answer.errors).toBeUndefined();
        expect(answer.data.environment[field]).not.toBeNull();
      } else if (outcome === 'null') {
        expect(answer).toMatchObject({ data: { environment: { [field]: null } } });
        expect(answer.errors).toBeUndefined();
      } else {
        expect(answer.errors).toMatchObject([{ path: ['environment', field], extensions: { code: outcome } }]);
        expect(JSON.stringify(answer)).not.toContain('a value');
      }
    },
  );
});

test('a caller sees its own roles in an environment', async () => {
  const roles = async (caller: Relation) => {
    const document = 'query ($id: UUID) { environment(id: $id) { myRoles } }';
    return (await ask(app, world.people[caller].token, document, { id: world.environmentId })).environment.myRoles;
  };
  expect(await roles('owner')).toEqual(['OWNER']);
  expect(await roles('admin')).toEqual(['ADMIN']);
  expect(await roles('deployer')).toEqual(['DEPLOYER']);
  expect(await roles('viewer')).toEqual(['VIEWER']);
});

describe.each(Object.entries(ACCOUNT))('Account.%s', (field, { selection, ownOnly }) => {
  const account = async (caller: Relation) => {
    const document = `query ($id: UUID!) { account(id: $id) { ${selection} } }`;
    return (await ask(app, world.people[caller].token, document, { id: world.people.admin.id })).account[field];
  };

  test('shows itself to the account', async () => {
    expect(await account('admin')).not.toBeNull();
  });

  test(`is ${ownOnly ? 'null' : 'shown'} when an operator looks at another account`, async () => {
    const seen = expect(await account('operator'));
    if (ownOnly) seen.toBeNull();
    else seen.not.toBeNull();
  });
});

test('a share is seen by owner and admins with the name behind it', async () => {
  const document = `query ($id: UUID) {
    environment(id: $id) { shares { edges { node { roles environmentId account { name } } } } }
  }`;
  for (const caller of ['owner', 'admin'] as const) {
    const { environment } = await ask(app, world.people[caller].token, document, { id: world.environmentId });
    const shares = environment.shares.edges.map(({ node }: any) => [node.account.name, node.roles]);
    const { admin, deployer, viewer, roleless } = world.people;
    expect(Object.fromEntries(shares)).toEqual({
      [admin.name]: ['ADMIN'],
      [deployer.name]: ['DEPLOYER'],
      [viewer.name]: ['VIEWER'],
      [roleless.name]: [],
    });
  }
});

test('an account lists the environments shared with it, and none in which it has no role', async () => {
  const shared = async (caller: Relation) => {
    const document = '{ viewer { sharedEnvironments { edges { node { id myRoles } } } } }';
    const { viewer } = await ask(app, world.people[caller].token, document);
    return viewer.sharedEnvironments.edges.map(({ node }: any) => node);
  };
  expect(await shared('viewer')).toEqual([{ id: world.environmentId, myRoles: ['VIEWER'] }]);
  for (const caller of ['owner', 'roleless', 'stranger', 'operator'] as const) expect(await shared(caller)).toEqual([]);
});

test('what a viewer may not read of a secret stays closed on every way to it', async () => {
  const { viewer } = world.people;
  const document = `query ($id: UUID, $path: String) {
    environment(id: $id) { agentSecret(pathText: $path) { secretValue secretValueText } }
  }`;
  const { data, errors } = await graphql<any>(app, viewer.token, document, {
    id: world.environmentId,
    path: secretPath,
  });
  expect(data.environment.agentSecret).toBeNull();
  expect(errors?.[0]?.message).toBe(
    'The environment action ViewAgentSecret is not allowed: it needs the role owner, admin, or deployer in the environment',
  );
});

test('roles taken away or given count from the next request on', async () => {
  const { owner, stranger } = world.people;
  const { createEnvironmentShare } = await ask(
    app,
    owner.token,
    `mutation ($input: CreateEnvironmentShareInput!) {
      createEnvironmentShare(input: $input) { ... on CreateEnvironmentSharePayload { environmentShare { id } } }
    }`,
    { input: { environmentId: world.environmentId, accountId: stranger.id, roles: ['DEPLOYER'] } },
  );
  const code = async () => {
    const document = 'query ($id: UUID) { environment(id: $id) { allAgentSecrets { id } } }';
    const { errors } = await graphql(app, stranger.token, document, { id: world.environmentId });
    return errors?.[0]?.extensions.code ?? 'ok';
  };
  const change =
    'mutation ($id: ID!, $roles: [ShareRole!]!) { updateEnvironmentShare(input: { id: $id, roles: $roles }) { ... on UpdateEnvironmentSharePayload { environmentShare { roles } } } }';
  expect(await code()).toBe('ok');
  await ask(app, owner.token, change, { id: createEnvironmentShare.environmentShare.id, roles: ['VIEWER'] });
  expect(await code()).toBe('AUTH_FORBIDDEN');
  await ask(app, owner.token, change, { id: createEnvironmentShare.environmentShare.id, roles: [] });
  expect(await code()).toBe('ENVIRONMENT_NOT_FOUND');
});
