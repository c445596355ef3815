// Accounts and plans: made and changed by operators, named once, and shown with how much of the plan is used.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../support/app.js';
import { canary } from '../support/canary.js';
import { ask, graphql } from '../support/graphql.js';
import { createAccountUnder, createPlan, mutate } from '../support/graphql-accounts.js';
import { createAccount, createApplication, createEnvironment, unique } from '../support/world.js';

let app: TestApp;
let operator: string;
beforeAll(async () => {
  app = await createTestApp();
  operator = app.operatorToken;
});
afterAll(() => app.close());

const UNKNOWN = '01a20640-d042-77d8-a4fc-5bc52814913e';
const FIELDS = 'id name roles plan { id name } environmentUsage { used limit } createdAt';
const create = (input: object) =>
  mutate(app, operator, 'createAccount', input, `... on CreatedAccount { secret account { ${FIELDS} } }`);
const update = async (input: object) => {
  const document = `mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { __typename ${FIELDS} } }`;
  return (await ask(app, operator, document, { input })).updateAccount;
};

test('a new account has the default plan, no roles, and a first token that works', async () => {
  const name = unique('new');
  const { account, secret } = await create({ name });
  expect(account).toMatchObject({
    name,
    roles: [],
    plan: { name: 'default' },
    environmentUsage: { used: 0, limit: 100 },
  });
  const { viewer } = await ask(app, secret, `{ viewer { ${FIELDS} tokens { edges { node { name expiresAt } } } } }`);
  expect(viewer).toEqual({ ...account, tokens: { edges: [{ node: { name: 'initial', expiresAt: null } }] } });
});

test('a new account may be given roles and a plan', async () => {
  const plan = await createPlan(app, { environments: 7 });
  const { account, secret } = await create({ name: unique('a'), roles: ['ADMIN', 'ADMIN'], planId: plan.id });
  expect(account).toMatchObject({ roles: ['ADMIN'], plan, environmentUsage: { used: 0, limit: 7 } });
  expect((await ask(app, secret, '{ plans(first: 200) { edges { node { id } } } }')).plans.edges).toContainEqual({
    node: { id: plan.id },
  });
});

test.each(['a', 'A', '0', 'a-b_c.d', 'x'.repeat(64)])('the name %s is fine', async (name) => {
  expect(await create({ name })).toMatchObject({ account: { name } });
});

const BAD_NAMES = ['', ' ', 'a b', '-a', '.a', '_a', 'x'.repeat(65), 'é', 'a/b', 'a\n', 'a\0', '\ud800', 'c4n4ry!'];
test.each(BAD_NAMES)('the name %j is refused, without repeating it', async (name) => {
  const application = { token: (await create({ name: unique('a') })).secret };
  const expected = {
    __typename: 'InvalidRequest',
    code: 'INVALID_REQUEST',
    message: expect.stringMatching(/^name: expected 1 to 64 letters, digits/),
  };
  expect(await create({ name })).toMatchObject(expected);
  expect(await mutate(app, application.token, 'createApplication', { name }, '')).toMatchObject(expected);
  expect(await mutate(app, application.token, 'createToken', { name }, '')).toMatchObject(expected);
});

test('a name belongs to one account', async () => {
  const name = unique('taken');
  await create({ name });
  expect(await create({ name })).toMatchObject({ __typename: 'AlreadyExists', code: 'ALREADY_EXISTS' });
});

test('of accounts created at once with one name exactly one is made', async () => {
  const name = unique('race');
  const results = await Promise.all(Array.from({ length: 6 }, () => create({ name })));
  expect(results.map(({ __typename }) => __typename).sort()).toEqual([
    ...Array(5).fill('AlreadyExists'),
    'CreatedAccount',
  ]);
});

test('roles and plan change from the next request on; what is absent stays', async () => {
  const { account, secret } = await create({ name: unique('a') });
  const mayList = async () => (await graphql(app, secret, '{ plans { edges { cursor } } }')).errors === undefined;
  expect(await mayList()).toBe(false);
  expect(await update({ id: account.id, roles: ['ADMIN'] })).toMatchObject({ roles: ['ADMIN'], plan: account.plan });
  expect(await mayList()).toBe(true);
  const plan = await createPlan(app, { environments: 3 });
  expect(await update({ id: account.id, planId: plan.id })).toMatchObject({ roles: ['ADMIN'], plan });
  expect(await update({ id: account.id, roles: [], planId: null })).toMatchObject({ roles: [], plan });
  expect(await mayList()).toBe(false);
});

test('an unknown account or plan is an error, and changes nothing', async () => {
  const { account } = await create({ name: unique('a') });
  const code = async (field: string, input: object) => {
    const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input`;
    const document = `mutation ($input: ${type}!) { ${field}(input: $input) { __typename } }`;
    return (await graphql(app, operator, document, { input })).errors?.[0]?.extensions.code;
  };
  expect(await code('createAccount', { name: unique('a'), planId: UNKNOWN })).toBe('PLAN_NOT_FOUND');
  expect(await code('updateAccount', { id: account.id, roles: ['ADMIN'], planId: UNKNOWN })).toBe('PLAN_NOT_FOUND');
  expect(await code('updateAccount', { id: UNKNOWN, roles: ['ADMIN'] })).toBe('ACCOUNT_NOT_FOUND');
  expect(await code('deleteAccount', { id: UNKNOWN })).toBe('ACCOUNT_NOT_FOUND');
  expect(await code('updatePlan', { id: UNKNOWN, maxEnvironments: 1 })).toBe('PLAN_NOT_FOUND');
  const { account: after } = await ask(app, operator, 'query ($id: UUID!) { account(id: $id) { roles } }', account);
  expect(after.roles).toEqual([]);
});

test('accounts are listed to operators in pages, oldest first, each once', async () => {
  const made = [];
  for (let n = 0; n < 5; n += 1) made.push((await createAccount(app, unique('listed'))).id);
  const listed: string[] = [];
  for (let after: string | null = null; ; ) {
    const { accounts }: any = await ask(
      app,
      operator,
      'query ($after: String) { accounts(first: 3, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } } }',
      { after },
    );
    listed.push(...accounts.edges.map(({ node }: any) => node.id));
    after = accounts.pageInfo.endCursor;
    if (!accounts.pageInfo.hasNextPage) break;
  }
  expect(listed).toEqual([...new Set(listed)].sort());
  expect(listed.slice(-5)).toEqual(made);
});

describe('plans', () => {
  const LIMITS = { maxEnvironments: 1, maxSecretsPerEnvironment: 2, maxValueBytes: 3 };
  const PLAN = '... on Plan { id name maxEnvironments maxSecretsPerEnvironment maxValueBytes }';
  const plan = (input: object) => mutate(app, operator, 'createPlan', { ...LIMITS, ...input }, PLAN);

  test('are created with limits given as variables, and change one limit at a time', async () => {
    const name = unique('plan');
    const created = await plan({ name });
    expect(created).toMatchObject({ name, ...LIMITS });
    const input = { id: created.id, maxEnvironments: 0, maxValueBytes: null };
    expect(await mutate(app, operator, 'updatePlan', input, PLAN)).toMatchObject({
      name,
      ...LIMITS,
      maxEnvironments: 0,
    });
    const answer = await ask(app, operator, '{ plans(first: 200) { edges { node { name maxEnvironments } } } }');
    const plans = answer.plans.edges.map(({ node }: any) => node);
    expect(plans).toContainEqual({ name, maxEnvironments: 0 });
    expect(plans.map(({ name: listed }: any) => listed)).toEqual(plans.map(({ name: listed }: any) => listed).sort());
  });

  test('have a name that is taken once and is well formed', async () => {
    const name = unique('plan');
    await plan({ name });
    expect(await plan({ name })).toMatchObject({ __typename: 'AlreadyExists' });
    expect(await plan({ name: `${canary()} !` })).toMatchObject({ __typename: 'InvalidRequest' });
  });

  test('cannot promise more than the service can hold', async () => {
    const input = { name: unique('plan'), maxEnvironments: 2 ** 31 - 1, maxValueBytes: 2 ** 31 - 1 };
    const selection = '... on InvalidRequest { problems }';
    expect(await mutate(app, operator, 'createPlan', { ...LIMITS, ...input }, selection)).toMatchObject({
      problems: [expect.stringMatching(/^maxEnvironments: /), expect.stringMatching(/^maxValueBytes: /)],
    });
  });
});

test('an account shows how many environments it has of those its plan allows', async () => {
  const owner = await createAccountUnder(app, { environments: 3 });
  const usage = async () => (await ask(app, owner.token, '{ viewer { environmentUsage { used limit } } }')).viewer;
  expect(await usage()).toEqual({ environmentUsage: { used: 0, limit: 3 } });
  const applicationId = await createApplication(app, owner.token);
  await createEnvironment(app, owner.token, applicationId);
  await createEnvironment(app, owner.token, applicationId);
  expect(await usage()).toEqual({ environmentUsage: { used: 2, limit: 3 } });
});
