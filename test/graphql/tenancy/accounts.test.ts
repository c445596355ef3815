// Accounts and plans: made and changed by operators, named once, and shown with how much of the plan is used.
import { describe, expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { createAccountUnder, createPlan, mutate, remove, write } from '../../support/graphql/accounts.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { appSuite } from '../../support/suites.js';
import { createAccount, createApplication, createEnvironment, unique } from '../../support/world.js';

const app = await appSuite();
const operator = app.operatorToken;

const UNKNOWN = '01a20640-d042-77d8-a4fc-5bc52814913e';
const FIELDS = 'id name roles plan { id name } environmentUsage { used limit } createdAt';
const create = (input: object) =>
  mutate(app, operator, 'createAccount', input, `... on CreateAccountPayload { secret account { ${FIELDS} } }`);
const update = async (input: object) => {
  const document = `mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { ... on UpdateAccountPayload { account { __typename ${FIELDS} } } } }`;
  return (await ask(app, operator, document, { input })).updateAccount.account;
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

const BAD_NAMES = ['', ' ', 'a b', '-a', '.a', '_a', 'x'.repeat(65), 'é', 'a/b', 'a\n', 'a\0', 'c4n4ry!'];
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
    'CreateAccountPayload',
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
  const PLAN = 'id name maxEnvironments maxSecretsPerEnvironment maxValueBytes';
  const plan = (input: object) => write(app, operator, 'createPlan', { ...LIMITS, ...input }, PLAN);

  test('are created with limits given as variables, and change one limit at a time', async () => {
    const name = unique('plan');
    const created = await plan({ name });
    expect(created).toMatchObject({ name, ...LIMITS });
    const input = { id: created.id, maxEnvironments: 0, maxValueBytes: null };
    expect(await write(app, operator, 'updatePlan', input, PLAN)).toMatchObject({
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

  test('are renamed, to a name that is free and well formed', async () => {
    const [one, other] = [await plan({ name: unique('plan') }), await plan({ name: unique('plan') })];
    const name = unique('renamed');
    const rename = (input: object) => write(app, operator, 'updatePlan', { id: one.id, ...input }, PLAN);
    expect(await rename({ name })).toMatchObject({ name, ...LIMITS });
    expect(await rename({ name, maxEnvironments: 9 })).toMatchObject({ name, maxEnvironments: 9 });
    expect(await rename({ name: other.name })).toMatchObject({ __typename: 'AlreadyExists' });
    expect(await rename({ name: `${canary()} !` })).toMatchObject({ __typename: 'InvalidRequest' });
    expect(await rename({ name: null })).toMatchObject({ name });
    expect(await plan({ name: one.name })).toMatchObject({ name: one.name });
  });

  test('given one name at once: one gets it, the others are told', async () => {
    const name = unique('plan');
    const made = await Promise.all([1, 2, 3].map(() => plan({ name: unique('plan') })));
    const results = await Promise.all([
      plan({ name }),
      ...made.map(({ id }) => write(app, operator, 'updatePlan', { id, name }, PLAN)),
    ]);
    const types = results.map(({ __typename }) => __typename).sort();
    expect(types).toEqual(['AlreadyExists', 'AlreadyExists', 'AlreadyExists', expect.stringMatching(/Plan/)]);
  });

  const removePlan = (id: string) => remove(app, operator, 'deletePlan', id);
  const planOf = async (id: string) => {
    const document = 'query ($id: ID!) { node(id: $id) { ... on Plan { name } } }';
    return (await ask(app, operator, document, { id })).node;
  };

  test('are deleted once no account lives under them, and their name is free again', async () => {
    const created = await plan({ name: unique('plan') });
    const { account } = await create({ name: unique('a'), planId: created.id });
    const deleted = await create({ name: unique('a'), planId: created.id });
    await ask(
      app,
      operator,
      'mutation ($id: ID!) { deleteAccount(input: { id: $id }) { __typename } }',
      deleted.account,
    );
    expect(await removePlan(created.id)).toEqual({
      __typename: 'InvalidRequest',
      code: 'INVALID_REQUEST',
      message: 'accounts live under this plan (1): give them another one first',
    });
    expect(await planOf(created.id)).toEqual({ name: created.name });
    const other = await plan({ name: unique('plan') });
    await update({ id: account.id, planId: other.id });
    expect(await removePlan(created.id)).toMatchObject({ deletedId: created.id });
    expect(await planOf(created.id)).toBeNull();
    expect(await plan({ name: created.name })).toMatchObject({ name: created.name });
    const again = 'mutation ($id: ID!) { deletePlan(input: { id: $id }) { __typename } }';
    expect((await graphql(app, operator, again, created)).errors).toMatchObject([
      { extensions: { code: 'PLAN_NOT_FOUND' } },
    ]);
  });

  test('are not deleted from under accounts that are given them at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await plan({ name: unique('plan') });
      const { account } = await create({ name: unique('a') });
      const moving =
        'mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { ... on UpdateAccountPayload { account { plan { id } } } } }';
      const creating = 'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { __typename } }';
      const [removed, moved, created] = await Promise.all([
        removePlan(id),
        graphql(app, operator, moving, { input: { id: account.id, planId: id } }),
        graphql(app, operator, creating, { input: { name: unique('a'), planId: id } }),
      ]);
      for (const { errors } of [moved, created]) {
        if (removed.__typename === 'DeletePlanPayload')
          expect(errors).toMatchObject([{ extensions: { code: 'PLAN_NOT_FOUND' } }]);
        else expect(errors?.[0]?.extensions.code ?? 'PLAN_NOT_FOUND').toBe('PLAN_NOT_FOUND');
      }
      expect(await planOf(id)).toEqual(
        removed.__typename === 'DeletePlanPayload' ? null : { name: expect.any(String) },
      );
    }
  });

  test('cannot lose the default one, nor its name; its limits change', async () => {
    const answer = await ask(app, operator, '{ plans(first: 200) { edges { node { id name } } } }');
    const { id } = answer.plans.edges.find(({ node }: any) => node.name === 'default').node;
    expect(await removePlan(id)).toMatchObject({
      __typename: 'InvalidRequest',
      message: expect.stringContaining('default'),
    });
    const rename = (name: string) => write(app, operator, 'updatePlan', { id, name }, PLAN);
    expect(await rename(unique('plan'))).toMatchObject({ __typename: 'InvalidRequest' });
    expect(await rename('default')).toMatchObject({ __typename: 'UpdatePlanPayload' });
    expect(await write(app, operator, 'updatePlan', { id, maxEnvironments: 100 }, PLAN)).toMatchObject({
      name: 'default',
      maxEnvironments: 100,
    });
  });

  test('cannot promise more values in an environment than fit into one list of them', async () => {
    const MIB = 1024 * 1024;
    const sized = (maxSecretsPerEnvironment: number, maxValueBytes: number) =>
      write(
        app,
        operator,
        'createPlan',
        { ...LIMITS, name: unique('plan'), maxSecretsPerEnvironment, maxValueBytes },
        'id',
      );
    expect(await sized(100_000, 2_684)).toMatchObject({ __typename: 'CreatePlanPayload' });
    expect(await sized(100_001, 1)).toMatchObject({ problems: ['maxSecretsPerEnvironment: expected 0 to 100000'] });
    const tooMuch = { problems: [expect.stringMatching(/^maxSecretsPerEnvironment × maxValueBytes: .*268435456/)] };
    expect(await sized(100_000, 2_685)).toMatchObject(tooMuch);
    const { id } = await sized(256, MIB);
    const change = (input: object) => write(app, operator, 'updatePlan', { id, ...input }, 'id');
    expect(await change({ maxSecretsPerEnvironment: 257 })).toMatchObject(tooMuch);
    expect(await change({ maxValueBytes: MIB + 1 })).toMatchObject(tooMuch);
    expect(await change({ maxSecretsPerEnvironment: 128, maxValueBytes: 2 * MIB })).toMatchObject({ id });
  });

  test('change by two requests at once to what either allows, never to more than both', async () => {
    const { id } = await write(
      app,
      operator,
      'createPlan',
      { name: unique('plan'), maxEnvironments: 1, maxSecretsPerEnvironment: 1_000, maxValueBytes: 1_000 },
      PLAN,
    );
    const change = (input: object) => write(app, operator, 'updatePlan', { id, ...input }, 'id');
    const results = await Promise.all([
      change({ maxSecretsPerEnvironment: 100_000 }),
      change({ maxValueBytes: 200_000 }),
    ]);
    expect(results.map(({ __typename }) => __typename).sort()).toEqual(['InvalidRequest', 'UpdatePlanPayload']);
  });

  test('cannot promise less than nothing', async () => {
    const input = { ...LIMITS, name: unique('plan'), maxEnvironments: -1 };
    expect(await write(app, operator, 'createPlan', input, 'id')).toMatchObject({
      problems: [expect.stringMatching(/^maxEnvironments: expected 0 to /)],
    });
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
