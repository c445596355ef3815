// Tokens that tokens make: each tells its parent, and a revocation can take all of them along.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../../support/app.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { createTokenAs } from '../../support/graphql/token-scopes.js';
import { createAccount, type Person, unique } from '../../support/world.js';

let app: TestApp;
let person: Person;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());
beforeEach(async () => {
  person = await createAccount(app, unique('person'));
});

interface Made {
  id: string;
  secret: string;
}

async function make(by: string, limits: object = {}): Promise<Made> {
  const { secret, token } = await createTokenAs(app, by, limits);
  return { id: token.id, secret };
}

async function list(): Promise<any[]> {
  const document = '{ viewer { tokens { edges { node { id name parentId parent { id parent { id } } } } } } }';
  return (await ask(app, person.token, document)).viewer.tokens.edges.map(({ node }: any) => node);
}

const revoke = (as: string, id: string, withDescendants?: boolean | null) =>
  graphql<any>(
    app,
    as,
    `mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { ... on RevokeTokenPayload { deletedId token { id revokedAt parent { id } } revokedDescendantCount } } }`,
    { input: { id, withDescendants } },
  );

/** Which of the tokens still work. */
async function alive(...tokens: Made[]): Promise<boolean[]> {
  const answers = await Promise.all(tokens.map(({ secret }) => graphql(app, secret, '{ viewer { id } }')));
  return answers.map(({ errors }) => errors === undefined);
}

/** `root` made `child`, which made `grandchild`; `sibling` was made by the account's first token, as `root` was. */
async function family() {
  const root = await make(person.token);
  const child = await make(root.secret);
  const grandchild = await make(child.secret, { scopes: ['REVEAL'] });
  const sibling = await make(person.token);
  return { root, child, grandchild, sibling };
}

test('a token tells the token that made it; an account’s first has none', async () => {
  const { root, child, grandchild, sibling } = await family();
  const [initial, ...made] = await list();
  expect(initial).toMatchObject({ name: 'initial', parentId: null, parent: null });
  const first = { id: initial.id, parent: null };
  expect(made).toMatchObject([
    { id: root.id, parentId: initial.id, parent: first },
    { id: child.id, parentId: root.id, parent: { id: root.id, parent: { id: initial.id } } },
    { id: grandchild.id, parentId: child.id, parent: { id: child.id, parent: { id: root.id } } },
    { id: sibling.id, parentId: initial.id, parent: first },
  ]);
});

test('a token for one environment is told its parent’s id, and nothing else of it', async () => {
  const { environmentId } = await environment();
  const limited = await make(person.token, { environmentId });
  const document = 'query ($id: ID!) { node(id: $id) { ... on Token { parentId parent { id name } } } }';
  const { node } = await ask(app, limited.secret, document, { id: limited.id });
  expect(node).toEqual({ parentId: (await list())[0].id, parent: null });
});

describe('a revocation', () => {
  test.each([undefined, null, false])(
    'alone (%s) leaves the tokens made by it, which still tell their parent',
    async (without) => {
      const { root, child, grandchild, sibling } = await family();
      const { data } = await revoke(person.token, root.id, without);
      expect(data.revokeToken).toMatchObject({ deletedId: root.id, revokedDescendantCount: 0 });
      expect(await alive(root, child, grandchild, sibling)).toEqual([false, true, true, true]);
      expect((await list())[1]).toMatchObject({ id: child.id, parentId: root.id, parent: null });
    },
  );

  test('with descendants ends them all, says how many, and ends no others', async () => {
    const { root, child, grandchild, sibling } = await family();
    const { data } = await revoke(person.token, root.id, true);
    expect(data.revokeToken).toMatchObject({ deletedId: root.id, revokedDescendantCount: 2 });
    expect(data.revokeToken.token.revokedAt).not.toBeNull();
    expect(await alive(root, child, grandchild, sibling)).toEqual([false, false, false, true]);
    expect((await list()).map(({ id }) => id)).toEqual([expect.any(String), sibling.id]);
  });

  test('reaches those behind a token that was revoked before, and does not count that one again', async () => {
    const { root, child, grandchild } = await family();
    await revoke(person.token, child.id);
    const { data } = await revoke(person.token, root.id, true);
    expect(data.revokeToken.revokedDescendantCount).toBe(1);
    expect(await alive(root, child, grandchild)).toEqual([false, false, false]);
  });

  test('by a token of itself can take its descendants along', async () => {
    const { root, child, grandchild, sibling } = await family();
    expect((await revoke(root.secret, root.id, true)).data.revokeToken.revokedDescendantCount).toBe(2);
    expect(await alive(root, child, grandchild, sibling)).toEqual([false, false, false, true]);
  });

  test('reaches tokens that are being made at the same moment: none comes behind it', async () => {
    for (let round = 0; round < 5; round += 1) {
      const root = await make(person.token);
      const child = await make(root.secret);
      const [, ...made] = await Promise.all([
        revoke(person.token, root.id, true),
        ...Array.from({ length: 8 }, () => createTokenAs(app, child.secret, {})),
      ]);
      const tokens = made.flatMap(({ secret, token }) => (secret ? [{ id: token.id, secret }] : []));
      expect(await alive(root, child, ...tokens)).toEqual([root, child, ...tokens].map(() => false));
    }
    expect(await list()).toHaveLength(1);
  });
});

async function environment(): Promise<{ environmentId: string }> {
  const { createApplication } = await ask(
    app,
    person.token,
    'mutation { createApplication(input: { name: "app" }) { ... on CreateApplicationPayload { application { id } } } }',
  );
  const { createEnvironment } = await ask(
    app,
    person.token,
    `mutation ($id: ID!) { createEnvironment(input: { applicationId: $id, name: "env" }) { ... on CreateEnvironmentPayload { environment { id } } } }`,
    { id: createApplication.application.id },
  );
  return { environmentId: createEnvironment.environment.id };
}
