// The email of an account: optional, unique in any case, given and taken by operators only.
import { describe, expect, test } from 'vitest';
import { mutate, remove } from '../../support/graphql/accounts.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { appSuite } from '../../support/suites.js';
import { createAccount, unique } from '../../support/world.js';

const app = await appSuite();
const operator = app.operatorToken;

const FIELDS = 'id name email roles';
const mail = () => `${unique('ada')}@example.com`;
const create = (input: object, token = operator) =>
  mutate(app, token, 'createAccount', input, `... on CreateAccountPayload { secret account { ${FIELDS} } }`);
const UPDATE = `mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { ... on UpdateAccountPayload { account { ${FIELDS} } } ... on Refusal { code message } } }`;
const update = (input: object, token = operator) => graphql(app, token, UPDATE, { input });
const changed = async (input: object) => (await ask(app, operator, UPDATE, { input })).updateAccount.account;
const emailOf = async (token: string) => (await ask(app, token, '{ viewer { email } }')).viewer.email;

const TAKEN = { code: 'ALREADY_EXISTS', message: 'An account with this email already exists' };

test('an account has no email unless it is given one, which it is shown', async () => {
  expect(await emailOf((await create({ name: unique('a') })).secret)).toBeNull();
  const email = mail();
  const { account, secret } = await create({ name: unique('a'), email });
  expect(account.email).toBe(email);
  expect(await emailOf(secret)).toBe(email);
});

test('an email is changed and removed; absent, it stays', async () => {
  const { account, secret } = await create({ name: unique('a') });
  const [first, second] = [mail(), mail()];
  expect(await changed({ id: account.id, email: first })).toMatchObject({ email: first, roles: [] });
  expect(await changed({ id: account.id, roles: ['ADMIN'] })).toMatchObject({ email: first, roles: ['ADMIN'] });
  expect(await changed({ id: account.id, email: first.toUpperCase(), roles: [] })).toMatchObject({ email: first });
  expect(await changed({ id: account.id, email: second })).toMatchObject({ email: second, roles: [] });
  expect(await changed({ id: account.id, email: null })).toMatchObject({ email: null, roles: [] });
  expect(await emailOf(secret)).toBeNull();
});

test('an email is kept in lower case, and belongs to one account in any case', async () => {
  const email = mail();
  expect((await create({ name: unique('a'), email: email.toUpperCase() })).account.email).toBe(email);
  expect(await create({ name: unique('a'), email: email.replace('a', 'A') })).toEqual({
    __typename: 'AlreadyExists',
    ...TAKEN,
  });
  const { account, secret } = await create({ name: unique('a') });
  const { data } = await update({ id: account.id, email: email.toUpperCase(), roles: ['ADMIN'] });
  expect(data.updateAccount).toEqual(TAKEN);
  expect((await ask(app, secret, `{ viewer { ${FIELDS} } }`)).viewer).toEqual(account);
});

test('what an account gave up, or a deleted one had, is free again', async () => {
  const email = mail();
  const { account: first } = await create({ name: unique('a'), email });
  await changed({ id: first.id, email: null });
  const { account: second } = await create({ name: unique('a'), email });
  await remove(app, operator, 'deleteAccount', second.id);
  expect(await changed({ id: first.id, email })).toMatchObject({ email });
});

test('a name that is taken is told before an email that is', async () => {
  const { account } = await create({ name: unique('a'), email: mail() });
  const { name, email } = account;
  expect(await create({ name, email })).toMatchObject({ message: `Account ${name} already exists` });
});

test.each(['initial@user', 'a.b+c-d_e@x.y.example', "o'neil@example.com", `${'x'.repeat(250)}@y.z`])(
  'the email %s is fine',
  async (email) => {
    const { account } = await create({ name: unique('a'), email });
    expect(account.email).toBe(email);
    await remove(app, operator, 'deleteAccount', account.id);
  },
);

const BAD = [
  '',
  '@',
  'c4n4ry',
  'c4n4ry@',
  '@c4n4ry',
  'a@b@c4n4ry',
  'c4n4ry @x',
  'c4n4ry@x\n',
  'c4n4ry\0@x',
  'c4n4ryé@x',
];
test.each([...BAD, `${'c4n4ry'.padEnd(253, 'x')}@y`])(
  'the email %j is refused, without repeating it',
  async (email) => {
    const message = 'email: expected an address such as ada@example.com, in ASCII, of 254 characters at most';
    expect(await create({ name: unique('a'), email })).toEqual({
      __typename: 'InvalidRequest',
      code: 'INVALID_REQUEST',
      message,
    });
    const { id } = await createAccount(app, unique('a'));
    expect((await update({ id, email })).data).toEqual({ updateAccount: { message, code: 'INVALID_REQUEST' } });
  },
);

test('no account gives itself an email', async () => {
  const { account, secret } = await create({ name: unique('a') });
  const { errors } = await update({ id: account.id, email: mail() }, secret);
  expect(errors).toMatchObject([{ extensions: { code: 'AUTH_FORBIDDEN' } }]);
  expect(await emailOf(secret)).toBeNull();
});

describe('of writers at once with one email exactly one gets it', () => {
  const outcome = ({ data, errors }: any) => errors?.[0]?.extensions.code ?? Object.values<any>(data)[0].code ?? 'ok';

  test('whether they create or change accounts', async () => {
    for (let round = 0; round < 5; round += 1) {
      const email = mail();
      const ids = await Promise.all([1, 2, 3].map(async () => (await createAccount(app, unique('a'))).id));
      const CREATE =
        'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { ... on Refusal { code } } }';
      const answers = await Promise.all([
        ...ids.map((id) => update({ id, email })),
        ...[1, 2, 3].map(() => graphql(app, operator, CREATE, { input: { name: unique('a'), email } })),
      ]);
      const outcomes = answers.map(outcome);
      expect(outcomes.filter((one) => one === 'ok')).toHaveLength(1);
      expect(outcomes.filter((one) => one === 'ALREADY_EXISTS')).toHaveLength(5);
    }
  });
});
