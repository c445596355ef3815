// Applications, environments and shares: made, renamed, found by name, and unique where names are.
import { describe, expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { write } from '../../support/graphql/accounts.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { graphqlSuite } from '../../support/suites.js';
import { createAccount, createApplication, createEnvironment, share, unique } from '../../support/world.js';

const { app, world, token } = await graphqlSuite();

describe('applications', () => {
  const APPLICATION = 'id name createdAt';
  const create = (name: string, as = token) => write(app, as, 'createApplication', { name }, APPLICATION);
  const rename = (id: string, name: string) => write(app, token, 'updateApplication', { id, name }, APPLICATION);

  test('have a name that is unique in their account, and free in every other', async () => {
    const name = unique('app');
    expect(await create(name)).toMatchObject({ __typename: 'CreateApplicationPayload', name });
    expect(await create(name)).toMatchObject({ __typename: 'AlreadyExists' });
    expect(await create(name, world.people.stranger.token)).toMatchObject({
      __typename: 'CreateApplicationPayload',
      name,
    });
  });

  test('are renamed, to a free name or their own', async () => {
    const [first, second] = [await create(unique('app')), await create(unique('app'))];
    expect(await rename(second.id, first.name)).toMatchObject({ __typename: 'AlreadyExists' });
    expect(await rename(second.id, second.name)).toMatchObject({ name: second.name });
    const name = unique('app');
    expect(await rename(first.id, name)).toMatchObject({ id: first.id, name, createdAt: first.createdAt });
    expect(await rename(second.id, first.name)).toMatchObject({ name: first.name });
    expect(await rename(second.id, canary().repeat(9))).toMatchObject({ __typename: 'InvalidRequest' });
  });

  test('are listed by name, byte by byte, in pages', async () => {
    const person = await createAccount(app, unique('person'));
    for (const name of ['b', 'B', 'a', '0', 'a.b', 'a-b', 'a_b']) await createApplication(app, person.token, name);
    const document = `query ($after: String) { viewer {
      applications(first: 3, after: $after) { edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage } }
    } }`;
    const pages = [];
    for (let after: string | null = null; ; ) {
      const { viewer }: any = await ask(app, person.token, document, { after });
      pages.push(viewer.applications);
      after = viewer.applications.edges.at(-1).cursor;
      if (!viewer.applications.pageInfo.hasNextPage) break;
    }
    const names = pages.map(({ edges }) => edges.map(({ node }: any) => node.name));
    expect(names).toEqual([['0', 'B', 'a'], ['a-b', 'a.b', 'a_b'], ['b']]);
    expect(pages.map(({ pageInfo }) => pageInfo.hasPreviousPage)).toEqual([false, true, true]);
  });

  const cursor = (place: unknown) => Buffer.from(JSON.stringify(place)).toString('base64url');
  test.each([
    ['last: 1', /forward/],
    ['before: "c4n4ry"', /forward/],
    ['first: 201', /200/],
    ['first: -1', /200/],
    ['after: "c4n4ry"', /^after: not a cursor of this list$/],
    [`after: "${cursor(['c4n4ry'])}"`, /^after: not a cursor of this list$/],
    [`after: "${cursor('c4n4ry\0')}"`, /^after: not a cursor of this list$/],
  ])('cannot be listed with %s', async (args, message) => {
    const { errors } = await graphql(app, token, `{ viewer { applications(${args}) { edges { cursor } } } }`);
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
    expect(errors?.[0]?.message).toMatch(message);
  });
});

describe('environments', () => {
  const ENVIRONMENT = 'id name revision myRoles usage { agentSecrets { used limit } maxValueBytes }';
  const create = (name: string, applicationId = world.applicationId) =>
    write(app, token, 'createEnvironment', { applicationId, name }, ENVIRONMENT);
  const rename = (id: string, name: string, as = token) =>
    write(app, as, 'updateEnvironment', { id, name }, ENVIRONMENT);

  test('begin empty at revision 0 under the limits of their owner’s plan', async () => {
    const name = unique('env');
    expect(await create(name)).toMatchObject({
      name,
      revision: 0,
      myRoles: ['OWNER'],
      usage: { agentSecrets: { used: 0, limit: 1_000 }, maxValueBytes: 65_536 },
    });
  });

  test('have a name that is unique in their application, and free in every other', async () => {
    const name = unique('env');
    await create(name);
    expect(await create(name)).toMatchObject({ __typename: 'AlreadyExists' });
    expect(await create(name, await createApplication(app, token))).toMatchObject({ name });
    expect(await create('c4n4ry is no name')).toMatchObject({ __typename: 'InvalidRequest' });
  });

  test('of those created at once with one name exactly one is made', async () => {
    const name = unique('race');
    const results = await Promise.all(Array.from({ length: 6 }, () => create(name)));
    expect(results.filter(({ __typename }) => __typename === 'CreateEnvironmentPayload')).toHaveLength(1);
    expect(results.filter(({ __typename }) => __typename === 'AlreadyExists')).toHaveLength(5);
  });

  test('are renamed by owner and admins without a write to their log', async () => {
    const id = await createEnvironment(app, token, world.applicationId);
    await share(app, token, id, world.people.admin.id, ['ADMIN']);
    const name = unique('env');
    expect(await rename(id, name, world.people.admin.token)).toMatchObject({
      id,
      name,
      revision: 0,
      myRoles: ['ADMIN'],
    });
    const other = unique('env');
    await create(other);
    expect(await rename(id, other)).toMatchObject({ __typename: 'AlreadyExists' });
    expect(await rename(id, name)).toMatchObject({ name });
  });

  test('are found by id or by the names of account, application and environment', async () => {
    const applicationName = unique('app');
    const applicationId = await createApplication(app, token, applicationName);
    const { id, name } = await create(unique('env'), applicationId);
    const place = `account: "${world.people.owner.name}", application: "${applicationName}", name: "${name}"`;
    for (const args of [`id: "${id}"`, `id: "${id.toUpperCase()}"`, place]) {
      expect(await ask(app, token, `{ environment(${args}) { id } }`)).toEqual({ environment: { id } });
    }
    for (const wrong of ['', `name: "${name}"`, `id: "${id}", ${place}`, place.replace(/, name.*/, ''), 'id: null']) {
      const { errors } = await graphql(app, token, `{ environment${wrong && `(${wrong})`} { id } }`);
      expect(errors).toMatchObject([
        {
          message:
            'expected an id, or the id of an application and a name, or the names of account, application and environment',
          extensions: { code: 'INVALID_REQUEST' },
        },
      ]);
    }
  });

  test.each(['c4n4ry', '', 'c4n4ry\\u0000', 'c4n4ry %'])(
    'by names that are nobody’s are unknown, and the answer does not repeat them: %s',
    async (name) => {
      const args = `account: "${name}", application: "${name}", name: "${name}"`;
      const { data, errors } = await graphql<any>(app, token, `{ environment(${args}) { id } }`);
      expect(data.environment).toBeNull();
      expect(errors).toMatchObject([{ extensions: { code: 'ENVIRONMENT_NOT_FOUND' } }]);
      expect(errors?.[0]?.message).not.toContain('c4n4ry');
    },
  );
});

describe('shares', () => {
  const SHARE = 'id environmentId account { accountId name } roles createdAt updatedAt';
  const create = (input: object, as = token) =>
    write(app, as, 'createEnvironmentShare', { environmentId: world.environmentId, roles: [], ...input }, SHARE);

  test('are given to an account by its id or by its name, once', async () => {
    for (const key of ['id', 'name'] as const) {
      const guest = await createAccount(app, unique('guest'));
      const to = key === 'id' ? { accountId: guest.id } : { accountName: guest.name };
      const given = await create({ ...to, roles: ['VIEWER', 'ADMIN', 'VIEWER'] });
      expect(given).toMatchObject({
        environmentId: world.environmentId,
        account: { accountId: guest.id, name: guest.name },
      });
      expect([...given.roles].sort()).toEqual(['ADMIN', 'VIEWER']);
      expect(await create({ ...to, roles: ['DEPLOYER'] })).toMatchObject({ __typename: 'AlreadyExists' });
    }
  });

  test('need exactly one account, which is not the owner', async () => {
    const { owner, stranger } = world.people;
    for (const to of [{}, { accountId: stranger.id, accountName: stranger.name }, { accountId: owner.id }]) {
      expect(await create(to)).toMatchObject({ __typename: 'InvalidRequest' });
    }
  });

  test.each([
    { accountId: '01a20640-d042-77d8-a4fc-5bc52814913e' },
    { accountName: 'c4n4ry' },
    { accountName: 'c4n4ry\0' },
  ])('with nobody (%j) are refused as unknown account, without repeating the name', async (to) => {
    const document =
      'mutation ($input: CreateEnvironmentShareInput!) { createEnvironmentShare(input: $input) { __typename } }';
    const input = { environmentId: world.environmentId, roles: ['VIEWER'], ...to };
    const { errors } = await graphql(app, token, document, { input });
    expect(errors).toMatchObject([{ extensions: { code: 'ACCOUNT_NOT_FOUND' } }]);
    expect(errors?.[0]?.message).not.toContain('c4n4ry');
  });

  test('of one account given at once by many are one', async () => {
    const guest = await createAccount(app, unique('guest'));
    const results = await Promise.all(Array.from({ length: 5 }, () => create({ accountId: guest.id })));
    expect(results.filter(({ __typename }) => __typename === 'CreateEnvironmentSharePayload')).toHaveLength(1);
  });

  test('once ended, are unknown, and may be given anew', async () => {
    const guest = await createAccount(app, unique('guest'));
    const { id } = await create({ accountId: guest.id, roles: ['VIEWER'] });
    const end = 'mutation ($id: ID!) { deleteEnvironmentShare(input: { id: $id }) { __typename } }';
    expect((await graphql(app, token, end, { id })).errors).toBeUndefined();
    expect((await graphql(app, token, end, { id })).errors?.[0]?.extensions.code).toBe('ENVIRONMENT_SHARE_NOT_FOUND');
    const document = 'query ($id: UUID) { environment(id: $id) { id } }';
    const seen = await graphql(app, guest.token, document, { id: world.environmentId });
    expect(seen.errors?.[0]?.extensions.code).toBe('ENVIRONMENT_NOT_FOUND');
    expect(await create({ accountId: guest.id })).toMatchObject({ __typename: 'CreateEnvironmentSharePayload' });
  });
});
