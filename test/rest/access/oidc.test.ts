// Logins of an external issuer: which count, whose they are, what they may, and how long.
import { createHmac } from 'node:crypto';
import type { Server } from 'node:http';
import { exportSPKI, importJWK, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OidcConfig } from '../../../src/config/oidc.js';
import {
  AUDIENCE,
  CRITICAL,
  type Issuer,
  newKey,
  oidcConfig,
  seconds,
  startIssuer,
} from '../../support/external/issuer.js';
import { remove } from '../../support/graphql/accounts.js';
import { ask } from '../../support/graphql/client.js';
import { createTokenAs } from '../../support/graphql/token-scopes.js';
import { clientOf, expectRefusal, place } from '../../support/rest/app.js';
import { DOORS } from '../../support/streams/changes.js';
import { addressOf } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';
import { createAccount, unique } from '../../support/world.js';

const { app, environmentId } = await restSuite();
const { owner } = app.world.people;
let issuer: Issuer;
let server: Server;
const oidc = (more?: Partial<OidcConfig>) => oidcConfig(issuer, more);
beforeAll(async () => {
  issuer = await startIssuer();
  server = await app.variant(oidc());
});
afterAll(() => issuer.close());

/** Whose login it is for GraphQL, or the code of the refusal; and the status of a list in REST. */
async function seen(jwt: string | undefined, at: Server = server, headers: Record<string, string> = {}) {
  const client = clientOf(at, jwt);
  const asked = await client.call('POST', '/graphql', { headers, body: { query: '{ viewer { name } }' } });
  const { status } = await client.call('GET', `/v1/envs/${environmentId}/agent-secrets`, { headers });
  return [asked.body.errors?.[0].extensions.code ?? asked.body.data?.viewer.name ?? asked.body.code, status];
}
const in401 = ['AUTH_UNAUTHORIZED', 401];

describe('a login', () => {
  test.each([
    ['the id', () => owner.id],
    ['the id in upper case', () => owner.id.toUpperCase()],
    ['the name', () => owner.name],
  ])('is the account’s whose %s the claim tells, through both doors', async (_, sub) => {
    expect(await seen(await issuer.sign({ sub: sub() }))).toEqual([owner.name, 200]);
  });

  test('may name the account by another claim', async () => {
    const other = await app.variant(oidc({ accountClaim: 'https://example.com/account' }));
    const jwt = await issuer.sign({ sub: app.world.people.stranger.id, 'https://example.com/account': owner.name });
    expect(await seen(jwt, other)).toEqual([owner.name, 200]);
    expect(await seen(jwt)).toEqual([app.world.people.stranger.name, 404]);
  });

  test.each(['RS256', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'])('may be signed with %s', async (alg) => {
    const own = await startIssuer();
    try {
      await own.addKey(alg);
      const at = await app.variant(oidc({ issuer: own.url }));
      expect(await seen(await own.sign({ sub: owner.id }), at)).toEqual([owner.name, 200]);
    } finally {
      await own.close();
    }
  });

  test('may be for several audiences, and be an access token', async () => {
    const jwt = await issuer.sign({ sub: owner.id, aud: ['another', AUDIENCE] }, { header: { typ: 'at+jwt' } });
    expect(await seen(jwt)).toEqual([owner.name, 200]);
  });

  test('writes and opens values as its account, and without a token', async () => {
    const client = clientOf(server, await issuer.sign({ sub: owner.id }));
    const { id } = await client.made(environmentId, { secretValue: 'seen' });
    expect((await client.get(id)).body.secretValue).toBe('seen');
    const document = `query ($env: UUID, $id: UUID!) {
      environment(id: $env) { reads(filter: { agentSecretId: $id }) { edges { node { tokenId by { accountId } } } } } }`;
    const { environment } = await ask(app, owner.token, document, { env: environmentId, id });
    expect(environment.reads.edges).toEqual([{ node: { tokenId: null, by: { accountId: owner.id } } }]);
  });

  test('has the account’s roles', async () => {
    const query = '{ accounts { edges { node { id } } } }';
    const as = async (sub: string) =>
      (await clientOf(server, await issuer.sign({ sub })).call('POST', '/graphql', { body: { query } })).body;
    expect((await as(app.world.people.operator.id)).errors).toBeUndefined();
    expect((await as(owner.id)).errors[0].extensions.code).toBe('AUTH_FORBIDDEN');
  });

  test('that may not be shown values has no idempotency key in common with another, but with itself', async () => {
    const at = await app.variant(oidc({ accountClaim: 'https://example.com/account', scopesClaim: 'scope' }));
    const input = {
      environmentId,
      path: [place()],
      secretType: { type: 'Str' },
      secretValue: 'guessed',
      idempotencyKey: place(),
    };
    const query = `mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) {
      __typename ... on Refusal { code } } }`;
    async function create(sub: string | undefined) {
      const claims = { 'https://example.com/account': owner.name, scope: 'write' };
      const jwt = await issuer.sign(sub === undefined ? claims : { sub, ...claims });
      const { body } = await clientOf(at, jwt).call('POST', '/graphql', { body: { query, variables: { input } } });
      return body.data?.createAgentSecret;
    }
    expect(await create('one')).toEqual({ __typename: 'CreateAgentSecretPayload' });
    expect(await create('one')).toEqual({ __typename: 'CreateAgentSecretPayload' });
    expect(await create('another')).toMatchObject({ code: 'AGENT_SECRET_ALREADY_EXISTS' });
    expect(await create(undefined)).toMatchObject({ code: 'INVALID_REQUEST' });
  });

  test('is nothing where no issuer is configured', async () => {
    const before = issuer.requests.length;
    expect(await seen(await issuer.sign({ sub: owner.id }), app.server)).toEqual(in401);
    expect(issuer.requests.length).toBe(before);
  });

  test('does not count in the cookie, and a cookie of valid form wins over it in REST alone', async () => {
    const jwt = await issuer.sign({ sub: owner.id });
    expect(await seen(undefined, server, { cookie: `GOLEM_SESSION=${jwt}` })).toEqual(in401);
    expect(await seen(jwt, server, { cookie: `GOLEM_SESSION=${'x'.repeat(20)}` })).toEqual([owner.name, 401]);
    const stranger = app.world.people.stranger;
    expect(await seen(jwt, server, { cookie: `GOLEM_SESSION=${stranger.token}` })).toEqual([owner.name, 404]);
  });

  test('does not keep our own tokens out', async () => {
    expect(await seen(owner.token)).toEqual([owner.name, 200]);
  });
});

describe('a login is refused like any other wrong credential', () => {
  const b64 = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url');
  const claims = (): JWTPayload => ({
    iss: issuer.url,
    aud: AUDIENCE,
    iat: seconds(),
    exp: seconds(300),
    sub: owner.id,
  });
  const login = (more: object, header: object = {}) =>
    issuer.sign({ sub: owner.id, ...more }, { header: header as Record<string, unknown> });
  const hmac = (secret: string | Buffer) => {
    const text = `${b64({ alg: 'HS256', kid: issuer.key.kid, typ: 'JWT' })}.${b64(claims())}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };

  const REFUSED: Record<string, () => string | Promise<string>> = {
    'of an unknown name': () => login({ sub: unique('nobody') }),
    'of an unknown id': () => login({ sub: '01a20640-d042-77d8-a4fc-5bc52814913e' }),
    'without the account’s claim': () => login({ sub: undefined }),
    'with a claim inherited from nowhere': () => login({ sub: 'toString' }),
    'with an account that is a list': () => login({ sub: [owner.id] as never }),
    'with an account that is a number': () => login({ sub: 7 as never }),
    'with U+0000 in the account': () => login({ sub: `${owner.name}\0` }),
    'of another issuer': () => login({ iss: 'https://evil.example.com' }),
    'of an issuer that is spelt otherwise': () => login({ iss: `${issuer.url}/` }),
    'of a list of issuers': () => login({ iss: [issuer.url] as never }),
    'for another audience': () => login({ aud: 'another' }),
    'for audiences without ours': () => login({ aud: ['another', `${AUDIENCE}2`] }),
    'for no audience': () => login({ aud: undefined }),
    'without an end': () => login({ exp: undefined }),
    'whose end is no number': () => login({ exp: String(seconds(300)) as never }),
    'that has ended': () => login({ exp: seconds(-40) }),
    'that has not begun': () => login({ nbf: seconds(60) }),
    'signed by somebody else under a known key id': async () =>
      issuer.sign(claims(), { key: { ...(await newKey('ES256')), kid: issuer.key.kid } }),
    'signed by somebody else under an unknown key id': async () =>
      issuer.sign(claims(), { key: await newKey('ES256') }),
    'with a key id that leads elsewhere': () => login({}, { kid: '../../../dev/null' }),
    'with a key id that is an object': () => login({}, { kid: {} as never }),
    'with a key of its own in the header': async () => {
      const key = await newKey('ES256');
      return issuer.sign(claims(), { key, header: { jwk: key.publicJwk, kid: undefined } });
    },
    'with the address of other keys in the header': async () =>
      issuer.sign(claims(), {
        key: await newKey('ES256'),
        header: { jku: `${issuer.url}/evil`, x5u: `${issuer.url}/evil` },
      }),
    'with another algorithm than its key’s': async () =>
      issuer.sign(claims(), { key: { ...(await newKey('RS256')), kid: issuer.key.kid } }),
    'with claims that were changed': async () => {
      const [header, , signature] = (await login({ sub: app.world.people.stranger.id })).split('.');
      return `${header}.${b64(claims())}.${signature}`;
    },
    'without a signature': async () => `${(await login({})).split('.').slice(0, 2).join('.')}.`,
    'with the algorithm none': () => `${b64({ alg: 'none' })}.${b64(claims())}.`,
    'with the algorithm none and a signature': () =>
      `${b64({ alg: 'nOnE', kid: issuer.key.kid })}.${b64(claims())}.AAAA`,
    'signed with the public key as a shared secret': async () =>
      hmac(await exportSPKI((await importJWK(issuer.key.publicJwk)) as never)),
    'signed with the public key’s JSON as a shared secret': () => hmac(JSON.stringify(issuer.key.publicJwk)),
    'signed with nothing as a shared secret': () => hmac(Buffer.alloc(0)),
    'that is a logout': () => login({}, { typ: 'logout+jwt' }),
    'with a critical header nobody knows': () => login({}, { crit: [CRITICAL], [CRITICAL]: 1 }),
    'that is longer than 8 KiB': () => login({ filling: 'x'.repeat(8_192) }),
    'that is encrypted': () => `${b64({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`,
    'of empty parts': () => '..',
    'of rubbish': () => 'eyJhbGciOiJFUzI1NiJ9.rubbish.rubbish',
    'whose claims are no object': async () => `${(await login({})).split('.')[0]}.${b64([1])}.AAAA`,
  };

  test.each(Object.entries(REFUSED))('%s', async (_, make) => {
    const jwt = await make();
    const client = clientOf(server, jwt);
    const none = clientOf(server, 'an-unknown-token-of-valid-form');
    const path = `/v1/envs/${environmentId}/agent-secrets`;
    const body = { query: '{ viewer { name } }' };
    const [rest, graphql] = [await client.call('GET', path), await client.call('POST', '/graphql', { body })];
    const [otherRest, otherGraphql] = [await none.call('GET', path), await none.call('POST', '/graphql', { body })];
    expectRefusal(rest, 401, 'AUTH_UNAUTHORIZED', 'Could not authenticate user using token');
    const told = ({ status, text, headers }: typeof rest) => [status, text, headers['www-authenticate']];
    expect(told(rest)).toEqual(told(otherRest));
    expect(told(graphql)).toEqual(told(otherGraphql));
    expect(issuer.requests).not.toContain('/evil');
  });

  test.concurrent('of an account that has been deleted, within seconds', async ({ expect }) => {
    const person = await createAccount(app, unique('person'));
    const [byId, byName] = [await issuer.sign({ sub: person.id }), await issuer.sign({ sub: person.name })];
    for (const jwt of [byId, byName]) expect(await seen(jwt)).toEqual([person.name, 404]);
    await remove(app, app.operatorToken, 'deleteAccount', person.id);
    for (const jwt of [byId, byName]) await expect.poll(() => seen(jwt), { timeout: 5_000 }).toEqual(in401);
  });

  test.concurrent('when it ends, also one that has just been used', async ({ expect }) => {
    const exact = await app.variant(oidc({ clockTolerance: 0 }));
    const jwt = await issuer.sign({ sub: owner.id, exp: seconds(3) });
    expect(await seen(jwt, exact)).toEqual([owner.name, 200]);
    await expect.poll(() => seen(jwt, exact), { timeout: 6_000 }).toEqual(in401);
    expect(Date.now()).toBeGreaterThanOrEqual(
      JSON.parse(Buffer.from(jwt.split('.')[1] as string, 'base64url').toString()).exp * 1_000,
    );
  });

  test('by an exact clock where none may differ', async () => {
    const exact = await app.variant(oidc({ clockTolerance: 0 }));
    for (const [claim, from] of [
      ['exp', -10],
      ['nbf', 10],
    ] as const) {
      const jwt = await issuer.sign({ sub: owner.id, [claim]: seconds(from) });
      expect(await seen(jwt, exact)).toEqual(in401);
      expect(await seen(jwt)).toEqual([owner.name, 200]);
    }
  });
});

describe('the scopes of a login', () => {
  let limited: Server;
  beforeAll(async () => {
    limited = await app.variant(oidc({ scopesClaim: 'scope' }));
  });
  const may = async (jwt: string) => {
    const client = clientOf(limited, jwt);
    const secret = { path: [unique('s').replace('-', '')], secretType: { type: 'Str' } };
    const mutation = 'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename } }';
    const variables = { input: { environmentId, ...secret } };
    const token = `mutation { createToken(input: { name: "made" }) { ... on CreateTokenPayload { token { scopes } } } }`;
    const codes = [];
    for (const body of [{ query: '{ viewer { name } }' }, { query: mutation, variables }, { query: token }]) {
      const answer = (await client.call('POST', '/graphql', { body })).body;
      codes.push(answer.errors?.[0].extensions.code ?? answer.data.createToken?.token.scopes ?? 'ok');
    }
    return [...codes, (await client.list(environmentId)).status];
  };
  const no = 'AUTH_FORBIDDEN';

  test.each<[unknown, unknown[]]>([
    ['openid metadata profile', ['ok', no, no, 403]],
    ['reveal', ['ok', no, no, 200]],
    ['write', ['ok', 'ok', no, 403]],
    [
      ['reveal', 'write'],
      ['ok', 'ok', no, 200],
    ],
    ['admin', ['ok', no, ['METADATA', 'ADMIN'], 403]],
    ['reveal write admin', ['ok', 'ok', ['METADATA', 'REVEAL', 'WRITE', 'ADMIN'], 200]],
    ['REVEAL Write revealing', ['ok', no, no, 403]],
    ['', ['ok', no, no, 403]],
    [undefined, ['ok', no, no, 403]],
    [null, ['ok', no, no, 403]],
    [{ reveal: true }, ['ok', no, no, 403]],
    [
      [['reveal'], 1, null],
      ['ok', no, no, 403],
    ],
  ])('are those of ours in the claim: %j', async (scope, allowed) => {
    expect(await may(await issuer.sign({ sub: owner.id, scope }))).toEqual(allowed);
  });
});

describe('a token that a login makes', () => {
  async function make(input: object) {
    const exp = seconds(300);
    const query = `mutation ($input: CreateTokenInput!) { createToken(input: $input) {
      ... on CreateTokenPayload { secret token { parentId expiresAt } } ... on InvalidRequest { problems } } }`;
    const client = clientOf(server, await issuer.sign({ sub: owner.id, exp }));
    const { body } = await client.call('POST', '/graphql', { body: { query, variables: { input } } });
    const { secret, token, problems } = body.data.createToken;
    return { secret, token, problems, end: new Date(exp * 1_000).toISOString() };
  }
  const later = new Date(Date.now() + 86_400_000).toISOString();

  test.each([{}, { expiresAt: null }, { outlivesLogin: null }, { outlivesLogin: false }])(
    'ends with it, unless it asks for more: %j',
    async (input) => {
      const { token, end } = await make({ name: 'brief', ...input });
      expect(token).toEqual({ parentId: null, expiresAt: end });
    },
  );

  test('lives until the time that was asked for, before or behind the end of the login', async () => {
    const sooner = new Date(Date.now() + 60_000).toISOString();
    expect((await make({ name: 'sooner', expiresAt: sooner })).token.expiresAt).toBe(sooner);
    expect((await make({ name: 'later', expiresAt: later })).token.expiresAt).toBe(later);
    expect((await make({ name: 'later', expiresAt: later, outlivesLogin: true })).token.expiresAt).toBe(later);
  });

  test('never ends where that was asked for by name', async () => {
    expect((await make({ name: 'lasting', outlivesLogin: true })).token.expiresAt).toBeNull();
  });

  test('is refused where its time contradicts its name', async () => {
    const { problems } = await make({ name: 'both', expiresAt: later, outlivesLogin: false });
    expect(problems).toEqual(['expiresAt: expected a time before the login ends, because outlivesLogin is false']);
  });

  test('makes no token that ends later than itself, whatever that asks for', async () => {
    const { secret, end } = await make({ name: 'brief' });
    const made = (input: object) => createTokenAs(app, secret, input as Parameters<typeof createTokenAs>[2]);
    expect((await made({ outlivesLogin: true })).token.expiresAt).toBe(end);
    expect(await made({ outlivesLogin: true, expiresAt: later })).toEqual({ code: 'AUTH_FORBIDDEN' });
  });
});

describe.concurrent.each(DOORS)('a stream over $name', (door) => {
  test('ends when the login does', async () => {
    const exact = await app.variant(oidc({ clockTolerance: 0 }));
    const jwt = await issuer.sign({ sub: owner.id, exp: seconds(3) });
    const stream = await door.watch(addressOf(exact), jwt, { environmentId, after: null });
    try {
      expect(stream.status).toBe(200);
      const events = await stream.rest();
      expect(JSON.stringify(events.at(-1)?.data ?? events.at(-2)?.data)).toContain('AUTH_UNAUTHORIZED');
    } finally {
      stream.close();
    }
  });
});
