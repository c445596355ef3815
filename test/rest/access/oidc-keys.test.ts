// The keys of an external issuer: fetched once, again when one is missing, and missed by nobody but those they are for.
import type { Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { OidcConfig } from '../../../src/config/oidc.js';
import { type Issuer, newKey, oidcConfig, startIssuer } from '../../support/external/issuer.js';
import { ask } from '../../support/graphql/client.js';
import { type Answer, clientOf, expectRefusal } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';

const { app } = await restSuite();
const { owner } = app.world.people;
let issuer: Issuer;
let server: Server;
const oidc = (more?: Partial<OidcConfig>) => oidcConfig(issuer, more);
beforeEach(async () => {
  issuer = await startIssuer();
  server = await app.variant(oidc());
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await issuer.close();
});

const list = (token: string, at = server) => clientOf(at, token).list(app.world.environmentId);
const login = (options: Parameters<Issuer['sign']>[1] = {}) => issuer.sign({ sub: owner.id }, options);
const statusOf = async (token: string, at = server) => (await list(token, at)).status;
const expectUnavailable = (answer: Answer) => {
  expectRefusal(answer, 503, 'UNAVAILABLE', 'The keys of the login issuer are not reachable, try again later');
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
};
/** Time passes for what is measured, not for what waits. */
const pass = (ms: number) => void vi.advanceTimersByTime(ms);
const MINUTES = 60_000;

describe('keys', () => {
  test('are fetched once for many logins at once, by the discovery document', async () => {
    const logins = await Promise.all(Array.from({ length: 20 }, () => login()));
    expect(new Set(await Promise.all(logins.map((jwt) => statusOf(jwt))))).toEqual(new Set([200]));
    expect(issuer.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  test('are fetched where the configuration says, without a discovery document', async () => {
    const direct = await app.variant(oidc({ jwksUrl: issuer.jwksUrl }));
    expect(await statusOf(await login(), direct)).toBe(200);
    expect(issuer.requests).toEqual(['/keys']);
  });

  test('are not asked for by our own tokens, nor by what has no signature', async () => {
    expect(await statusOf(owner.token)).toBe(200);
    for (const text of ['x.y', 'x..z', `${'x'.repeat(9_000)}.y.z`, 'no-such-token-of-ours']) {
      expect(await statusOf(text)).toBe(401);
    }
    expect(issuer.requests).toEqual([]);
  });

  test('are changed by the issuer at any time: a new one counts, a withdrawn one does not', async () => {
    const old = await login();
    expect(await statusOf(old)).toBe(200);
    const withdrawn = issuer.key;
    await issuer.addKey();
    pass(11_000);
    expect(await statusOf(await login())).toBe(200);
    expect(await statusOf(await login({ key: withdrawn }))).toBe(200);
    issuer.published.shift();
    pass(10 * MINUTES);
    expect(await statusOf(await login())).toBe(200);
    expect(await statusOf(await login({ key: withdrawn }))).toBe(401);
    // One that has just been used is trusted for seconds.
    await expect.poll(() => statusOf(old), { timeout: 5_000 }).toBe(401);
  });

  test('that are unknown are asked for once in ten seconds, whoever makes them up', async () => {
    expect(await statusOf(await login())).toBe(200);
    for (let again = 0; again < 5; again += 1) {
      expect(await statusOf(await login({ key: await newKey('ES256') }))).toBe(401);
    }
    expect(issuer.requests).toHaveLength(2);
    pass(11_000);
    const made = await Promise.all(Array.from({ length: 5 }, async () => login({ key: await newKey('ES256') })));
    expect(await Promise.all(made.map((jwt) => statusOf(jwt)))).toEqual(made.map(() => 401));
    expect(issuer.requests).toHaveLength(4);
  });

  test('that were fetched are good while the issuer is not there', async () => {
    const jwt = await login();
    expect(await statusOf(jwt)).toBe(200);
    issuer.answerWith(500);
    for (const later of [10 * MINUTES, 1_100, 24 * 60 * MINUTES]) {
      pass(later);
      expect(await statusOf(jwt)).toBe(200);
      expect(await statusOf(await login())).toBe(200);
    }
    // Whether this one is good only the issuer could tell.
    await issuer.addKey();
    expectUnavailable(await list(await login()));
    issuer.answerWith(undefined);
    pass(1_100);
    expect(await statusOf(await login())).toBe(200);
  });
});

describe('an issuer that is not there', () => {
  test.each<[string, (issuer: Issuer) => unknown, string]>([
    ['answers errors', (it) => it.answerWith(500), 'HTTP_500'],
    ['leads elsewhere', (it) => it.answerWith(302), 'NO_ANSWER'],
    ['is down', (it) => it.close(), 'ECONNREFUSED'],
    ['says it is another', (it) => Object.assign(it.discovery, { issuer: 'https://x.example.com' }), 'WRONG_ISSUER'],
    ['does not tell of keys', (it) => Object.assign(it.discovery, { jwks_uri: 7 }), 'NO_JWKS_URI'],
    ['has no keys where it says', (it) => Object.assign(it.discovery, { jwks_uri: `${it.url}/none` }), 'HTTP_404'],
    ['answers something else', (it) => Object.assign(it, { published: 'x' }), 'NO_KEY_SET'],
  ])('because it %s is 503 for logins and nothing to our own tokens', async (_, breakIt, code) => {
    const jwt = await login();
    breakIt(issuer);
    const logged = app.logs.length;
    expectUnavailable(await list(jwt));
    const graphql = await clientOf(server, jwt).call('POST', '/graphql', { body: { query: '{ viewer { name } }' } });
    expect([graphql.status, graphql.body.errors[0].extensions.code]).toEqual([503, 'UNAVAILABLE']);
    expect(await statusOf(owner.token)).toBe(200);
    expect(await statusOf('an-unknown-token-of-valid-form')).toBe(401);
    expect((await clientOf(server, undefined).call('GET', '/readyz')).status).toBe(200);
    const told = app.logs.slice(logged).filter((line) => line.includes('login issuer'));
    expect(JSON.parse(told[0] as string)).toMatchObject({ level: 'warn', code });
    expect(app.logs.join('\n')).not.toContain(jwt.split('.')[2]);
  });

  test('is asked once a second, whoever knocks, and counts again once it is back', async () => {
    issuer.answerWith(503);
    const jwts = await Promise.all(Array.from({ length: 10 }, () => login()));
    for (const jwt of jwts) expectUnavailable(await list(jwt));
    expect(issuer.requests.length).toBeLessThan(5);
    issuer.answerWith(undefined);
    pass(1_100);
    expect(await statusOf(jwts[0] as string)).toBe(200);
  });
});

test('a login that is used at once by many is verified and looked up once', async () => {
  const [warm, jwt] = [await login(), await login()];
  const ping = (token: string) =>
    clientOf(server, token).call('POST', '/graphql', { body: { query: '{ __typename }' } });
  await ping(warm);
  const before = app.queries();
  const answers = await Promise.all(Array.from({ length: 50 }, () => ping(jwt)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(app.queries() - before).toBe(1);
});

test('an account that is named like another’s id is not taken for it', async () => {
  const { people } = app.world;
  const named = await ask(
    app,
    app.operatorToken,
    'mutation ($name: String!) { createAccount(input: { name: $name }) { ... on CreateAccountPayload { account { name } } } }',
    { name: people.stranger.id },
  );
  expect(named.createAccount.account.name).toBe(people.stranger.id);
  const jwt = await issuer.sign({ sub: people.stranger.id });
  const { body } = await clientOf(server, jwt).call('POST', '/graphql', { body: { query: '{ viewer { name } }' } });
  expect(body.data.viewer.name).toBe(people.stranger.name);
});
