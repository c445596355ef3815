// Environments as Golem's tools look for them: every one the caller has a role in, by the names of what is above them.
import { describe, expect, test } from 'vitest';
import { mutate } from '../../support/graphql/accounts.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { tokenWith } from '../../support/graphql/token-scopes.js';
import { graphqlSuite } from '../../support/suites.js';
import {
  createAccount,
  createApplication,
  createEnvironment,
  type Person,
  share,
  unique,
} from '../../support/world.js';

const { app, world } = await graphqlSuite();

const LIST = `query ($account: String, $application: String, $name: String, $first: Int, $after: String) {
  visibleEnvironments(account: $account, application: $application, name: $name, first: $first, after: $after) {
    edges { node { id name myRoles golem { accountId accountName accountEmail applicationId applicationName } } }
    pageInfo { hasNextPage endCursor }
  }
}`;
const page = async (token: string, filter: object = {}) => (await ask(app, token, LIST, filter)).visibleEnvironments;
const list = async (token: string, filter: object = {}) =>
  (await page(token, filter)).edges.map(({ node }: any) => node);
const ids = async (token: string, filter: object = {}) => (await list(token, filter)).map(({ id }: any) => id);

/** An owner with an application and two environments, `a` and `b`. */
async function estate() {
  const owner = await createAccount(app, unique('owner'));
  const application = unique('app');
  const applicationId = await createApplication(app, owner.token, application);
  const a = await createEnvironment(app, owner.token, applicationId, 'a');
  const b = await createEnvironment(app, owner.token, applicationId, 'b');
  return { owner, application, applicationId, a, b };
}

const given = (by: Person, environmentId: string, to: Person, roles: string[]) =>
  share(app, by.token, environmentId, to.id, roles);

test('are one’s own and those shared with one, oldest first, with roles and what is above them', async () => {
  const { owner, application, applicationId, a, b } = await estate();
  const guest = await createAccount(app, unique('guest'));
  const own = await createEnvironment(app, guest.token, await createApplication(app, guest.token, 'own'), 'mine');
  await given(owner, b, guest, ['VIEWER', 'DEPLOYER']);
  const golem = { accountId: owner.id, accountName: owner.name, accountEmail: owner.name, applicationId };
  const details = { ...golem, applicationName: application };
  expect(await list(owner.token)).toEqual([
    { id: a, name: 'a', myRoles: ['OWNER'], golem: details },
    { id: b, name: 'b', myRoles: ['OWNER'], golem: details },
  ]);
  expect(await list(guest.token)).toMatchObject([
    { id: b, name: 'b', myRoles: ['DEPLOYER', 'VIEWER'], golem: details },
    { id: own, name: 'mine', myRoles: ['OWNER'], golem: { accountId: guest.id, applicationName: 'own' } },
  ]);
});

test('are not those of shares without roles, of others, or deleted', async () => {
  const { owner, a, b } = await estate();
  const guest = await createAccount(app, unique('guest'));
  await given(owner, a, guest, []);
  await given(owner, b, guest, ['VIEWER']);
  expect(await ids(guest.token)).toEqual([b]);
  expect(await ids(app.operatorToken)).toEqual([]);
  await ask(app, owner.token, `mutation { deleteEnvironment(input: { id: "${b}" }) { __typename } }`);
  expect(await ids(guest.token)).toEqual([]);
  expect(await ids(owner.token)).toEqual([a]);
});

describe('are found', () => {
  test('by the owner’s name or email, the application, and the name, each and together', async () => {
    const { owner, application, a, b } = await estate();
    const other = await estate();
    const guest = await createAccount(app, unique('guest'));
    for (const { owner: by, ...place } of [{ owner, a, b }, other]) {
      await given(by, place.a, guest, ['VIEWER']);
      await given(by, place.b, guest, ['VIEWER']);
    }
    const email = `${owner.name}@example.com`;
    await ask(
      app,
      app.operatorToken,
      'mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { __typename } }',
      {
        input: { id: owner.id, email },
      },
    );
    const found = (filter: object) => ids(guest.token, filter);
    expect(await found({})).toEqual([a, b, other.a, other.b]);
    for (const account of [owner.name, email, email.toUpperCase()]) expect(await found({ account })).toEqual([a, b]);
    expect(await found({ application: other.application })).toEqual([other.a, other.b]);
    expect(await found({ name: 'a' })).toEqual([a, other.a]);
    expect(await found({ account: email, application, name: 'b' })).toEqual([b]);
    for (const filter of [
      { account: owner.name.toUpperCase() },
      { account: owner.name, application: other.application },
      { account: owner.name, application, name: 'B' },
      { account: '' },
      { application: '%' },
      { name: 'a\0' },
      { account: `${owner.name}\0` },
    ]) {
      expect(await found(filter)).toEqual([]);
    }
    expect(await list(guest.token, { account: email, name: 'a' })).toMatchObject([
      { golem: { accountName: owner.name, accountEmail: email } },
    ]);
  });

  test('in pages, each once', async () => {
    const { owner, applicationId, a, b } = await estate();
    const c = await createEnvironment(app, owner.token, applicationId, 'c');
    const first = await page(owner.token, { first: 2 });
    expect(first.edges.map(({ node }: any) => node.id)).toEqual([a, b]);
    expect(first.pageInfo.hasNextPage).toBe(true);
    const second = await page(owner.token, { first: 2, after: first.pageInfo.endCursor });
    expect(second.edges.map(({ node }: any) => node.id)).toEqual([c]);
    expect(second.pageInfo.hasNextPage).toBe(false);
  });
});

test('are, for a token of one environment, that one; for one of some paths, all', async () => {
  const { owner, a, b } = await estate();
  expect(await ids(await tokenWith(app, owner.token, { environmentId: b }))).toEqual([b]);
  expect(await ids(await tokenWith(app, owner.token, { environmentId: b }), { name: 'a' })).toEqual([]);
  expect(await ids(await tokenWith(app, owner.token, { pathPrefixes: ['db'], scopes: ['METADATA'] }))).toEqual([a, b]);
});

describe('settings of Golem’s tools', () => {
  const settings = 'compatibilityCheck versionCheck securityOverrides';
  const create = async (golem?: object | null) => {
    const { owner } = world.people;
    const input = {
      applicationId: world.applicationId,
      name: unique('env'),
      ...(golem === undefined ? {} : { golem }),
    };
    return (
      await mutate(
        app,
        owner.token,
        'createEnvironment',
        input,
        `... on CreateEnvironmentPayload { environment { id golem { ${settings} } } }`,
      )
    ).environment.golem;
  };
  const none = { compatibilityCheck: false, versionCheck: false, securityOverrides: false };

  test.each([undefined, null, {}, { compatibilityCheck: null }])('are false unless told: %j', async (golem) => {
    expect(await create(golem)).toEqual(none);
  });

  test.each(Object.keys(none))('are kept each by itself: %s', async (key) => {
    expect(await create({ [key]: true })).toEqual({ ...none, [key]: true });
  });
});

describe('the current token', () => {
  const CURRENT = '{ currentToken { id name accountId scopes environmentId expiresAt } }';

  test('is the one the caller has come with, whatever it is limited to', async () => {
    const { id: accountId, token } = world.people.owner;
    const expiresAt = '2100-01-01T00:00:00.000Z';
    const limits = { scopes: ['METADATA'], environmentId: world.environmentId, expiresAt } as const;
    const { currentToken } = await ask(app, await tokenWith(app, token, limits), CURRENT);
    expect(currentToken).toMatchObject({ name: 'limited', accountId, ...limits });
    const { viewer } = await ask(app, token, '{ viewer { tokens { edges { node { id } } } } }');
    expect(viewer.tokens.edges.map(({ node }: any) => node.id)).toContain(currentToken.id);
    expect((await ask(app, token, CURRENT)).currentToken.name).toBe('initial');
  });

  test('is no credential any more at the moment it is revoked', async () => {
    const secret = await tokenWith(app, world.people.owner.token, {});
    const { id } = (await ask(app, secret, CURRENT)).currentToken;
    // What another process does, of which this one hears nothing.
    await app.services.db.script(`update tokens set revoked_at = now() where id = '${id}'`);
    expect((await graphql(app, secret, CURRENT)).errors).toMatchObject([{ extensions: { code: 'AUTH_UNAUTHORIZED' } }]);
  });
});

describe('applications by name', () => {
  const FIND =
    'query ($accountId: UUID!, $name: String!) { application(accountId: $accountId, name: $name) { id accountId } }';

  test('are found by their owner only, and not by a token of one environment', async () => {
    const { owner, application, applicationId, a } = await estate();
    const place = { accountId: owner.id, name: application };
    expect((await ask(app, owner.token, FIND, place)).application).toEqual({ id: applicationId, accountId: owner.id });
    const narrow = await tokenWith(app, owner.token, { environmentId: a });
    const guest = await createAccount(app, unique('guest'));
    await given(owner, a, guest, ['ADMIN']);
    for (const [token, variables] of [
      [narrow, place],
      [guest.token, place],
      [app.operatorToken, place],
      [owner.token, { ...place, accountId: guest.id }],
      [owner.token, { ...place, name: application.toUpperCase() }],
      [owner.token, { ...place, name: `${application}\0` }],
    ] as const) {
      expect((await graphql(app, token, FIND, variables)).errors).toMatchObject([
        { message: 'Application of this name not found', extensions: { code: 'APPLICATION_NOT_FOUND' } },
      ]);
    }
    await ask(app, owner.token, `mutation { deleteApplication(input: { id: "${applicationId}" }) { __typename } }`);
    expect((await graphql(app, owner.token, FIND, place)).errors).toMatchObject([
      { extensions: { code: 'APPLICATION_NOT_FOUND' } },
    ]);
  });
});

test('an environment is found by its application and name, by everybody with a role in it', async () => {
  const { owner, applicationId, a, b } = await estate();
  const guest = await createAccount(app, unique('guest'));
  await given(owner, a, guest, ['VIEWER']);
  const FIND = 'query ($id: UUID!, $name: String!) { environment(applicationId: $id, name: $name) { id } }';
  const find = async (token: string, name: string, id = applicationId) => {
    const { data, errors } = await graphql(app, token, FIND, { id, name });
    return data.environment?.id ?? [errors?.[0]?.extensions.code, errors?.[0]?.message];
  };
  const absent = ['ENVIRONMENT_NOT_FOUND', 'Environment of this name not found'];
  expect(await find(owner.token, 'b')).toBe(b);
  expect(await find(guest.token, 'a')).toBe(a);
  expect(await find(guest.token, 'b')).toEqual(absent);
  expect(await find(await tokenWith(app, owner.token, { environmentId: a }), 'a')).toBe(a);
  expect(await find(await tokenWith(app, owner.token, { environmentId: a }), 'b')).toEqual(absent);
  for (const name of ['A', '', 'a\0', 'c']) expect(await find(owner.token, name)).toEqual(absent);
  expect(await find(owner.token, 'a', owner.id)).toEqual(absent);
});

test('are found by a part of their name, in any case, with how many there are on all pages together', async () => {
  const { owner, applicationId, a, b } = await estate();
  const found = await createEnvironment(app, owner.token, applicationId, 'Live-EU_1');
  const other = await createEnvironment(app, owner.token, applicationId, 'live-us');
  const document = `query ($text: String, $first: Int) {
    visibleEnvironments(nameContains: $text, first: $first) { totalCount edges { node { id } } }
  }`;
  const look = async (text: string | null, first?: number, as = owner.token) => {
    const { totalCount, edges } = (await ask(app, as, document, { text, first })).visibleEnvironments;
    return [totalCount, edges.map(({ node }: any) => node.id)];
  };
  expect(await look('LIVE')).toEqual([2, [found, other]]);
  expect(await look('eu_')).toEqual([1, [found]]);
  expect(await look('live', 1)).toEqual([2, [found]]);
  expect(await look(null, 2)).toEqual([4, [a, b]]);
  expect(await look('%')).toEqual([0, []]);
  expect(await look('_')).toEqual([1, [found]]);
  expect(await look('\0')).toEqual([0, []]);
  const limited = await tokenWith(app, owner.token, { environmentId: other });
  expect(await look(null, 50, limited)).toEqual([1, [other]]);
  expect(await look('eu', 50, limited)).toEqual([0, []]);
});
