// One POST, two roads: answered by us, or, when its Accept also asks for an event stream, by Yoga's own HTTP layer. No
// client can tell which: status, headers and body are the same, and the same as GET's.
import { getIntrospectionQuery } from 'graphql';
import { createSchema } from 'graphql-yoga';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Context } from '../../../src/domain/request/context.js';
import { plainResponseType } from '../../../src/graphql/engine/http.js';
import { createPipeline } from '../../../src/graphql/engine/pipeline.js';
import type { TestApp } from '../../support/app.js';
import { type RawAnswer, RESPONSE_JSON, send, withConfig } from '../../support/graphql/http.js';
import { createSecret, done } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';

// GraphiQL would answer a GET that also takes HTML.
const { app, world, token } = await graphqlSuite({ graphiql: false });
let secretId: string;
let spoiltId: string;
beforeAll(async () => {
  const secretType = { type: 'Record', fields: [{ name: 'count', typ: { type: 'U64' } }] };
  const make = async (path: string) => {
    const input = { environmentId: world.environmentId, path: [path], secretType, secretValue: { count: 1 } };
    return (await done(createSecret(app, token, input))).id;
  };
  secretId = await make('a');
  spoiltId = await make('spoilt');
  await app.services.db.script(`update agent_secrets set sealed_value = '\\x00' where id = '${spoiltId}'`);
});

/** Appended to any Accept: Yoga answers, and prefers the other types for what is no stream. */
const BY_YOGA = ', text/event-stream';
const ACCEPTED = [
  '*/*',
  'application/*',
  'application/json',
  RESPONSE_JSON,
  `${RESPONSE_JSON}, application/json;q=0.9`,
  `application/json, ${RESPONSE_JSON}`,
  `Application/JSON ; q=0.5 , ${RESPONSE_JSON}`,
  `text/html, ${RESPONSE_JSON}; q=0.1, */*`,
  'image/png, application/json',
];

interface Operation {
  query?: unknown;
  variables?: unknown;
  operationName?: unknown;
  extensions?: unknown;
}

const SECRET =
  'query Secret($id: UUID!, $open: Boolean = true) { agentSecret(id: $id) { id revision secretValue @include(if: $open) } }';
const CREATE =
  'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename ... on Refusal { code message } ... on AgentSecretValueTypeMismatch { problems } } }';
const two = `${SECRET} query Viewer { viewer { name } }`;

const OPERATIONS: Record<string, () => Operation> = {
  'a query': () => ({ query: '{ viewer { name } }' }),
  'a query with variables': () => ({ query: SECRET, variables: { id: secretId } }),
  'a query with a skipped field': () => ({ query: SECRET, variables: { id: secretId, open: false } }),
  'nested pages that multiply to too much': () => ({
    query: `{ viewer { applications(first: 200) { edges { node { environments(first: 200) { edges { node {
      agentSecrets(first: 200) { edges { node { id } } } } } } } } } } }`,
  }),
  'one operation of two': () => ({ query: two, operationName: 'Viewer' }),
  'the other of two': () => ({ query: two, operationName: 'Secret', variables: { id: secretId } }),
  'neither of two': () => ({ query: two }),
  'an unknown one of two': () => ({ query: two, operationName: 'Other' }),
  'an unknown name of one': () => ({ query: SECRET, operationName: 'Other', variables: { id: secretId } }),
  'an empty operation name': () => ({ query: '{ viewer { name } }', operationName: '' }),
  'empty extensions': () => ({ query: '{ viewer { name } }', extensions: {} }),
  'a refusal as data': () => ({
    query: CREATE,
    variables: {
      input: { environmentId: world.environmentId, path: ['b'], secretType: { type: 'Bool' }, secretValue: 1 },
    },
  }),
  'a refusal of the path': () => ({
    query: CREATE,
    variables: { input: { environmentId: world.environmentId, path: [], secretType: { type: 'Bool' } } },
  }),
  'an unknown id': () => ({ query: SECRET, variables: { id: world.environmentId } }),
  'an unknown id beside a known one': () => ({
    query:
      'query ($a: UUID!, $b: UUID!) { a: agentSecret(id: $a) { id } b: agentSecret(id: $b) { revision } c: viewer { name } }',
    variables: { a: world.environmentId, b: secretId },
  }),
  'variables that do not fit': () => ({ query: SECRET, variables: { id: 'c4n4ry', open: 'c4n4ry' } }),
  'variables that are missing': () => ({ query: SECRET }),
  'more variables than there are': () => ({ query: SECRET, variables: { id: secretId, other: 'c4n4ry' } }),
  'a document that does not fit the schema': () => ({ query: '{ viewer { nothing } other }' }),
  'a syntax error': () => ({ query: '{ viewer { name }' }),
  'an empty document': () => ({ query: '' }),
  'only a fragment': () => ({ query: 'fragment A on Account { id }' }),
  'a subscription': () => ({ query: 'subscription { nothing }' }),
  'too many levels': () => ({
    query: `{ viewer ${'{ applications { edges { node { environments { edges { node '.repeat(4)}`,
  }),
  'too deep': () => ({
    query:
      '{ viewer { applications { edges { node { environments { edges { node { application { environments { edges { node { application { id } } } } } } } } } } } } }',
  }),
  'too many aliases': () => ({
    query: `{ ${Array.from({ length: 31 }, (_, n) => `a${n}: viewer { id }`).join(' ')} }`,
  }),
  'too many tokens': () => ({ query: `{ viewer { ${'id '.repeat(2_001)} } }` }),
  'a bug': () => ({ query: SECRET, variables: { id: spoiltId } }),
  introspection: () => ({ query: getIntrospectionQuery() }),
  __typename: () => ({ query: '{ __typename }' }),
  'no query': () => ({}),
  'a query that is no string': () => ({ query: 1 }),
  'variables that are no object': () => ({ query: SECRET, variables: ['c4n4ry'] }),
  'extensions that are no object': () => ({ query: SECRET, extensions: 'c4n4ry' }),
  'an operation name that is no string': () => ({ query: SECRET, operationName: 7 }),
};

type Door = Pick<TestApp, 'fetch'>;
interface Sent {
  body: string;
  accept: string;
  as?: string | undefined;
}

async function expectSame(door: Door, { body, accept, as }: Sent): Promise<RawAnswer> {
  const ask = (accepted: string) => send(door, { body, headers: { accept: accepted }, ...(as ? { token: as } : {}) });
  const ours = await ask(accept);
  const yogas = await ask(accept + BY_YOGA);
  expect({ ...told(ours), accept }).toEqual({ ...told(yogas), accept });
  return ours;
}

/** The length is added by whoever sends the answer, if it is not there. */
function told({ status, headers, text }: RawAnswer) {
  const named = [...headers].map(([name, value]) => [name.toLowerCase(), value] as const);
  return { status, headers: Object.fromEntries(named.filter(([name]) => name !== 'content-length')), text };
}

describe.each(Object.entries(OPERATIONS))('%s', (_, operation) => {
  test.each(ACCEPTED)('for %s', async (accept) => {
    const body = JSON.stringify(operation());
    for (const as of [token, undefined]) {
      await expectSame(app, { body, accept, as });
      // The second time, what was parsed and validated is remembered.
      await expectSame(app, { body, accept, as });
    }
  });

  test('and by GET', async () => {
    const given = operation();
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(given)) {
      const isJson = name === 'variables' || name === 'extensions';
      // What has no spelling in an address, or may not be asked there.
      if ((!isJson && typeof value !== 'string') || String(value).startsWith('mutation')) return;
      parameters.set(name, isJson ? JSON.stringify(value) : String(value));
    }
    for (const accept of ACCEPTED) {
      const post = await send(app, { body: JSON.stringify(given), headers: { accept }, token });
      const get = await send(app, { method: 'GET', search: `?${parameters}`, headers: { accept }, token });
      expect(told(get)).toEqual(told(post));
    }
  });
});

test.each([
  '',
  '{"query": "c4n4ry',
  'null',
  '[]',
  '[{"query":"{ viewer { name } }"}]',
  '7',
  '{"query":"{ viewer { name } }","c4n4ry":1}',
  '{"query":"{ viewer { name } }","query":"{ viewer { id } }"}',
  `{"query":"{ viewer { name } }","variables":${'['.repeat(300)}${']'.repeat(300)}}`,
])('the body %j', async (body) => {
  for (const accept of ACCEPTED) await expectSame(app, { body, accept, as: token });
});

test('a body that is too large', async () => {
  const door = withConfig(app, { maxBodyBytes: 2_000 });
  const body = JSON.stringify({ query: '{ viewer { name } }', variables: { unused: 'x'.repeat(2_000) } });
  for (const accept of ACCEPTED) {
    expect((await expectSame(door, { body, accept, as: token })).status).toBe(413);
  }
});

test('introspection where it is switched off', async () => {
  const door = withConfig(app, { introspection: false });
  for (const accept of ACCEPTED) {
    await expectSame(door, { body: JSON.stringify({ query: getIntrospectionQuery() }), accept, as: token });
  }
});

test.each(['text/html', 'image/png', 'application/json;charset=latin1'])(
  'an Accept without any JSON is refused with 406: %s',
  async (accept) => {
    const { status } = await send(app, { body: '{"query":"{ viewer { name } }"}', headers: { accept }, token });
    expect(status).toBe(406);
  },
);

test('a subscription is streamed to whoever does not ask for one answer', async () => {
  const pipeline = createPipeline({
    ...app.config,
    schema: createSchema({
      typeDefs: 'type Query { a: Int } type Subscription { count: Int }',
      resolvers: {
        Subscription: {
          count: {
            async *subscribe() {
              yield { count: 1 };
              yield { count: 2 };
            },
          },
        },
      },
    }),
    onBug: (error) => expect.fail(String(error)),
  });
  const actor = await app.services.bearers.authenticate(token);
  const ctx: Context = { services: app.services, actor, requestId: 'request', door: 'graphql' };
  const subscribe = (accept: string) =>
    pipeline.fetch(
      new Request('http://localhost/graphql', {
        method: 'POST',
        headers: { accept, 'content-type': 'application/json' },
        body: '{"query":"subscription { count }"}',
      }),
      ctx,
    );
  for (const accept of ['*/*', 'text/event-stream', 'application/json, text/event-stream']) {
    const response = await subscribe(accept);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('cache-control')).toContain('no-store');
    const text = await response.text();
    expect(text.match(/"count":\d/g)).toEqual(['"count":1', '"count":2']);
  }
  expect((await subscribe('application/json')).status).toBe(406);
});

test.each([
  [null, 'application/json'],
  ['*/*', 'application/json'],
  ['application/json', 'application/json'],
  [`${RESPONSE_JSON},application/json;q=0.9`, RESPONSE_JSON],
  ['application/json, text/plain, */*', 'application/json'],
  ['text/event-stream', undefined],
  ['application/json, Text/Event-Stream', undefined],
  ['multipart/mixed;deferSpec=20220824, application/json', undefined],
  ['text/html', undefined],
])('of a request that accepts %s, our own answer is %s', (accept, type) => {
  const headers = accept === null ? {} : { accept };
  expect(plainResponseType(new Request('http://localhost/graphql', { method: 'POST', headers }))).toBe(type);
  expect(plainResponseType(new Request('http://localhost/graphql', { headers }))).toBe(type);
  expect(plainResponseType(new Request('http://localhost/graphql', { method: 'HEAD', headers }))).toBeUndefined();
});
