// Who may use the calls for Golem's tools: every relation and every limit of a token, by the rules of everything else.
import { describe, expect, test } from 'vitest';
import { ask } from '../../support/graphql/client.js';
import { type Limits, SCOPE_SETS, type Scope, tokenWith } from '../../support/graphql/token-scopes.js';
import { type Answer, type Client, clientOf } from '../../support/rest/app.js';
import { createLimitedEnvironment } from '../../support/rest/plan.js';
import { restSuite } from '../../support/suites.js';
import { createApplication, createEnvironment, type Relation, share, unique } from '../../support/world.js';

const { app, token, environmentId } = await restSuite();
const { people, applicationId } = app.world;
const names = (
  await ask(app, token, 'query ($id: UUID) { environment(id: $id) { name application { name } } }', {
    id: environmentId,
  })
).environment;

/** What the calls are about: the world's environment, unless told otherwise. */
interface Place {
  accountId: string;
  application: string;
  applicationId: string;
  environment: string;
}
const PLACE: Place = {
  accountId: people.owner.id,
  application: names.application.name,
  applicationId,
  environment: names.name,
};
const SETTINGS = { compatibilityCheck: false, versionCheck: false, securityOverrides: false };

const CALLS: Record<string, (client: Client, at: Place) => Promise<Answer>> = {
  'GET token': (client) => client.call('GET', '/v1/me/token'),
  'GET visible': (client, { environment }) => client.call('GET', `/v1/me/visible-environments?env_name=${environment}`),
  'GET app': (client, at) => client.call('GET', `/v1/accounts/${at.accountId}/apps/${at.application}`),
  'POST app': (client, at) =>
    client.call('POST', `/v1/accounts/${at.accountId}/apps`, { body: { name: unique('app') } }),
  'GET env': (client, at) => client.call('GET', `/v1/apps/${at.applicationId}/envs/${at.environment}`),
  'POST env': (client, at) =>
    client.call('POST', `/v1/apps/${at.applicationId}/envs`, { body: { name: unique('env'), ...SETTINGS } }),
};

/** The status, with how many environments there are in a list, or with the code of a refusal. */
async function told(name: string, client: Client, at: Place): Promise<string> {
  const { status, body } = await (CALLS[name] as (typeof CALLS)[string])(client, at);
  if (status !== 200) return `${status} ${body.code}`;
  return name === 'GET visible' ? `200 ${body.values.length}` : '200';
}

async function outcomes(client: Client, at: Place = PLACE): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const name of Object.keys(CALLS)) all[name] = await told(name, client, at);
  return all;
}

const OWNER = {
  'GET token': '200',
  'GET visible': '200 1',
  'GET app': '200',
  'POST app': '200',
  'GET env': '200',
  'POST env': '200',
};
const FOREIGN = {
  'GET app': '404 APPLICATION_NOT_FOUND',
  'POST app': '404 ACCOUNT_NOT_FOUND',
  'POST env': '404 APPLICATION_NOT_FOUND',
};
const SHARED = { ...OWNER, ...FOREIGN };
const STRANGER = { ...SHARED, 'GET visible': '200 0', 'GET env': '404 ENVIRONMENT_NOT_FOUND' };
const FORBIDDEN = { 'POST app': '403 AUTH_FORBIDDEN', 'POST env': '403 AUTH_FORBIDDEN' };
const NOBODY = Object.fromEntries(Object.keys(CALLS).map((name) => [name, '401 AUTH_UNAUTHORIZED']));

test.each<[Relation, object]>([
  ['owner', OWNER],
  ['admin', SHARED],
  ['deployer', SHARED],
  ['viewer', SHARED],
  ['roleless', STRANGER],
  ['stranger', STRANGER],
  ['operator', STRANGER],
])('%s', async (relation, expected) => {
  expect(await outcomes(app.as(relation))).toEqual(expected);
});

test('anonymous', async () => {
  expect(await outcomes(app.anonymous)).toEqual(NOBODY);
});

describe('a token of the owner', () => {
  const limited = async (limits: Limits) => clientOf(app.server, await tokenWith(app, token, limits));

  test.each(SCOPE_SETS.map((scopes) => [scopes]))('with the scopes %j', async (scopes: readonly Scope[]) => {
    const expected = scopes.includes('ADMIN') ? OWNER : { ...OWNER, ...FORBIDDEN };
    expect(await outcomes(await limited({ scopes }))).toEqual(expected);
  });

  const ofOne = {
    ...OWNER,
    'GET app': '404 APPLICATION_NOT_FOUND',
    'POST app': '403 AUTH_FORBIDDEN',
    'POST env': '404 APPLICATION_NOT_FOUND',
  };
  test('for this environment, with any scopes', async () => {
    for (const scopes of SCOPE_SETS) expect(await outcomes(await limited({ environmentId, scopes }))).toEqual(ofOne);
  });

  test('for another environment', async () => {
    const other = await createEnvironment(app, token, applicationId);
    const expected = { ...ofOne, 'GET visible': '200 0', 'GET env': '404 ENVIRONMENT_NOT_FOUND' };
    expect(await outcomes(await limited({ environmentId: other }))).toEqual(expected);
  });

  test('for some paths, with any scopes', async () => {
    for (const scopes of SCOPE_SETS) {
      expect(await outcomes(await limited({ pathPrefixes: ['db'], scopes }))).toEqual({ ...OWNER, ...FORBIDDEN });
    }
  });
});

test('a token of a share’s account is limited alike', async () => {
  const limited = async (limits: Limits) =>
    outcomes(clientOf(app.server, await tokenWith(app, people.viewer.token, limits)));
  const foreign = { ...SHARED, 'POST app': '404 ACCOUNT_NOT_FOUND' };
  expect(await limited({ environmentId })).toEqual(foreign);
  expect(await limited({ pathPrefixes: ['db'], scopes: ['METADATA'] })).toEqual(foreign);
});

describe('what is deleted is gone for everybody', () => {
  async function estate(): Promise<{ at: Place; environmentId: string }> {
    const application = unique('app');
    const id = await createApplication(app, token, application);
    const environment = unique('env');
    const made = await createEnvironment(app, token, id, environment);
    await share(app, token, made, people.admin.id, ['ADMIN']);
    return { at: { accountId: people.owner.id, application, applicationId: id, environment }, environmentId: made };
  }

  test('an environment', async () => {
    const { at, environmentId: id } = await estate();
    expect(await outcomes(app.as('admin'), at)).toEqual(SHARED);
    await ask(app, token, `mutation { deleteEnvironment(input: { id: "${id}" }) { __typename } }`);
    const gone = { 'GET visible': '200 0', 'GET env': '404 ENVIRONMENT_NOT_FOUND' };
    expect(await outcomes(app.as('owner'), at)).toEqual({ ...OWNER, ...gone });
    expect(await outcomes(app.as('admin'), at)).toEqual({ ...SHARED, ...gone });
  });

  test('an application, with its environments', async () => {
    const { at } = await estate();
    await ask(app, token, `mutation { deleteApplication(input: { id: "${at.applicationId}" }) { __typename } }`);
    expect(await outcomes(app.as('owner'), at)).toEqual({ ...STRANGER, 'POST app': '200' });
    expect(await outcomes(app.as('admin'), at)).toEqual(STRANGER);
  });

  test('an account, with all it owned; its token is none any more', async () => {
    const { owner, environmentId: id } = await createLimitedEnvironment(app, { secrets: 1, valueBytes: 8 });
    const { body } = await owner.call('GET', '/v1/me/visible-environments');
    const [{ account, application, environment }] = body.values;
    expect(environment.id).toBe(id);
    const at = {
      accountId: account.id,
      application: application.name,
      applicationId: application.id,
      environment: environment.name,
    };
    await ask(app, app.operatorToken, `mutation { deleteAccount(input: { id: "${account.id}" }) { __typename } }`);
    expect(await outcomes(owner, at)).toEqual(NOBODY);
    expect(await outcomes(app.as('stranger'), at)).toEqual(STRANGER);
  });

  test('and what never was', async () => {
    const never = '01890000-0000-7000-8000-000000000000';
    const at = { accountId: never, application: 'a', applicationId: never, environment: 'never' };
    for (const relation of ['owner', 'operator'] as const) {
      expect(await outcomes(app.as(relation), at)).toEqual(STRANGER);
    }
  });
});

test('the limits of the plan and of an account are 422', async () => {
  const full = await createLimitedEnvironment(app, { secrets: 1, valueBytes: 8, environments: 1 });
  const { body } = await full.owner.call('GET', '/v1/me/visible-environments');
  const [{ account, application }] = body.values;
  const envs = await full.owner.call('POST', `/v1/apps/${application.id}/envs`, { body: { name: 'b', ...SETTINGS } });
  expect(envs.text).toBe('{"code":"LIMIT_EXCEEDED","error":"The plan allows 1 environments per account"}');
  expect(envs.status).toBe(422);
  // A thousand applications, which nobody would make one by one.
  await app.services.db.script(`insert into applications (id, account_id, name, created_at)
    select gen_random_uuid(), '${account.id}', 'n' || n, now() from generate_series(1, 999) n`);
  const apps = await full.owner.call('POST', `/v1/accounts/${account.id}/apps`, { body: { name: 'one-more' } });
  expect(apps.text).toBe('{"code":"LIMIT_EXCEEDED","error":"An account may have 1000 applications"}');
  expect(apps.status).toBe(422);
});

test('checks come in their order: form, visibility, permission, free name, limits', async () => {
  const client = clientOf(app.server, await tokenWith(app, token, { scopes: ['METADATA'] }));
  const post = async (path: string, body: object) => (await client.call('POST', path, { body })).body.code;
  const mine = `/v1/accounts/${people.owner.id}/apps`;
  const foreign = `/v1/accounts/${people.stranger.id}/apps`;
  expect(await post(foreign, { name: 'no name' })).toBe('INVALID_REQUEST');
  expect(await post(foreign, { name: 'x' })).toBe('ACCOUNT_NOT_FOUND');
  expect(await post(mine, { name: PLACE.application })).toBe('AUTH_FORBIDDEN');
  const envs = `/v1/apps/${applicationId}/envs`;
  expect(await post(envs.replace(applicationId, environmentId), { name: 'no name', ...SETTINGS })).toBe(
    'INVALID_REQUEST',
  );
  expect(await post(envs, { name: PLACE.environment, ...SETTINGS })).toBe('AUTH_FORBIDDEN');
});
