// What no plan limits has a fixed limit: reached exactly, refused beyond, also by requests at once, and listed in pages.
import { beforeEach, describe, expect, test } from 'vitest';
import { fillApplications, fillShares, fillTokens } from '../../support/fill.js';
import { createPlan, mutate, remove } from '../../support/graphql/accounts.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { appSuite } from '../../support/suites.js';
import { createAccount, createApplication, createEnvironment, type Person, unique } from '../../support/world.js';

const app = await appSuite();
let person: Person;
beforeEach(async () => {
  person = await createAccount(app, unique('person'));
});

const EXCEEDED = { __typename: 'LimitExceeded', code: 'LIMIT_EXCEEDED', message: expect.stringContaining('1000') };
const atOnce = async (make: () => Promise<{ __typename: string }>) =>
  (await Promise.all(Array.from({ length: 6 }, make))).map(({ __typename }) => __typename).sort();

describe('an account', () => {
  const createToken = () =>
    mutate(app, person.token, 'createToken', { name: 't' }, '... on CreateTokenPayload { token { id } }');
  const createOne = () =>
    mutate(
      app,
      person.token,
      'createApplication',
      { name: unique('a') },
      '... on CreateApplicationPayload { application { id } }',
    );

  test('has 1,000 tokens at most, its first one among them; a revoked one makes room', async () => {
    await fillTokens(app, person.id, 998);
    const { token } = await createToken();
    expect(await createToken()).toEqual(EXCEEDED);
    await remove(app, person.token, 'revokeToken', token.id);
    expect(await createToken()).toMatchObject({ __typename: 'CreateTokenPayload' });
  });

  test('is not kept from new tokens by those that have ended by themselves', async () => {
    await fillTokens(app, person.id, 1_000, "now() - interval '1 second'");
    expect(await createToken()).toMatchObject({ __typename: 'CreateTokenPayload' });
  });

  test('has 1,000 tokens at most, however many are asked for at once', async () => {
    await fillTokens(app, person.id, 997);
    expect(await atOnce(createToken)).toEqual([
      ...Array(2).fill('CreateTokenPayload'),
      ...Array(4).fill('LimitExceeded'),
    ]);
  });

  test('has 1,000 applications at most; a deleted one makes room, and a taken name is told first', async () => {
    await fillApplications(app, person.id, 999);
    const { application } = await createOne();
    expect(await createOne()).toEqual(EXCEEDED);
    expect(await mutate(app, person.token, 'createApplication', { name: 'filler1' }, '')).toMatchObject({
      __typename: 'AlreadyExists',
    });
    await remove(app, person.token, 'deleteApplication', application.id);
    expect(await createOne()).toMatchObject({ __typename: 'CreateApplicationPayload' });
  });

  test('has 1,000 applications at most, however many are asked for at once', async () => {
    await fillApplications(app, person.id, 998);
    expect(await atOnce(createOne)).toEqual([
      ...Array(2).fill('CreateApplicationPayload'),
      ...Array(4).fill('LimitExceeded'),
    ]);
  });

  test('lists its tokens in pages, oldest first, each once', async () => {
    for (let n = 0; n < 4; n += 1) await createToken();
    const listed: string[] = [];
    for (let after: string | null = null; ; ) {
      const { viewer }: any = await ask(
        app,
        person.token,
        `query ($after: String) { viewer { tokens(first: 2, after: $after) {
          edges { node { id name } } pageInfo { hasNextPage endCursor }
        } } }`,
        { after },
      );
      listed.push(...viewer.tokens.edges.map(({ node }: any) => node.id));
      after = viewer.tokens.pageInfo.endCursor;
      if (!viewer.tokens.pageInfo.hasNextPage) break;
    }
    expect(listed).toEqual([...new Set(listed)].sort());
    expect(listed).toHaveLength(5);
  });
});

describe('an environment', () => {
  const createShare = async (environmentId: string) => {
    const { id } = await createAccount(app, unique('guest'));
    const input = { environmentId, accountId: id, roles: ['VIEWER'] };
    return mutate(
      app,
      person.token,
      'createEnvironmentShare',
      input,
      '... on CreateEnvironmentSharePayload { environmentShare { id } }',
    );
  };
  const environment = async () => createEnvironment(app, person.token, await createApplication(app, person.token));

  test('has 1,000 shares at most; a deleted one makes room', async () => {
    const here = await environment();
    await fillShares(app, here, 999);
    const { environmentShare } = await createShare(here);
    expect(await createShare(here)).toEqual(EXCEEDED);
    expect(await createShare(await environment())).toMatchObject({ __typename: 'CreateEnvironmentSharePayload' });
    await remove(app, person.token, 'deleteEnvironmentShare', environmentShare.id);
    expect(await createShare(here)).toMatchObject({ __typename: 'CreateEnvironmentSharePayload' });
  });

  test('has 1,000 shares at most, however many are asked for at once', async () => {
    const here = await environment();
    await fillShares(app, here, 998);
    expect(await atOnce(() => createShare(here))).toEqual([
      ...Array(2).fill('CreateEnvironmentSharePayload'),
      ...Array(4).fill('LimitExceeded'),
    ]);
  });
});

test('plans are listed in pages by name, each once', async () => {
  for (let n = 0; n < 4; n += 1) await createPlan(app, {});
  const listed: string[] = [];
  for (let after: string | null = null; ; ) {
    const { plans }: any = await ask(
      app,
      app.operatorToken,
      'query ($after: String) { plans(first: 2, after: $after) { edges { node { name } } pageInfo { hasNextPage endCursor } } }',
      { after },
    );
    listed.push(...plans.edges.map(({ node }: any) => node.name));
    after = plans.pageInfo.endCursor;
    if (!plans.pageInfo.hasNextPage) break;
  }
  expect(listed).toEqual([...new Set(listed)].sort());
  expect(listed).toHaveLength(5);
});

test.each(['last: 1', 'before: "x"', 'after: "x"', 'first: 201'])(
  'pages of tokens and plans refuse %s',
  async (args) => {
    const documents = [
      `{ viewer { tokens(${args}) { edges { cursor } } } }`,
      `{ plans(${args}) { edges { cursor } } }`,
    ];
    for (const document of documents) {
      const { errors } = await graphql(app, app.operatorToken, document);
      expect(errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
    }
  },
);
