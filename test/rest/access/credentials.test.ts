// Credentials: which one counts, which forms are read, and that every failure looks the same.
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ask } from '../../support/graphql/client.js';
import { type Answer, expectRefusal, send } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createAccount, unique } from '../../support/world.js';

const { app, owner: client, token: owner, environmentId } = await restSuite();
const stranger = app.world.people.stranger.token;
const secretId: string = (await client.made(environmentId)).id;
afterEach(() => {
  vi.useRealTimers();
});

const unknown = () => `unknown_${randomBytes(16).toString('hex')}`;

function get(headers: Record<string, string>): Promise<Answer> {
  return send(app.server, { method: 'GET', path: `/v1/agent-secrets/${secretId}`, headers });
}

async function statusOf(headers: Record<string, string>): Promise<number> {
  return (await get(headers)).status;
}

/** A fresh account's token that the service has not seen yet. */
async function freshToken(expiresAt?: string) {
  const person = await createAccount(app, unique('bearer'));
  const { createToken } = await ask(
    app,
    person.token,
    'mutation ($input: CreateTokenInput!) { createToken(input: $input) { ... on CreateTokenPayload { secret token { id } } } }',
    { input: { name: 'another', ...(expiresAt ? { expiresAt } : {}) } },
  );
  return { person, token: createToken.secret as string, id: createToken.token.id as string };
}

/** A stranger to the secret, but somebody. */
const KNOWN = 404;

describe('the header', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('%s: the scheme’s casing does not matter', async (scheme) => {
    expect(await statusOf({ authorization: `${scheme} ${owner}` })).toBe(200);
  });

  test.each<[string, (token: string) => string]>([
    ['no scheme', (token) => token],
    ['Basic', (token) => `Basic ${Buffer.from(`user:${token}`).toString('base64')}`],
    ['Basic with a bare token', (token) => `Basic ${token}`],
    ['Token', (token) => `Token ${token}`],
    ['Digest', (token) => `Digest ${token}`],
    ['a scheme that begins like Bearer', (token) => `Bearers ${token}`],
    ['a scheme that ends like Bearer', (token) => `XBearer ${token}`],
    ['no space', (token) => `Bearer${token}`],
    ['a colon', (token) => `Bearer: ${token}`],
    ['the scheme alone', () => 'Bearer'],
    ['the scheme and a space', () => 'Bearer '],
    ['quotes', (token) => `Bearer "${token}"`],
    ['two tokens', (token) => `Bearer ${token} ${token}`],
    ['two tokens and a comma', (token) => `Bearer ${token}, Bearer ${token}`],
    ['a parameter', (token) => `Bearer token=${token}`],
    ['an escape', (token) => `Bearer ${token.replace('_', '%5F')}`],
    ['an empty header', () => ''],
  ])('%s is no credential', async (_, header) => {
    expectRefusal(await get({ authorization: header(owner) }), 401, 'AUTH_UNAUTHORIZED');
  });

  test('no other header and no query is read for a token', async () => {
    const headers = { 'x-api-key': owner, 'x-auth-token': owner, 'proxy-authorization': `Bearer ${owner}` };
    expect(await statusOf(headers)).toBe(401);
    const path = `/v1/agent-secrets/${secretId}?access_token=${owner}&token=${owner}`;
    expect((await app.anonymous.call('GET', path)).status).toBe(401);
  });
});

describe('the token', () => {
  test.each([
    ['too short by one', () => 'a'.repeat(15)],
    ['of 16 characters and unknown', () => randomBytes(8).toString('hex')],
    ['with a dot', (token: string) => `${token}.x`],
    ['with a slash', (token: string) => `${token}/x`],
    ['with padding', (token: string) => `${token}=`],
    ['with a letter beyond ASCII', (token: string) => `${token}é`],
    ['in upper case', (token: string) => token.toUpperCase()],
    ['cut by one', (token: string) => token.slice(0, -1)],
    ['longer by one', (token: string) => `${token}a`],
    ['very long', (token: string) => token.padEnd(8_000, 'a')],
    ['the stored hash', () => '0'.repeat(64)],
  ])('%s is no credential', async (_, made) => {
    expectRefusal(await get({ authorization: `Bearer ${made(owner)}` }), 401, 'AUTH_UNAUTHORIZED');
    expectRefusal(await get({ cookie: `GOLEM_SESSION=${made(owner)}` }), 401, 'AUTH_UNAUTHORIZED');
  });

  test('is stored as a hash only', async () => {
    const { token } = await freshToken();
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(KNOWN);
    const raise = `do $$ begin if exists (select from tokens t where position('${token}' in t::text) > 0
      or position(encode('${token}', 'hex') in t::text) > 0) then raise 'stored in the clear'; end if; end $$`;
    await app.services.db.script(raise);
    expect(app.logs.some((line) => line.includes(token))).toBe(false);
  });

  test('expired is no credential', async () => {
    const { token, id } = await freshToken();
    await app.services.db.script(`update tokens set expires_at = now() - interval '1 second' where id = '${id}'`);
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(401);
  });

  test('that expires while it is trusted is no credential from that moment on', async () => {
    const { token } = await freshToken(new Date(Date.now() + 3_600_000).toISOString());
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(KNOWN);
    vi.useFakeTimers({ now: Date.now() + 3_600_001, toFake: ['Date'] });
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(401);
  });

  test('revoked is no credential from that moment on, and the account’s others still are', async () => {
    const { person, token, id } = await freshToken();
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(KNOWN);
    await ask(app, person.token, `mutation { revokeToken(input: { id: "${id}" }) { __typename } }`);
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(401);
    expect(await statusOf({ cookie: `GOLEM_SESSION=${token}` })).toBe(401);
    expect(await statusOf({ authorization: `Bearer ${person.token}` })).toBe(KNOWN);
  });

  test('of a deleted account is no credential from that moment on', async () => {
    const { person, token } = await freshToken();
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(KNOWN);
    await ask(app, app.operatorToken, `mutation { deleteAccount(input: { id: "${person.id}" }) { __typename } }`);
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(401);
    expect(await statusOf({ authorization: `Bearer ${person.token}` })).toBe(401);
  });
});

describe('the cookie', () => {
  test('alone is a credential, for writes too', async () => {
    expect(await statusOf({ cookie: `GOLEM_SESSION=${owner}` })).toBe(200);
    const path = `/v1/agent-secrets/${secretId}`;
    const headers = { cookie: `GOLEM_SESSION=${owner}` };
    const { revision } = (await get(headers)).body;
    const answer = await send(app.server, { method: 'PATCH', path, headers, body: { currentRevision: revision } });
    expect(answer.status).toBe(200);
  });

  test.each<[string, (token: string) => string]>([
    ['before another', (token) => `GOLEM_SESSION=${token}; theme=dark`],
    ['after another', (token) => `theme=dark; GOLEM_SESSION=${token}`],
    ['between others', (token) => `a=b; GOLEM_SESSION=${token}; c=d; e=`],
    ['without spaces', (token) => `a=b;GOLEM_SESSION=${token};c=d`],
    ['beside cookies named alike', (token) => `XGOLEM_SESSION=no; GOLEM_SESSION=${token}; GOLEM_SESSION_ID=no`],
    ['beside nonsense', (token) => `=; ;; novalue; %=%; GOLEM_SESSION=${token}`],
  ])('%s is found', async (_, cookie) => {
    expect(await statusOf({ cookie: cookie(owner) })).toBe(200);
  });

  test.each<[string, (token: string) => string]>([
    ['of another name', (token) => `SESSION=${token}`],
    ['whose name ends alike', (token) => `XGOLEM_SESSION=${token}`],
    ['whose name begins alike', (token) => `GOLEM_SESSIONX=${token}`],
    ['in another casing', (token) => `golem_session=${token}`],
    ['inside another’s value', (token) => `a=GOLEM_SESSION=${token}`],
  ])('%s is none', async (_, cookie) => {
    expect(await statusOf({ cookie: cookie(owner) })).toBe(401);
  });

  test('and the header with the same token, as generated clients send them, are one credential', async () => {
    expect(await statusOf({ authorization: `Bearer ${owner}`, cookie: `GOLEM_SESSION=${owner}` })).toBe(200);
  });

  test('of valid form wins over the header', async () => {
    expect(await statusOf({ authorization: `Bearer ${stranger}`, cookie: `GOLEM_SESSION=${owner}` })).toBe(200);
    expect(await statusOf({ authorization: `Bearer ${owner}`, cookie: `GOLEM_SESSION=${stranger}` })).toBe(404);
  });

  test('of valid form wins over the header even when nobody has its token', async () => {
    expect(await statusOf({ authorization: `Bearer ${owner}`, cookie: `GOLEM_SESSION=${unknown()}` })).toBe(401);
  });

  test('of valid form wins over the header even when its token is revoked', async () => {
    const { person, token, id } = await freshToken();
    await ask(app, person.token, `mutation { revokeToken(input: { id: "${id}" }) { __typename } }`);
    expect(await statusOf({ authorization: `Bearer ${owner}`, cookie: `GOLEM_SESSION=${token}` })).toBe(401);
  });

  test.each(['', 'short', 'a'.repeat(15), 'has.a.dot.and.is.long.enough', 'a b c d e f g h i j k l m', 'ü'.repeat(20)])(
    'of invalid form (%j) falls through to the header',
    async (value) => {
      const cookie = `GOLEM_SESSION=${encodeURI(value)}`;
      expect(await statusOf({ authorization: `Bearer ${owner}`, cookie })).toBe(200);
      expect(await statusOf({ cookie })).toBe(401);
    },
  );

  test('of valid form makes up for a header of invalid form', async () => {
    expect(await statusOf({ authorization: 'Basic x', cookie: `GOLEM_SESSION=${owner}` })).toBe(200);
  });
});

test('no credential, badly formed, unknown, expired, revoked: one and the same answer', async () => {
  const { person, token, id } = await freshToken();
  await ask(app, person.token, `mutation { revokeToken(input: { id: "${id}" }) { __typename } }`);
  const expired = await freshToken();
  await app.services.db.script(`update tokens set expires_at = now() - interval '1 day' where id = '${expired.id}'`);
  const answers = [
    await get({}),
    await get({ authorization: 'Basic x' }),
    await get({ authorization: `Bearer ${unknown()}` }),
    await get({ authorization: `Bearer ${token}` }),
    await get({ authorization: `Bearer ${expired.token}` }),
    await get({ cookie: `GOLEM_SESSION=${unknown()}` }),
  ];
  const said = answers.map(({ status, text, headers: { date: _, 'x-request-id': __, ...headers } }) => ({
    status,
    text,
    headers,
  }));
  expect(said).toEqual(answers.map(() => said[0]));
  expect(said[0]?.text).toBe('{"code":"AUTH_UNAUTHORIZED","error":"Could not authenticate user using token"}');
});
