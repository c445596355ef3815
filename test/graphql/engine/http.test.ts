// GraphQL over HTTP: which requests are requests at all, and what introspection tells.
import { buildClientSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.js';
import { RESPONSE_JSON, send, sendQuery, withConfig } from '../../support/graphql/http.js';
import { appSuite } from '../../support/suites.js';
import { createAccount, unique } from '../../support/world.js';

const app = await appSuite();
const person = await createAccount(app, unique('person'));
const { token } = person;

const VIEWER = '{ viewer { id } }';
const search = (parameters: Record<string, string>) => `?${new URLSearchParams(parameters)}`;
const get = (parameters: Record<string, string>) => send(app, { method: 'GET', search: search(parameters), token });

describe('GET', () => {
  test('runs a query, with variables whose integers are exact', async () => {
    expect((await get({ query: VIEWER })).data).toEqual({ viewer: { id: person.id } });
    const query = 'query A($id: ID!) { node(id: $id) { id } } query B { viewer { name } }';
    const variables = JSON.stringify({ id: person.id });
    expect((await get({ query, variables, operationName: 'A' })).data).toEqual({ node: { id: person.id } });
    expect((await get({ query, operationName: 'B' })).data).toEqual({ viewer: { name: person.name } });
  });

  test('never runs a mutation: 405, and nothing is done', async () => {
    const name = unique('app');
    const query = `query A { viewer { id } } mutation B { createApplication(input: { name: "${name}" }) { __typename } }`;
    for (const parameters of [{ query: query.slice(query.indexOf('mutation')) }, { query, operationName: 'B' }]) {
      const { status, headers, errors } = await get(parameters);
      expect(status).toBe(405);
      expect(headers.get('allow')).toContain('POST');
      expect(errors).toMatchObject([{ extensions: { code: 'METHOD_NOT_ALLOWED' } }]);
    }
    const { data } = await sendQuery(app, token, '{ viewer { applications { edges { node { name } } } } }');
    expect(data.viewer.applications.edges).toEqual([]);
    expect((await get({ query, operationName: 'A' })).status).toBe(200);
  });

  test.each([
    ['no query', {}],
    ['an empty query', { query: '' }],
    ['variables that are no JSON', { query: VIEWER, variables: 'c4n4ry' }],
    ['variables that are no object', { query: VIEWER, variables: '["c4n4ry"]' }],
    ['variables that are a number', { query: VIEWER, variables: '424242424242' }],
    ['duplicate keys', { query: VIEWER, variables: '{"c4n4ry":1,"c4n4ry":2}' }],
    ['an unknown operation', { query: 'query A { viewer { id } }', operationName: 'c4n4ry' }],
  ])('with %s is refused with 400', async (_, parameters) => {
    const { status, errors } = await get(parameters);
    expect(status).toBe(400);
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
  });
});

describe('POST', () => {
  const post = (body: string, headers: Record<string, string> = {}) => send(app, { body, headers, token });
  const operation = (rest: object) => JSON.stringify({ query: VIEWER, ...rest });

  test.each([
    ['an empty body', ''],
    ['malformed JSON', '{"query": "c4n4ry'],
    ['text behind the JSON', `${operation({})} c4n4ry`],
    ['a byte order mark', `\ufeff${operation({})}`],
    ['a duplicate key', '{"query":"{ viewer { id } }","query":"c4n4ry"}'],
    ['a batch', `[${operation({})},${operation({})}]`],
    ['an empty batch', '[]'],
    ['a string', '"c4n4ry"'],
    ['a number', '424242424242'],
    ['null', 'null'],
    ['no query', '{}'],
    ['a query that is no string', '{"query":{"c4n4ry":"c4n4ry"}}'],
    ['a query that is a number', '{"query":424242424242}'],
    ['variables that are an array', operation({ variables: ['c4n4ry'] })],
    ['variables that are text', operation({ variables: 'c4n4ry' })],
    ['variables that are a number', operation({ variables: 424242424242 })],
    ['an operation name that is no string', operation({ operationName: 424242424242 })],
    ['extensions that are text', operation({ extensions: 'c4n4ry' })],
    ['extensions that are a number', operation({ extensions: 424242424242 })],
    ['an unknown operation name', operation({ operationName: 'c4n4ry' })],
    ['an unknown parameter', operation({ c4n4ry: 'c4n4ry' })],
    ['an empty document', '{"query":""}'],
    ['a document without an operation', '{"query":"fragment A on Account { id }"}'],
    ['two operations and no name', '{"query":"query A { viewer { id } } query B { viewer { id } }"}'],
    ['a subscription', '{"query":"subscription { unknown }"}'],
  ])('of %s is refused with 400', async (_, body) => {
    const { status, errors } = await post(body);
    expect(status).toBe(400);
    expect(errors.length).toBeGreaterThan(0);
    for (const { extensions } of errors) expect(extensions?.code).toBe('INVALID_REQUEST');
  });

  test.each(['{"query": "c4n4ry', '[]', '[{"query":"{ viewer { id } }"}]', '{}', '424242424242'])(
    'of what is no GraphQL request (%s) is a 400 for clients of the older response type, too',
    async (body) => {
      const { status, errors } = await post(body, { accept: 'application/json' });
      expect(status).toBe(400);
      expect(errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
    },
  );

  test('of bytes that are no UTF-8 is refused with 400', async () => {
    const body = Buffer.concat([
      Buffer.from('{"query":"{ viewer { id } } # '),
      Buffer.from([0xff, 0xc0]),
      Buffer.from('"}'),
    ]);
    const { status, errors } = await send(app, { body, token });
    expect(status).toBe(400);
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
  });

  test('takes null for what may be left out', async () => {
    const { status, data } = await post(operation({ variables: null, operationName: null, extensions: null }));
    expect([status, data]).toEqual([200, { viewer: { id: person.id } }]);
  });

  test.each([
    ['application/x-www-form-urlencoded', 'query={viewer{id}}'],
    ['multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{}\r\n--x--'],
    ['text/plain', `{"query":"${VIEWER}"}`],
    ['application/graphql', VIEWER],
    ['application/json; charset=utf-16', operation({})],
    ['', operation({})],
  ])('of content type %j is refused with 415 and does nothing', async (type, body) => {
    const response = await app.fetch(
      new Request('http://localhost/graphql', {
        method: 'POST',
        headers: { 'content-type': type, authorization: `Bearer ${token}` },
        body: Buffer.from(body),
      }),
    );
    expect(response.status).toBe(415);
    const text = await response.text();
    expect(text).toContain('UNSUPPORTED_MEDIA_TYPE');
    expect(text).toContain('application/json');
    expect(text).not.toContain(person.id);
  });

  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset=UTF-8'])(
    'of content type %s is fine',
    async (type) => {
      expect((await post(operation({}), { 'content-type': type })).status).toBe(200);
    },
  );
});

test.each(['PUT', 'PATCH', 'DELETE'])('%s is refused with 405, naming the methods there are', async (method) => {
  const { status, headers } = await send(app, { method, body: JSON.stringify({ query: VIEWER }), token });
  expect(status).toBe(405);
  expect(headers.get('allow')).toMatch(/GET.*POST/);
});

describe('the answer', () => {
  test.each([
    [RESPONSE_JSON, RESPONSE_JSON],
    ['application/json', 'application/json'],
    ['*/*', 'json'],
  ])('to a client that accepts %s has the type %s', async (accept, type) => {
    const { headers, status } = await send(app, {
      body: JSON.stringify({ query: VIEWER }),
      headers: { accept },
      token,
    });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain(type);
    expect(headers.get('content-type')).toContain('charset=utf-8');
  });

  test.each(['image/png', 'text/html', 'application/xml, text/plain;q=0.5', 'application/json;q=0'])(
    'to a client that accepts only %j is 406 as documented JSON, and nothing is done',
    async (accept) => {
      const name = unique('app');
      const query = `mutation { createApplication(input: { name: "${name}" }) { __typename } }`;
      const { status, headers, text } = await send(app, {
        body: JSON.stringify({ query }),
        headers: { accept },
        token,
      });
      expect([status, headers.get('content-type')]).toEqual([406, 'application/json; charset=utf-8']);
      expect(JSON.parse(text)).toEqual({ code: 'INVALID_REQUEST', error: expect.stringContaining('application/json') });
      const { data } = await sendQuery(app, token, '{ viewer { applications { edges { node { name } } } } }');
      expect(JSON.stringify(data)).not.toContain(name);
    },
  );

  test('has a code of the closed list on every error of a document that does not fit the schema', async () => {
    for (const document of [
      '{ nothing }',
      '{ viewer { nothing } }',
      '{ viewer }',
      '{ viewer { id { x } } }',
      'query ($a: Int) { viewer { id } }',
      '{ account { id } }',
      '{ ...A }',
    ]) {
      const { status, errors } = await sendQuery(app, token, document);
      expect(status).toBe(400);
      for (const { extensions, locations } of errors) {
        expect(extensions?.code).toBe('INVALID_REQUEST');
        expect(locations).not.toEqual([]);
      }
    }
  });
});

describe('introspection', () => {
  test('tells the whole schema by default, to anyone, as tools ask for it', async () => {
    const { status, data, errors } = await sendQuery(app, undefined, getIntrospectionQuery({ oneOf: true }));
    expect([status, errors]).toEqual([200, []]);
    const print = (given: typeof schema) => printSchema(lexicographicSortSchema(given));
    expect(print(buildClientSchema(data))).toBe(print(schema));
  });

  test('is refused when it is switched off, while operations and __typename go on', async () => {
    const door = withConfig(app, { introspection: false });
    for (const document of [
      getIntrospectionQuery(),
      '{ __schema { queryType { name } } }',
      '{ __type(name: "Account") { name } }',
    ]) {
      const { status, errors, data } = await sendQuery(door, token, document);
      expect([status, data]).toEqual([400, undefined]);
      for (const { message, extensions } of errors) {
        expect(message).toMatch(/introspection/i);
        expect(extensions?.code).toBe('INVALID_REQUEST');
      }
    }
    const { data } = await sendQuery(door, token, '{ __typename viewer { __typename id } }');
    expect(data).toEqual({ __typename: 'Query', viewer: { __typename: 'Account', id: person.id } });
  });

  test('that is switched off is not made up for by errors: they suggest and list no names', async () => {
    const door = withConfig(app, { introspection: false });
    const NAMES = /Did you mean|viewer|agentSecret|environmentId|secretType|currentRevision|totalCount|after/g;
    const remove = 'mutation ($input: DeleteAgentSecretInput!) { deleteAgentSecret(input: $input) { __typename } }';
    const cases: [query: string, variables?: object][] = [
      ['{ viewe { id } }'],
      ['{ viewer { nam } }'],
      ['{ environmen(id: 1) { id } }'],
      ['{ environment(i: 1) { id } }'],
      ['{ environment { agentSecrets(firs: 1, afte: "") { totalCoun } } }'],
      ['query ($a: UUI) { environment(id: $a) { id } }'],
      ['{ viewer { ... on Accoun { id } } }'],
      ['{ viewer @skp(if: true) { id } }'],
      ['{ environment { agentSecrets(orderBy: { fiel: PATH }) { edges { cursor } } } }'],
      ['{ environment { agentSecrets(orderBy: { field: PAT }) { edges { cursor } } } }'],
      [remove.replace('$input:', '$other:').replace('$input', '{ id: "x", currentRevision: 0, currentRevisio: 1 }')],
      [remove, { input: { id: person.id, currentRevision: 0, currentRevisio: 1 } }],
    ];
    for (const [query, variables] of cases) {
      const loud = await sendQuery(app, token, query, variables);
      const quiet = await sendQuery(door, token, query, variables);
      expect([loud.status, quiet.status]).toEqual([400, 400]);
      const places = ({ errors }: typeof loud) => errors.map(({ locations }) => locations);
      expect(places(quiet)).toEqual(places(loud));
      for (const { message, extensions } of quiet.errors) {
        expect(message).not.toMatch(/Did you mean|only the fields /);
        expect(extensions?.code).toBe('INVALID_REQUEST');
        // Nothing of the schema but what stands in the question. (What is required and missing is still told.)
        for (const [name] of message.matchAll(NAMES)) expect(query).toContain(name);
      }
    }
    const loud = await Promise.all(cases.map(([query, variables]) => sendQuery(app, token, query, variables)));
    const messages = loud.flatMap(({ errors }) => errors.map(({ message }) => message)).join();
    expect(messages).toContain('Did you mean "viewer"');
    expect(messages).toContain('expected only the fields ');
  });
});
