// What a process remembers of tokens: never more than the database said last, and asked for once.
import { describe, expect, test } from 'vitest';
import { createBearerCache } from '../../../src/domain/access/token.js';
import { updateLastUsed } from '../../../src/store/access/caller.js';
import type { Database } from '../../../src/store/engine/client.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { appSuite } from '../../support/suites.js';
import { createAccount, unique } from '../../support/world.js';

const app = await appSuite();
const person = await createAccount(app, unique('person'));

/** The database behind a slow network: answers arrive when they are let through. */
function slow(db: Database): { db: Database; asked(): number; arrived(): Promise<void>; deliver(): void } {
  let asked = 0;
  let deliver = () => {};
  const gate = new Promise<void>((resolve) => {
    deliver = resolve;
  });
  let arrived = () => {};
  const first = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  return {
    db: {
      ...db,
      async row(statement, input) {
        asked += 1;
        const row = await db.row(statement, input);
        arrived();
        await gate;
        return row;
      },
    },
    asked: () => asked,
    arrived: () => first,
    deliver,
  };
}

async function createToken(expiresAt?: string): Promise<{ id: string; secret: string }> {
  const { createToken: created } = await ask(
    app,
    person.token,
    'mutation ($expiresAt: DateTimeISO) { createToken(input: { name: "t", expiresAt: $expiresAt }) { ... on CreateTokenPayload { secret token { id } } } }',
    { expiresAt },
  );
  return { id: created.token.id, secret: created.secret };
}
const revoke = (id: string) =>
  ask(app, person.token, 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { __typename } }', { id });

test('a look-up that is under way when a token is revoked is not remembered', async () => {
  const { id, secret } = await createToken();
  const network = slow(app.services.db);
  const bearers = createBearerCache(network.db);
  const before = bearers.authenticate(secret);
  await network.arrived();
  await revoke(id);
  bearers.clear();
  const after = bearers.authenticate(secret);
  network.deliver();
  // Asked before the revocation, this one may be told either; what comes after may not.
  expect(await before).toMatchObject({ accountId: person.id });
  expect(await after).toBeUndefined();
  expect(await bearers.authenticate(secret)).toBeUndefined();
});

test('a token that is not known yet is asked for once, and its use noted once, however many requests come with it at once', async () => {
  const { secret } = await createToken();
  app.services.bearers.clear();
  const before = app.queries();
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => graphql(app, secret, '{ __typename }')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(app.queries() - before).toBe(2);
});

test('a token that is unknown is asked for again once it has been answered', async () => {
  const secret = 'x'.repeat(40);
  const network = slow(app.services.db);
  network.deliver();
  const bearers = createBearerCache(network.db);
  expect(await Promise.all([bearers.authenticate(secret), bearers.authenticate(secret)])).toEqual([
    undefined,
    undefined,
  ]);
  expect(network.asked()).toBe(1);
  expect(await bearers.authenticate(secret)).toBeUndefined();
  expect(network.asked()).toBe(2);
});

test('a look-up that fails fails for all who wait for it, and for nobody after them', async () => {
  const { secret } = await createToken();
  let isDown = true;
  const { db } = app.services;
  const bearers = createBearerCache({
    ...db,
    row: (statement, input) => (isDown ? Promise.reject(new Error('down')) : db.row(statement, input)),
  });
  const outcomes = await Promise.allSettled([bearers.authenticate(secret), bearers.authenticate(secret)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  isDown = false;
  expect(await bearers.authenticate(secret)).toMatchObject({ accountId: person.id });
});

describe('the last use of a token', () => {
  const lastUse = async (id: string): Promise<string | null> =>
    (await ask(app, person.token, 'query ($id: ID!) { node(id: $id) { ... on Token { lastUsedAt } } }', { id })).node
      .lastUsedAt;
  /** Asks with the token, as a process does that does not know it yet; answers how many statements that took. */
  async function use(secret: string): Promise<number> {
    app.services.bearers.clear();
    const before = app.queries();
    await graphql(app, secret, '{ __typename }');
    return app.queries() - before;
  }
  const noted = async (id: string) => Date.parse((await lastUse(id)) ?? '');

  test('is noted once a minute, however often it is used', async () => {
    const { id, secret } = await createToken();
    expect(await lastUse(id)).toBeNull();
    const began = Date.now();
    expect(await use(secret)).toBe(2);
    await expect.poll(() => noted(id)).toBeGreaterThanOrEqual(began - 1);
    const first = await noted(id);
    for (let again = 0; again < 3; again += 1) expect(await use(secret)).toBe(1);
    expect(await noted(id)).toBe(first);
    const { db } = app.services;
    await updateLastUsed(db, id, new Date(first - 61_000), new Date(first + 1));
    expect(await use(secret)).toBe(2);
    await expect.poll(() => noted(id)).toBeGreaterThanOrEqual(first);
  });

  test('is not noted by a token that has ended', async () => {
    const { id, secret } = await createToken(new Date(Date.now() + 200).toISOString());
    await expect.poll(async () => (await graphql(app, secret, '{ viewer { id } }')).errors?.length).toBe(1);
    const before = await lastUse(id);
    expect(await use(secret)).toBe(1);
    expect(await lastUse(id)).toBe(before);
  });

  test('that cannot be noted is no reason to refuse it', async () => {
    const { secret } = await createToken();
    const { db } = app.services;
    const bearers = createBearerCache({ ...db, rows: () => Promise.reject(new Error('read-only')) });
    expect(await bearers.authenticate(secret)).toMatchObject({ accountId: person.id });
  });
});
