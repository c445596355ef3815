// Reading a large body lets others go on: at either door, whatever is in it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../../support/app.js';
import { createWorld } from '../../support/world.js';

let app: TestApp;
let token: string;
let environmentId: string;
beforeAll(async () => {
  app = await createTestApp();
  const world = await createWorld(app);
  environmentId = world.environmentId;
  token = world.people.owner.token;
});
afterAll(() => app.close());

const CREATE = 'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename } }';
const INPUT = { path: ['a'], secretType: { type: 'Str' } };
const numbered = (length: number, name: (n: number) => string) =>
  `{${Array.from({ length }, (_, n) => `"${name(n)}":1`).join()}}`;
const VALUES = {
  'numbers for keys': numbered(95_000, String),
  'keys of an object': numbered(60_000, (n) => `key${n}`),
  'a list of numbers': `[${'1,'.repeat(450_000)}1]`,
  'lists in lists': `[${'[[],{}],'.repeat(110_000)}1]`,
};
const BODIES: Record<string, (value: string) => [path: string, body: string]> = {
  'of GraphQL as a whole': (value) => ['/graphql', value],
  'of GraphQL as variables': (value) => ['/graphql', `{"query":"{ viewer { id } }","variables":{"a":${value}}}`],
  'of GraphQL as a value': (value) => [
    '/graphql',
    `{"query":"${CREATE}","variables":{"input":${JSON.stringify({ ...INPUT, environmentId }).slice(0, -1)},"secretValue":${value}}}}`,
  ],
  'of REST': (value) => [
    `/v1/envs/${environmentId}/agent-secrets`,
    `{"path":["a"],"secretType":{"type":"Str"},"secretValue":${value}}`,
  ],
};

describe.each(Object.entries(BODIES))('a body %s', (_, body) => {
  test.each(Object.entries(VALUES))('of %s', async (_, value) => {
    const [path, text] = body(value);
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const request = new Request(`http://localhost${path}`, { method: 'POST', headers, body: text });
    let turns = 0;
    let isAnswered = false;
    const turn = () => {
      turns += 1;
      if (!isAnswered) setImmediate(turn);
    };
    setImmediate(turn);
    const response = await app.fetch(request);
    isAnswered = true;
    expect([200, 400]).toContain(response.status);
    expect(turns).toBeGreaterThan(3);
  });
});
