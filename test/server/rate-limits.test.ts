// Limits of requests: by address and by account, on every page and document, and of credentials that are not valid.
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { loadConfig } from '../../src/config/config.js';
import { limitFailedCredentials } from '../../src/server/callers/failed-credentials.js';
import { tokenWith } from '../support/graphql/token-scopes.js';
import { createRestApp, expectRefusal, type RestApp, send } from '../support/rest/app.js';

let app: RestApp;
beforeAll(async () => {
  app = await createRestApp();
});
afterAll(() => app.close());
afterEach(() => {
  vi.useRealTimers();
});

/** A read of nothing in particular, from any address. */
const read = (server: Server, address: string, token?: string) =>
  send(server, {
    method: 'GET',
    path: `/v1/agent-secrets/${randomUUID()}`,
    token,
    headers: { 'x-forwarded-for': address },
  });
const statusOf = async (server: Server, address: string, token?: string) => (await read(server, address, token)).status;

describe('the limit of an address', () => {
  test.each([
    ['one /64 of IPv6', '2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:fffe'],
    ['any spelling of IPv6', '2001:db8:1:2::1', '2001:0DB8:0001:0002:0:0:0:1'],
    ['IPv4 within IPv6', '192.0.2.1', '::ffff:192.0.2.1'],
    ['IPv4 within IPv6 in hexadecimal', '192.0.2.1', '::ffff:c000:201'],
    ['an address with a port', '192.0.2.1', '192.0.2.1:4711'],
    ['an IPv6 address with a port', '2001:db8:1:2::1', '[2001:db8:1:2::3]:4711'],
  ])('counts %s as one client', async (_, one, same) => {
    const server = await app.variant({ rateLimit: 1, trustProxy: true });
    expect(await statusOf(server, one)).toBe(401);
    expectRefusal(await read(server, same), 429, 'RATE_LIMITED');
  });

  test.each([
    ['another /64', '2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['another IPv4 address within IPv6', '::ffff:192.0.2.1', '::ffff:192.0.2.2'],
  ])('does not count %s', async (_, one, other) => {
    const server = await app.variant({ rateLimit: 1, trustProxy: true });
    expect([await statusOf(server, one), await statusOf(server, other)]).toEqual([401, 401]);
  });

  test.each([
    ['/docs', '*/*'],
    ['/openapi.json', '*/*'],
    ['/graphql', 'text/html'],
  ])('holds for %s', async (path, accept) => {
    const server = await app.variant({ rateLimit: 1, graphiql: true });
    expect((await request(server).get(path).set('accept', accept)).status).toBe(200);
    const refused = await request(server).get(path).set('accept', accept);
    expect([refused.status, refused.body.code]).toEqual([429, 'RATE_LIMITED']);
    expect((await request(server).get('/healthz')).status).toBe(200);
  });

  test('never asks to wait for longer than its window, also when the clock goes back', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const server = await app.variant({ rateLimit: 1 });
    await statusOf(server, '192.0.2.1');
    vi.setSystemTime(Date.now() - 3_600_000);
    const refused = await read(server, '192.0.2.1');
    expectRefusal(refused, 429, 'RATE_LIMITED');
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
  });
});

describe('the limit of an account', () => {
  test('counts all its tokens, addresses and doors, and nobody else', async () => {
    const { owner, viewer } = app.world.people;
    const server = await app.variant({ accountRateLimit: 2, trustProxy: true });
    const other = await tokenWith(app, owner.token, {});
    expect(await statusOf(server, '192.0.2.1', owner.token)).toBe(404);
    expect(await statusOf(server, '192.0.2.2', other)).toBe(404);
    const refused = await read(server, '192.0.2.3', owner.token);
    expectRefusal(refused, 429, 'RATE_LIMITED', 'Too many requests: 2 a minute of one account are allowed');
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    const graphql = { method: 'POST', path: '/graphql', body: { query: '{ viewer { id } }' } };
    expectRefusal(await send(server, { ...graphql, token: other }), 429, 'RATE_LIMITED');
    expect(await statusOf(server, '192.0.2.1', viewer.token)).toBe(404);
    expect(await statusOf(server, '192.0.2.1')).toBe(401);
  });
});

describe('credentials that are not valid', () => {
  const wrong = () => `not-a-token-${randomUUID()}`;
  const FREE = 3;

  async function blocked(config = {}): Promise<Server> {
    const server = await app.variant({ failedCredentials: FREE, trustProxy: true, ...config });
    for (let failure = 0; failure < FREE; failure += 1) expect(await statusOf(server, '192.0.2.1', wrong())).toBe(401);
    return server;
  }

  test('are refused after some failures, with Retry-After, at both doors and without asking the database', async () => {
    const server = await blocked();
    const queries = app.queries();
    const refused = await read(server, '192.0.2.1', wrong());
    expectRefusal(refused, 429, 'RATE_LIMITED');
    expect(refused.headers['retry-after']).toBe('1');
    const graphql = { method: 'POST', path: '/graphql', body: { query: '{ __typename }' } };
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    expectRefusal(await send(server, { ...graphql, headers, token: wrong() }), 429, 'RATE_LIMITED');
    expect(app.queries()).toBe(queries);
  });

  test('slow down their own address only, and nobody without a credential', async () => {
    const server = await blocked();
    expect(await statusOf(server, '192.0.2.2', wrong())).toBe(401);
    expect(await statusOf(server, '192.0.2.1')).toBe(401);
    expect(await statusOf(server, '192.0.2.1', 'short')).toBe(401);
  });

  test('do not lock out others at the same address whose credentials have been valid', async () => {
    const server = await app.variant({ failedCredentials: FREE, trustProxy: true });
    const { owner } = app.world.people;
    app.services.bearers.clear();
    expect(await statusOf(server, '192.0.2.9', owner.token)).toBe(404);
    for (let failure = 0; failure < FREE; failure += 1) await read(server, '192.0.2.1', wrong());
    expect(await statusOf(server, '192.0.2.1', owner.token)).toBe(404);
    // Also when the process has to ask the database for it again.
    app.services.bearers.clear();
    expect(await statusOf(server, '192.0.2.1', owner.token)).toBe(404);
    expectRefusal(await read(server, '192.0.2.1', wrong()), 429, 'RATE_LIMITED');
  });

  test('are limited by default, and not at all where that is switched off', async () => {
    expect(loadConfig({}).failedCredentials).toBe(20);
    const server = await blocked({ failedCredentials: 0 });
    expect(await statusOf(server, '192.0.2.1', wrong())).toBe(401);
  });
});

describe('the delay after credentials that are not valid', () => {
  const fail = async () => undefined;
  const waitOf = (outcome: PromiseSettledResult<unknown>) =>
    outcome.status === 'rejected' ? outcome.reason.details.retryAfter : undefined;

  function limited(free: number) {
    const clock = { now: 1_000 };
    const limit = limitFailedCredentials(free, () => clock.now);
    const attempt = async (
      lookUp: () => Promise<unknown> = fail,
      credential: string = randomUUID(),
      address = 'here',
    ) => (await Promise.allSettled([limit.watch(address, credential, lookUp)]))[0] as PromiseSettledResult<unknown>;
    return { clock, attempt };
  }

  test('doubles with each failure, up to a minute', async () => {
    const { clock, attempt } = limited(1);
    await attempt();
    const waits = [];
    for (let round = 0; round < 8; round += 1) {
      const wait = waitOf(await attempt());
      waits.push(wait);
      clock.now += wait * 1_000;
      expect(waitOf(await attempt())).toBeUndefined();
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  });

  test('lets one attempt through when it is over, not all that come at once', async () => {
    const { clock, attempt } = limited(1);
    await attempt();
    clock.now += 60_000;
    let looked = 0;
    const lookUp = async () => {
      looked += 1;
      return undefined;
    };
    await Promise.all(Array.from({ length: 50 }, () => attempt(lookUp)));
    expect(looked).toBe(1);
  });

  test('ends with a credential that is found valid, and is forgotten after ten minutes', async () => {
    const { clock, attempt } = limited(2);
    await attempt();
    await attempt();
    clock.now += 1_000;
    expect(await attempt(async () => 'actor', 'right')).toMatchObject({ value: 'actor' });
    await attempt();
    expect(waitOf(await attempt())).toBeUndefined();
    expect(waitOf(await attempt())).toBe(1);
    clock.now += 601_000;
    await attempt();
    expect(waitOf(await attempt())).toBeUndefined();
  });

  test('is not ended again and again by one valid credential between wrong ones', async () => {
    const { attempt } = limited(3);
    const waits = [];
    for (let round = 0; round < 4; round += 1) {
      waits.push(waitOf(await attempt()));
      await attempt(async () => 'actor', 'my own');
    }
    waits.push(waitOf(await attempt()));
    expect(waits.some((wait) => wait >= 1)).toBe(true);
  });

  test('is kept for a limited number of addresses', async () => {
    const { attempt } = limited(1);
    await attempt(fail, randomUUID(), 'first');
    for (let address = 0; address < 10_000; address += 1) await attempt(fail, 'x', String(address));
    expect(waitOf(await attempt(fail, 'x', 'first'))).toBeUndefined();
    expect(waitOf(await attempt(fail, 'x', '9999'))).toBe(1);
  });
});
