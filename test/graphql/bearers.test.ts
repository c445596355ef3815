// What a process remembers of tokens: never more than the database said last, and asked for once.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBearerCache } from '../../src/domain/token.js';
import type { Database } from '../../src/store/client.js';
import { createTestApp, type TestApp } from '../support/app.js';
import { ask, graphql } from '../support/graphql.js';
import { createAccount, type Person, unique } from '../support/world.js';

let app: TestApp;
let person: Person;
beforeAll(async () => {
  app = await createTestApp();
  person = await createAccount(app, unique('person'));
});
afterAll(() => app.close());

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

async function createToken(): Promise<{ id: string; secret: string }> {
  const { createToken: created } = await ask(
    app,
    person.token,
    'mutation { createToken(input: { name: "t" }) { ... on CreatedToken { secret token { id } } } }',
  );
  return { id: created.token.id, secret: created.secret };
}
const revoke = (id: string) =>
  ask(app, person.token, 'mutation ($id: UUID!) { revokeToken(input: { id: $id }) { id } }', { id });

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
