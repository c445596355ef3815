// What a caller may: `permissions` says for every role and every set of scopes what the operations then do.
import { describe, expect, test } from 'vitest';
import { ENVIRONMENT_PERMISSIONS } from '../../../src/domain/access/permissions.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { createSecret, done } from '../../support/graphql/secrets.js';
import { createTokenAs, type Limits, SCOPE_SETS, tokenWith } from '../../support/graphql/token-scopes.js';
import { graphqlSuite } from '../../support/suites.js';
import { createAccount, createEnvironment, share, unique } from '../../support/world.js';

const { app, world, token: ownerToken } = await graphqlSuite();

const camel = (action: string) => `${action[0]?.toLowerCase()}${action.slice(1)}`;
const ACTIONS = Object.keys(ENVIRONMENT_PERMISSIONS).map(camel);
const ON_A_SECRET = ['revealAgentSecretValue', 'updateAgentSecret', 'deleteAgentSecret'];

interface Place {
  environmentId: string;
  secretId: string;
  shareId: string;
  guestId: string;
}

/** One operation for each action. What it works on is there before; what ends something comes last. */
const OPERATIONS: Record<string, (at: Place) => string> = {
  viewEnvironment: ({ environmentId }) => `{ environment(id: "${environmentId}") { name } }`,
  viewAgentSecret: ({ environmentId }) =>
    `{ environment(id: "${environmentId}") { agentSecret(pathText: "in.it") { id } } }`,
  revealAgentSecretValue: ({ environmentId }) =>
    `{ environment(id: "${environmentId}") { agentSecret(pathText: "in.it") { secretValueText } } }`,
  viewRead: ({ environmentId }) => `{ environment(id: "${environmentId}") { reads { edges { cursor } } } }`,
  viewShare: ({ environmentId }) => `{ environment(id: "${environmentId}") { shares { edges { cursor } } } }`,
  createAgentSecret: ({ environmentId }) =>
    mutation(
      'createAgentSecret',
      `environmentId: "${environmentId}", path: ["in", "more"], secretType: { type: "Str" }`,
    ),
  updateAgentSecret: ({ secretId }) => mutation('updateAgentSecret', `id: "${secretId}", currentRevision: 0`),
  deleteAgentSecret: ({ secretId }) => mutation('deleteAgentSecret', `id: "${secretId}", currentRevision: 1`),
  createShare: ({ environmentId, guestId }) =>
    mutation('createEnvironmentShare', `environmentId: "${environmentId}", accountId: "${guestId}", roles: []`),
  updateShare: ({ shareId }) => mutation('updateEnvironmentShare', `id: "${shareId}", roles: []`),
  deleteShare: ({ shareId }) => mutation('deleteEnvironmentShare', `id: "${shareId}"`),
  updateEnvironment: ({ environmentId }) =>
    mutation('updateEnvironment', `id: "${environmentId}", name: "${unique('renamed')}"`),
  deleteEnvironment: ({ environmentId }) => mutation('deleteEnvironment', `id: "${environmentId}"`),
};

function mutation(field: string, input: string): string {
  return `mutation { ${field}(input: { ${input} }) { ... on Refusal { code } } }`;
}

/** Whether an operation was done. A refusal that is neither of role nor of scope is a fault of the test. */
async function isDone(token: string, document: string): Promise<boolean> {
  const { data, errors } = await graphql<any>(app, token, document);
  const code = errors?.[0]?.extensions.code ?? Object.values<any>(data)[0]?.code;
  if (code === undefined) return true;
  expect(['AUTH_FORBIDDEN', 'AGENT_SECRET_NOT_FOUND', 'ENVIRONMENT_SHARE_NOT_FOUND']).toContain(code);
  return false;
}

const ROLES = ['owner', 'admin', 'deployer', 'viewer'] as const;
const { id: guestId } = await createAccount(app, unique('guest'));
const { id: otherId } = await createAccount(app, unique('other'));

async function place(role: (typeof ROLES)[number]): Promise<Place> {
  const environmentId = await createEnvironment(app, ownerToken, world.applicationId);
  if (role !== 'owner') await share(app, ownerToken, environmentId, world.people[role].id, [role.toUpperCase()]);
  const input = { environmentId, path: ['in', 'it'], secretType: { type: 'Str' }, secretValue: 'x' };
  const { id: secretId } = await done(createSecret(app, ownerToken, input));
  const shareId = await share(app, ownerToken, environmentId, otherId, []);
  return { environmentId, secretId, shareId, guestId };
}

const SAID = `query ($id: UUID!) { environment(id: $id) { permissions { ${ACTIONS.join(' ')} } } }`;
const SAID_OF_SECRET = `query ($id: UUID!) { agentSecret(id: $id) { permissions { ${ON_A_SECRET.join(' ')} } } }`;

describe.each(ROLES)('what a caller with the role %s may', (role) => {
  const LIMITS: [string, Limits][] = [
    ...SCOPE_SETS.map((scopes): [string, Limits] => [scopes.join(' '), { scopes }]),
    ['all scopes, below a path', { pathPrefixes: ['in'] }],
  ];

  test.each(LIMITS)('with a token of %s is what its operations do', async (_, limits) => {
    const at = await place(role);
    const token = await tokenWith(app, world.people[role].token, limits);
    const said = (await ask(app, token, SAID, { id: at.environmentId })).environment.permissions;
    if (said.viewAgentSecret) {
      const { agentSecret } = await ask(app, token, SAID_OF_SECRET, { id: at.secretId });
      expect(agentSecret.permissions).toEqual(Object.fromEntries(ON_A_SECRET.map((action) => [action, said[action]])));
    }
    const done: Record<string, boolean> = {};
    for (const [action, document] of Object.entries(OPERATIONS)) done[action] = await isDone(token, document(at));
    expect(done).toEqual(said);
  });
});

test('every action of the table is told, and has an operation here', () => {
  expect(Object.keys(OPERATIONS).sort()).toEqual([...ACTIONS].sort());
});

test('a token of one environment may there what its account may there', async () => {
  const at = await place('admin');
  const token = await tokenWith(app, world.people.admin.token, { environmentId: at.environmentId });
  const said = (await ask(app, token, SAID, { id: at.environmentId })).environment.permissions;
  expect(said).toEqual(
    (await ask(app, world.people.admin.token, SAID, { id: at.environmentId })).environment.permissions,
  );
});

test('the viewer tells what its token is limited to', async () => {
  const at = await place('owner');
  const limits = {
    scopes: ['METADATA', 'REVEAL'] as const,
    environmentId: at.environmentId,
    pathPrefixes: ['in'],
    expiresAt: '2100-01-01T00:00:00.000Z',
  };
  const { token, secret } = await createTokenAs(app, ownerToken, limits);
  const document =
    '{ viewer { token { id scopes pathPrefixes expiresAt environmentId environment { id permissions { viewShare } } } } }';
  expect((await ask(app, secret, document)).viewer.token).toEqual({
    id: token.id,
    ...limits,
    environment: { id: at.environmentId, permissions: { viewShare: true } },
  });
  const others = 'query ($id: UUID!) { account(id: $id) { token { id } } }';
  expect((await ask(app, app.operatorToken, others, { id: world.people.owner.id })).account.token).toBeNull();
});
