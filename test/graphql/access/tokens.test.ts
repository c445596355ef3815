// Tokens: shown once, stored as a hash, good until they end or are revoked.
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { everythingStored, mutate, remove } from '../../support/graphql/accounts.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { appSuite } from '../../support/suites.js';
import { createAccount, type Person, unique } from '../../support/world.js';

const app = await appSuite();
let person: Person;
afterEach(() => {
  vi.useRealTimers();
});

const TOKEN = 'id name createdAt expiresAt revokedAt';
const create = (input: object) =>
  mutate(
    app,
    person.token,
    'createToken',
    input,
    `... on CreateTokenPayload { secret token { ${TOKEN} } } ... on InvalidRequest { problems }`,
  );
const list = async (token = person.token) =>
  (await ask(app, token, `{ viewer { tokens { edges { node { ${TOKEN} } } } } }`)).viewer.tokens.edges.map(
    ({ node }: any) => node,
  );
/** What a request with this token is answered. */
async function answerTo(token: string): Promise<string> {
  const { data, errors } = await graphql<any>(app, token, '{ viewer { name } }');
  return errors?.[0]?.extensions.code ?? data.viewer.name;
}

describe('a token', () => {
  beforeAll(async () => {
    person = await createAccount(app, unique('person'));
  });

  test('is shown when it is made, works, and is listed without its secret part', async () => {
    const { secret, token } = await create({ name: 'ci' });
    expect(secret).toMatch(/^[A-Za-z0-9_-]{32,}$/);
    expect(token).toMatchObject({ name: 'ci', expiresAt: null, revokedAt: null });
    expect(await answerTo(secret)).toBe(person.name);
    const listed = await list();
    expect(listed.map(({ name }: { name: string }) => name)).toEqual(['initial', 'ci']);
    expect(listed[1]).toEqual(token);
    expect(JSON.stringify(listed)).not.toContain(secret);
  });

  test('is stored as a hash: no column of any table holds its secret part, in no spelling', async () => {
    const { secret } = await create({ name: 'hashed' });
    const stored = (await everythingStored(app)).join('\n');
    expect(stored).toContain('hashed');
    const random = secret.slice(secret.indexOf('_') + 1);
    const bytes = Buffer.from(random, 'base64url');
    for (const spelling of [
      random,
      Buffer.from(random).toString('hex'),
      bytes.toString('hex'),
      bytes.toString('base64'),
    ]) {
      expect(stored).not.toContain(spelling);
    }
  });

  test('is never written to the log', async () => {
    const { secret } = await create({ name: 'quiet' });
    await answerTo(secret);
    expect(app.logs.filter((line) => line.includes(secret))).toEqual([]);
  });

  test('two of one name are two', async () => {
    const [first, second] = [await create({ name: 'twin' }), await create({ name: 'twin' })];
    expect(first.secret).not.toBe(second.secret);
    expect(await answerTo(first.secret)).toBe(person.name);
    expect(await answerTo(second.secret)).toBe(person.name);
  });
});

describe('a token with an end', () => {
  test('works until then and not a moment longer, also where it has just been seen', async () => {
    person = await createAccount(app, unique('person'));
    const expiresAt = new Date(Date.now() + 60_000);
    const { secret, token } = await create({ name: 'short', expiresAt: expiresAt.toISOString() });
    const unseen = await create({ name: 'unseen', expiresAt: expiresAt.toISOString() });
    expect(token.expiresAt).toBe(expiresAt.toISOString());
    expect(await answerTo(secret)).toBe(person.name);
    vi.useFakeTimers({ toFake: ['Date'], now: expiresAt.getTime() - 1 });
    expect(await answerTo(secret)).toBe(person.name);
    vi.setSystemTime(expiresAt);
    expect(await answerTo(secret)).toBe('AUTH_UNAUTHORIZED');
    expect(await answerTo(unseen.secret)).toBe('AUTH_UNAUTHORIZED');
    expect((await list()).map(({ name }: { name: string }) => name)).toContain('short');
  });

  test.each(['2020-01-01T00:00:00Z', '0000-01-01T00:00:00Z'])('in the past (%s) is not made', async (expiresAt) => {
    person = await createAccount(app, unique('person'));
    expect(await create({ name: 'late', expiresAt })).toMatchObject({
      __typename: 'InvalidRequest',
      problems: ['expiresAt: expected a time in the future'],
    });
    expect(await list()).toHaveLength(1);
  });

  test('may end as late as time can be told', async () => {
    person = await createAccount(app, unique('person'));
    const { token } = await create({ name: 'late', expiresAt: '9999-12-31T23:59:59.999Z' });
    expect(token.expiresAt).toBe('9999-12-31T23:59:59.999Z');
    expect(await list()).toHaveLength(2);
  });
});

describe('a revoked token', () => {
  const revoke = (id: string, as = person.token) =>
    graphql<any>(
      app,
      as,
      `mutation ($id: ID!) { revokeToken(input: { id: $id }) { ... on RevokeTokenPayload { token { ${TOKEN} } } } }`,
      { id },
    );

  test('stops working at once, also where it has just been seen, and leaves the list', async () => {
    person = await createAccount(app, unique('person'));
    const { secret, token } = await create({ name: 'gone' });
    expect(await answerTo(secret)).toBe(person.name);
    const { data } = await revoke(token.id);
    expect(data.revokeToken.token).toMatchObject({ id: token.id, name: 'gone' });
    expect(Date.parse(data.revokeToken.token.revokedAt)).toBeGreaterThanOrEqual(Date.parse(token.createdAt));
    expect(await answerTo(secret)).toBe('AUTH_UNAUTHORIZED');
    expect((await list()).map(({ name }: { name: string }) => name)).toEqual(['initial']);
  });

  test('cannot be revoked again, and is as unknown as one that never was', async () => {
    person = await createAccount(app, unique('person'));
    const { token } = await create({ name: 'gone' });
    await remove(app, person.token, 'revokeToken', token.id);
    const again = await revoke(token.id);
    const never = await revoke('01a20640-d042-77d8-a4fc-5bc52814913e');
    for (const { errors } of [again, never]) expect(errors?.[0]?.extensions.code).toBe('TOKEN_NOT_FOUND');
    const code = (text: string | undefined, id: string) => text?.replace(id, 'ID');
    expect(code(again.errors?.[0]?.message, token.id)).toBe(
      code(never.errors?.[0]?.message, '01a20640-d042-77d8-a4fc-5bc52814913e'),
    );
  });

  test('may be the very one that asks for it', async () => {
    person = await createAccount(app, unique('person'));
    const { secret, token } = await create({ name: 'self' });
    expect((await revoke(token.id, secret)).errors).toBeUndefined();
    expect(await answerTo(secret)).toBe('AUTH_UNAUTHORIZED');
    expect(await answerTo(person.token)).toBe(person.name);
  });

  test('is never another account’s', async () => {
    person = await createAccount(app, unique('person'));
    const { secret, token } = await create({ name: 'mine' });
    const stranger = await createAccount(app, unique('stranger'));
    for (const as of [stranger.token, app.operatorToken]) {
      expect((await revoke(token.id, as)).errors?.[0]?.extensions.code).toBe('TOKEN_NOT_FOUND');
    }
    expect(await answerTo(secret)).toBe(person.name);
  });
});
