// Who may use which root field: one case per field and way of calling it, with the answer for every caller.
import type { TestApp } from '../app.js';
import {
  createAccount,
  createApplication,
  createEnvironment,
  type Relation,
  share,
  unique,
  type World,
} from '../world.js';
import { ask } from './client.js';
import { createSecret, deleteSecret, done, updateSecret } from './secrets.js';

export type Caller = Relation | 'anonymous';
type Variables = (app: TestApp, world: World) => object | Promise<object>;
/** `ok`, `null`, or the code of the error or refusal. Who is not named is answered as `others`. */
type Outcomes = Partial<Record<Relation, string>> & { others: string };

export interface AccessCase {
  /** `Query.x`, `Mutation.x` or `Subscription.x`, with ` by …` behind it where there are several ways to call it. */
  name: string;
  document: string;
  /** Makes something fresh to work on. */
  variables: Variables;
  outcomes: Outcomes;
}

export const CALLERS: readonly Caller[] = [
  'anonymous',
  'stranger',
  'roleless',
  'viewer',
  'deployer',
  'admin',
  'owner',
  'operator',
];

export function outcomeFor({ outcomes }: AccessCase, caller: Caller): string {
  return caller === 'anonymous' ? 'AUTH_UNAUTHORIZED' : (outcomes[caller] ?? outcomes.others);
}

const nothing = () => ({});
const name = () => ({ name: unique('name') });
const environment: Variables = (_, { environmentId }) => ({ id: environmentId });

async function secret(app: TestApp, { people, environmentId }: World) {
  const path = [unique('secret')];
  const input = { environmentId, path, secretType: { type: 'Str' }, secretValue: 'a value' };
  const { id } = await done(createSecret(app, people.owner.token, input));
  return { id };
}

async function secretWithPast(app: TestApp, world: World) {
  const { id } = await secret(app, world);
  const change = { id, currentRevision: 0, secretValue: { op: 'SET', value: 'another value' } };
  await done(updateSecret(app, world.people.owner.token, change));
  return { id };
}

async function deletedSecret(app: TestApp, world: World) {
  const { id } = await secret(app, world);
  await done(deleteSecret(app, world.people.owner.token, { id, currentRevision: 0 }));
  return { id };
}

async function environmentWithPast(app: TestApp, world: World) {
  await secret(app, world);
  return { id: world.environmentId };
}

async function ownersApplication(app: TestApp, { people }: World) {
  return { id: await createApplication(app, people.owner.token), ...name() };
}

async function sharedEnvironment(app: TestApp, { people, applicationId }: World) {
  const id = await createEnvironment(app, people.owner.token, applicationId);
  const given = { admin: ['ADMIN'], deployer: ['DEPLOYER'], viewer: ['VIEWER'], roleless: [] };
  for (const [relation, roles] of Object.entries(given)) {
    await share(app, people.owner.token, id, people[relation as Relation].id, roles);
  }
  return { id, ...name() };
}

async function shareWithGuest(app: TestApp, { people, environmentId }: World) {
  const guest = await createAccount(app, unique('guest'));
  return { id: await share(app, people.owner.token, environmentId, guest.id, ['VIEWER']) };
}

const CREATE_PLAN = `mutation ($name: String!) {
  createPlan(input: { name: $name, maxEnvironments: 3, maxSecretsPerEnvironment: 3, maxValueBytes: 300 }) {
    __typename ... on CreatePlanPayload { plan { id } } ... on Refusal { code }
  }
}`;

const query = (field: string, document: string, variables: Variables, outcomes: Outcomes): AccessCase => ({
  name: `Query.${field}`,
  document,
  variables,
  outcomes,
});

/** `input` may use the variables $id and $name, whichever there are. */
const mutation = (field: string, input: string, variables: Variables, outcomes: Outcomes): AccessCase => {
  const idType = /AgentSecret/.test(field) ? 'UUID' : 'ID';
  const declared = [`$id: ${idType}!`, '$name: String!'].filter((one) =>
    input.includes(one.slice(0, one.indexOf(':'))),
  );
  const parameters = declared.length > 0 ? `(${declared.join(', ')})` : '';
  const result = '__typename ... on Refusal { code message }';
  return {
    name: `Mutation.${field}`,
    document: `mutation ${parameters} { ${fieldOf(field)}(input: { ${input} }) { ${result} } }`,
    variables,
    outcomes,
  };
};

/** The root field of a case’s name. */
const fieldOf = (name: string) => name.split(' ')[0] as string;

const EVERYONE: Outcomes = { others: 'ok' };
const OPERATOR: Outcomes = { operator: 'ok', others: 'AUTH_FORBIDDEN' };
const owner = (others: string): Outcomes => ({ owner: 'ok', others });
const admins = (others: string): Outcomes => ({ owner: 'ok', admin: 'ok', others });
const deployers = (others: string): Outcomes => ({ owner: 'ok', admin: 'ok', deployer: 'ok', others });

const AS_OF_SECRETS = `query ($id: UUID!) {
  environment(id: $id) { snapshot(revision: 1) { agentSecrets { edges { node { secretValue } } } } }
}`;
const STR = 'secretType: { type: "Str" }';

export const ACCESS_CASES: readonly AccessCase[] = [
  query('viewer', '{ viewer { id } }', nothing, EVERYONE),
  query('account', 'query ($id: UUID!) { account(id: $id) { id } }', (_, { people }) => ({ id: people.owner.id }), {
    owner: 'ok',
    operator: 'ok',
    others: 'ACCOUNT_NOT_FOUND',
  }),
  query('accounts', '{ accounts { edges { node { id } } } }', nothing, OPERATOR),
  query('plans', '{ plans { edges { node { id } } } }', nothing, OPERATOR),
  query('environment by id', 'query ($id: UUID!) { environment(id: $id) { id } }', environment, {
    ...deployers('ENVIRONMENT_NOT_FOUND'),
    viewer: 'ok',
  }),
  query(
    'environment by names',
    `query ($account: String!, $application: String!, $name: String!) {
      environment(account: $account, application: $application, name: $name) { id }
    }`,
    async (app, { people, environmentId }) => {
      const document = 'query ($id: UUID) { environment(id: $id) { name application { name } } }';
      const found = (await ask(app, people.owner.token, document, { id: environmentId })).environment;
      return { account: people.owner.name, application: found.application.name, name: found.name };
    },
    { ...deployers('ENVIRONMENT_NOT_FOUND'), viewer: 'ok' },
  ),
  query(
    'environment by application and name',
    'query ($id: UUID!, $name: String!) { environment(applicationId: $id, name: $name) { id } }',
    async (app, { people, applicationId, environmentId }) => {
      const document = 'query ($id: UUID) { environment(id: $id) { name } }';
      const { name } = (await ask(app, people.owner.token, document, { id: environmentId })).environment;
      return { id: applicationId, name };
    },
    { ...deployers('ENVIRONMENT_NOT_FOUND'), viewer: 'ok' },
  ),
  query(
    'visibleEnvironments',
    '{ visibleEnvironments { edges { node { id golem { accountEmail } } } } }',
    nothing,
    EVERYONE,
  ),
  query('currentToken', '{ currentToken { id accountId } }', nothing, EVERYONE),
  query(
    'application',
    'query ($id: UUID!, $name: String!) { application(accountId: $id, name: $name) { id } }',
    async (app, { people }) => {
      const { name: applicationName } = name();
      await createApplication(app, people.owner.token, applicationName);
      return { id: people.owner.id, name: applicationName };
    },
    owner('APPLICATION_NOT_FOUND'),
  ),
  query('agentSecret', 'query ($id: UUID!) { agentSecret(id: $id) { id } }', secret, {
    ...deployers('AGENT_SECRET_NOT_FOUND'),
  }),
  query(
    'agentSecretRevision',
    'query ($id: UUID!) { agentSecretRevision(id: $id, revision: 0) { secretValue } }',
    secretWithPast,
    deployers('AGENT_SECRET_NOT_FOUND'),
  ),
  query(
    'agentSecretRevision by id and revision, deleted',
    'query ($id: UUID!) { agentSecretRevision(id: $id, revision: 0) { secretValue } }',
    deletedSecret,
    deployers('AGENT_SECRET_NOT_FOUND'),
  ),
  query(
    'agentSecretRevision by id and a revision it does not have',
    'query ($id: UUID!) { agentSecretRevision(id: $id, revision: 7) { id } }',
    secret,
    {
      owner: 'AGENT_SECRET_REVISION_NOT_FOUND',
      admin: 'AGENT_SECRET_REVISION_NOT_FOUND',
      deployer: 'AGENT_SECRET_REVISION_NOT_FOUND',
      others: 'AGENT_SECRET_NOT_FOUND',
    },
  ),
  query(
    'environment as of',
    'query ($id: UUID!) { environment(id: $id) { snapshot(revision: 1) { id } } }',
    environmentWithPast,
    {
      ...deployers('ENVIRONMENT_NOT_FOUND'),
      viewer: 'ok',
    },
  ),
  query('environment as of, its secrets', AS_OF_SECRETS, environmentWithPast, {
    ...deployers('ENVIRONMENT_NOT_FOUND'),
    viewer: 'AUTH_FORBIDDEN',
  }),
  query('node', 'query ($id: ID!) { node(id: $id) { id } }', secret, deployers('null')),
  query('nodes', 'query ($id: ID!) { nodes(ids: [$id]) { id } }', secret, deployers('null')),

  mutation('createAccount', 'name: $name', name, OPERATOR),
  mutation('updateAccount', 'id: $id, roles: []', async (app) => createAccount(app, unique('guest')), OPERATOR),
  mutation('deleteAccount', 'id: $id', async (app) => createAccount(app, unique('guest')), OPERATOR),
  { name: 'Mutation.createPlan', document: CREATE_PLAN, variables: name, outcomes: OPERATOR },
  mutation(
    'updatePlan',
    'id: $id, maxEnvironments: 4',
    async (app) => (await ask(app, app.operatorToken, CREATE_PLAN, name())).createPlan.plan,
    OPERATOR,
  ),
  mutation(
    'deletePlan',
    'id: $id',
    async (app) => (await ask(app, app.operatorToken, CREATE_PLAN, name())).createPlan.plan,
    OPERATOR,
  ),
  mutation('createToken', 'name: $name', name, EVERYONE),
  mutation(
    'revokeToken',
    'id: $id',
    async (app, { people }) => {
      const document = 'mutation { createToken(input: { name: "t" }) { ... on CreateTokenPayload { token { id } } } }';
      return (await ask(app, people.owner.token, document)).createToken.token;
    },
    owner('TOKEN_NOT_FOUND'),
  ),
  mutation('createApplication', 'name: $name', name, EVERYONE),
  mutation(
    'createApplication in an account',
    'accountId: $id, name: $name',
    (_, { people }) => ({ id: people.owner.id, ...name() }),
    owner('ACCOUNT_NOT_FOUND'),
  ),
  mutation('updateApplication', 'id: $id, name: $name', ownersApplication, owner('APPLICATION_NOT_FOUND')),
  mutation('deleteApplication', 'id: $id', ownersApplication, owner('APPLICATION_NOT_FOUND')),
  mutation(
    'createEnvironment',
    'applicationId: $id, name: $name',
    (_, { applicationId }) => ({ id: applicationId, ...name() }),
    owner('APPLICATION_NOT_FOUND'),
  ),
  mutation('updateEnvironment', 'id: $id, name: $name', sharedEnvironment, {
    ...admins('ENVIRONMENT_NOT_FOUND'),
    deployer: 'AUTH_FORBIDDEN',
    viewer: 'AUTH_FORBIDDEN',
  }),
  mutation('deleteEnvironment', 'id: $id', sharedEnvironment, {
    ...owner('ENVIRONMENT_NOT_FOUND'),
    admin: 'AUTH_FORBIDDEN',
    deployer: 'AUTH_FORBIDDEN',
    viewer: 'AUTH_FORBIDDEN',
  }),
  mutation(
    'createEnvironmentShare',
    'environmentId: $id, accountName: $name, roles: [VIEWER]',
    async (app, { environmentId }) => ({ id: environmentId, name: (await createAccount(app, unique('guest'))).name }),
    { ...admins('ENVIRONMENT_NOT_FOUND'), deployer: 'AUTH_FORBIDDEN', viewer: 'AUTH_FORBIDDEN' },
  ),
  mutation(
    'updateEnvironmentShare',
    'id: $id, roles: [DEPLOYER]',
    shareWithGuest,
    admins('ENVIRONMENT_SHARE_NOT_FOUND'),
  ),
  mutation('deleteEnvironmentShare', 'id: $id', shareWithGuest, admins('ENVIRONMENT_SHARE_NOT_FOUND')),
  mutation(
    'createAgentSecret',
    `environmentId: $id, path: [$name], ${STR}`,
    (_, { environmentId }) => ({ id: environmentId, ...name() }),
    { ...deployers('ENVIRONMENT_NOT_FOUND'), viewer: 'AUTH_FORBIDDEN' },
  ),
  mutation(
    'updateAgentSecret',
    'id: $id, currentRevision: 0, secretValue: { op: SET, value: "other" }',
    secret,
    deployers('AGENT_SECRET_NOT_FOUND'),
  ),
  mutation('deleteAgentSecret', 'id: $id, currentRevision: 0', secret, deployers('AGENT_SECRET_NOT_FOUND')),
  mutation(
    'restoreAgentSecret',
    'id: $id, toRevision: 0, currentRevision: 1',
    secretWithPast,
    deployers('AGENT_SECRET_NOT_FOUND'),
  ),
  mutation(
    'restoreAgentSecret out of deletion',
    'id: $id, toRevision: 0, currentRevision: 1',
    deletedSecret,
    deployers('AGENT_SECRET_NOT_FOUND'),
  ),
  mutation(
    'destroyAgentSecretRevision',
    'id: $id, revision: 0, currentRevision: 1',
    secretWithPast,
    deployers('AGENT_SECRET_NOT_FOUND'),
  ),
  mutation(
    'applyAgentSecretChanges',
    `environmentId: $id, changes: [{ create: { path: [$name], ${STR} } }]`,
    (_, { environmentId }) => ({ id: environmentId, ...name() }),
    { ...deployers('ENVIRONMENT_NOT_FOUND'), viewer: 'AUTH_FORBIDDEN' },
  ),
  mutation(
    'applyAgentSecretChanges as a dry run',
    `environmentId: $id, changes: [{ create: { path: [$name], ${STR} } }], dryRun: true`,
    (_, { environmentId }) => ({ id: environmentId, ...name() }),
    { ...deployers('ENVIRONMENT_NOT_FOUND'), viewer: 'AUTH_FORBIDDEN' },
  ),
  {
    name: 'Subscription.agentSecretChanges',
    document:
      'subscription ($id: UUID!) { agentSecretChanges(environmentId: $id, after: 0) { changes { secretValue } } }',
    variables: environmentWithPast,
    outcomes: { ...deployers('ENVIRONMENT_NOT_FOUND'), viewer: 'AUTH_FORBIDDEN' },
  },
];
