// The account role admin: somebody always has it, whoever gives it up or is deleted, and at the same moment.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../../support/app.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { createAccount, type Person, unique } from '../../support/world.js';

let app: TestApp;
/** The only account with the role admin, so far. */
let first: Person;
beforeEach(async () => {
  app = await createTestApp();
  const { viewer } = await ask(app, app.operatorToken, '{ viewer { id name } }');
  first = { ...viewer, token: app.operatorToken };
});
afterEach(() => app?.close());

const setRoles = (by: Person, of: Person, roles: string[]) =>
  graphql<any>(
    app,
    by.token,
    'mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { ... on UpdateAccountPayload { account { roles } } ... on Refusal { code message } } }',
    {
      input: { id: of.id, roles },
    },
  );
const remove = (by: Person, of: Person) =>
  graphql<any>(
    app,
    by.token,
    'mutation ($id: ID!) { deleteAccount(input: { id: $id }) { ... on Refusal { code message } } }',
    {
      id: of.id,
    },
  );
const codeOf = ({ data, errors }: Awaited<ReturnType<typeof setRoles>>) =>
  errors?.[0]?.extensions.code ?? Object.values<any>(data)[0]?.code ?? 'OK';
/** Whether each may do what only admins may. */
const areAdmins = (people: Person[]) =>
  Promise.all(
    people.map(async ({ token }) => codeOf(await graphql(app, token, '{ accounts { edges { cursor } } }')) === 'OK'),
  );

const LAST = {
  updateAccount: { message: 'the last account with the role admin keeps it', code: 'INVALID_REQUEST' },
};

test('the last one keeps the role; one of two may give it up', async () => {
  expect((await setRoles(first, first, [])).data).toEqual(LAST);
  expect(await areAdmins([first])).toEqual([true]);
  expect((await setRoles(first, first, ['ADMIN'])).data).toEqual({
    updateAccount: { account: { roles: ['ADMIN'] } },
  });
  const second = await createAccount(app, unique('admin'), ['ADMIN']);
  expect(codeOf(await setRoles(first, first, []))).toBe('OK');
  expect(await areAdmins([first, second])).toEqual([false, true]);
  expect((await setRoles(second, second, [])).data).toEqual(LAST);
});

test('a deleted account does not count', async () => {
  const second = await createAccount(app, unique('admin'), ['ADMIN']);
  expect(codeOf(await remove(first, second))).toBe('OK');
  expect((await setRoles(first, first, [])).data).toEqual(LAST);
});

test.each<[string, (by: Person, other: Person) => ReturnType<typeof setRoles>]>([
  ['give the role up', (by) => setRoles(by, by, [])],
  ['take it from each other', (by, other) => setRoles(by, other, [])],
  ['delete each other', remove],
])('of two that %s at the same moment one remains', async (_, act) => {
  let admin = first;
  for (let round = 0; round < 8; round += 1) {
    const second = await createAccount(app, unique('admin'), ['ADMIN']);
    // Both are known here already: nobody is slowed down by the look-up of a token.
    expect(await areAdmins([admin, second])).toEqual([true, true]);
    const codes = (await Promise.all([act(admin, second), act(second, admin)])).map(codeOf);
    expect(codes.filter((code) => code === 'OK')).toHaveLength(1);
    const [isFirst, isSecond] = await areAdmins([admin, second]);
    expect([isFirst, isSecond].filter(Boolean)).toHaveLength(1);
    if (isSecond) admin = second;
    // Who creates the next one.
    app.operatorToken = admin.token;
  }
});
