// What the process holds for its callers is limited: who needs more than there is room for waits, and is then refused.
import { expect, test } from 'vitest';
import { createByteBudget } from '../../src/scheduling/byte-budget.js';
import { clientOf } from '../support/rest/app.js';
import { restSuite } from '../support/suites.js';

const { app, owner, token, environmentId } = await restSuite();

const capacity = 100;
const memory = createByteBudget({ capacity, maxWaitMs: 5 });
const server = await app.variant({}, { ...app.services, memory });
const secret = await owner.made(environmentId);

const client = clientOf(server, token);
const ask = (query: string) => client.call('POST', '/graphql', { body: { query } });

/** While others hold all that there may be, and more. */
async function withoutRoom(run: () => Promise<void>): Promise<void> {
  const others = memory.lease('others');
  others.add(2 * capacity);
  try {
    await run();
  } finally {
    others.close();
  }
}

test('a list that finds no room in time is a 503, and is answered when there is room', async () => {
  await withoutRoom(async () => {
    const { status, headers, body } = await client.list(environmentId);
    expect({ status, after: headers['retry-after'], code: body.code }).toEqual({
      status: 503,
      after: '5',
      code: 'UNAVAILABLE',
    });
  });
  expect((await client.list(environmentId)).status).toBe(200);
});

test('a read of one secret does not wait for what other accounts hold', async () => {
  await withoutRoom(async () => {
    const { status, body } = await client.get(secret.id);
    expect({ status, id: body.id }).toEqual({ status: 200, id: secret.id });
  });
});

test('an operation that finds no room is refused once, not once for each of its fields', async () => {
  const fields = 'secretType secretTypeText secretValue revisions { edges { node { secretValue } } }';
  const page = `agentSecrets { edges { node { ${fields} } } }`;
  const pages = Array.from({ length: 20 }, (_, n) => `a${n}: ${page}`).join(' ');
  const query = `{ environment(id: "${environmentId}") { ${pages} } }`;
  await withoutRoom(async () => {
    const { body } = await ask(query);
    expect(body.data).toBeUndefined();
    expect(body.errors).toHaveLength(1);
    expect(body.errors[0].extensions).toMatchObject({ code: 'UNAVAILABLE', retryAfter: 5 });
  });
  expect((await ask(query)).body.errors).toBeUndefined();
});
