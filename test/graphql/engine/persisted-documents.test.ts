// Persisted documents: named by an id, by GET and by POST, in both spellings there are; where they are the only ones, nothing
// else runs. A manifest that is wrong is told at start.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApp } from '../../support/app.js';
import { type RawAnswer, type RawRequest, RESPONSE_JSON, send, withConfig } from '../../support/graphql/http.js';
import { appSuite } from '../../support/suites.js';
import { createAccount, unique } from '../../support/world.js';

const app = await appSuite();
const person = await createAccount(app, unique('person'));
let folder: string;
let free: Door;
let only: Door;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-manifest-'));
  const persistedDocuments = await manifest(DOCUMENTS);
  free = withConfig(app, { persistedDocuments });
  only = withConfig(app, { persistedDocuments, persistedDocumentsOnly: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Door = Pick<TestApp, 'fetch'>;

const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const NODE = 'query A($id: ID!) { node(id: $id) { id } } query B { viewer { name } }';
const CREATE =
  'mutation ($name: String!) { createApplication(input: { name: $name }) { ... on CreateApplicationPayload { application { name } } } }';
const UNICODE = '{ viewer { id } } # 世界 👻';
/** Longer than anything a stranger gets into the cache. */
const LONG = `{ viewer { id } } # ${'x'.repeat(20_000)}`;
const DOCUMENTS = {
  [hash(NODE)]: NODE,
  [`sha256:${hash(CREATE)}`]: CREATE,
  [hash(UNICODE)]: UNICODE,
  [hash(LONG)]: LONG,
  'viewer.v1': '{ viewer { name } }',
  'x-build:7': '{ __typename }',
};

let files = 0;
async function manifest(content: object | string): Promise<string> {
  files += 1;
  const file = join(folder, `${files}.json`);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** The same operation by POST and by GET, the answers being the same; GET runs no mutations. */
async function ask(door: Door, operation: object, rest: RawRequest = {}): Promise<RawAnswer> {
  const token = person.token;
  const search = new URLSearchParams(
    Object.entries(operation).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
  const post = await send(door, { body: JSON.stringify(operation), token, ...rest });
  const get = await send(door, { method: 'GET', search: `?${search}`, token, ...rest });
  expect({ status: get.status, text: get.text }).toEqual({ status: post.status, text: post.text });
  return post;
}

const apollo = (sha256Hash: unknown) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } });

function expectRefused({ status, errors, data }: RawAnswer, message: RegExp): void {
  expect([status, data]).toEqual([400, undefined]);
  expect(errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
  expect(errors[0]?.message).toMatch(message);
}

describe.each([
  ['beside other documents', () => free],
  ['as the only documents', () => only],
])('persisted documents %s', (_, door) => {
  test.each([
    ['its SHA-256 hash with the prefix of the specification', { documentId: `sha256:${hash(UNICODE)}` }],
    ['its bare hash', { documentId: hash(UNICODE) }],
    ['its hash as Apollo’s clients send it', apollo(hash(UNICODE))],
    ['its hash, whatever else the extensions say', { extensions: { ...apollo(hash(UNICODE)).extensions, other: 1 } }],
    ['its hash, the document being sent along', { ...apollo(hash(UNICODE)), query: UNICODE }],
  ])('are run by %s', async (__, operation) => {
    const { status, data } = await ask(door(), operation);
    expect([status, data]).toEqual([200, { viewer: { id: person.id } }]);
  });

  test('are run by other ids, with variables and an operation name', async () => {
    expect((await ask(door(), { documentId: 'viewer.v1' })).data).toEqual({ viewer: { name: person.name } });
    expect((await ask(door(), { documentId: 'x-build:7' })).data).toEqual({ __typename: 'Query' });
    const variables = { id: person.id };
    const a = await ask(door(), { documentId: hash(NODE), operationName: 'A', variables });
    expect(a.data).toEqual({ node: { id: person.id } });
    const b = await ask(door(), { documentId: hash(NODE), operationName: 'B' });
    expect(b.data).toEqual({ viewer: { name: person.name } });
    expectRefused(await ask(door(), { documentId: hash(NODE) }), /what operation/);
  });

  test('are run however long they are', async () => {
    for (let n = 0; n < 2; n += 1) {
      expect((await ask(door(), { documentId: hash(LONG) })).data).toEqual({ viewer: { id: person.id } });
    }
  });

  test('run their mutations by POST only', async () => {
    const operation = { documentId: `sha256:${hash(CREATE)}`, variables: { name: unique('app') } };
    const search = `?documentId=${operation.documentId}&variables=${JSON.stringify(operation.variables)}`;
    expect((await send(door(), { method: 'GET', search, token: person.token })).status).toBe(405);
    const { data } = await send(door(), { body: JSON.stringify(operation), token: person.token });
    expect(data).toEqual({ createApplication: { application: { name: operation.variables.name } } });
  });

  test.each([
    ['an unknown hash', { documentId: `sha256:${hash('c4n4ry')}` }],
    ['a hash in capitals', { documentId: hash(NODE).toUpperCase() }],
    ['a hash with another prefix', { documentId: `md5:${hash(NODE)}` }],
    ['a name of every object', { documentId: 'constructor' }],
    ['a document for an id', { documentId: '{ viewer { c4n4ry } }' }],
  ])('are unknown by %s: 400 for every client, not repeating it', async (__, operation) => {
    for (const accept of ['application/json', RESPONSE_JSON, '*/*']) {
      expectRefused(await ask(door(), operation, { headers: { accept } }), /no persisted document with this id/);
    }
  });

  test.each([hash('c4n4ry'), '__proto__', hash(NODE).toUpperCase()])(
    'are not found by Apollo’s clients by another hash, which they take as it is meant: %s',
    async (unknown) => {
      for (const accept of ['application/json', RESPONSE_JSON, '*/*']) {
        const { status, data, errors } = await ask(door(), apollo(unknown), { headers: { accept } });
        expect([status, data]).toEqual([200, undefined]);
        expect(errors).toEqual([
          { message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } },
        ]);
      }
    },
  );

  test.each([
    ['an id that is no string', { documentId: 424242424242 }, /"documentId" is not a string/],
    ['a hash that is no string', apollo(424242424242), /sha256Hash" is not a string/],
    ['no hash', apollo(null), /sha256Hash" is not a string/],
    ['text for a hash', { extensions: { persistedQuery: 'c4n4ry' } }, /sha256Hash" is not a string/],
    ['another document beside the id', { documentId: hash(NODE), query: UNICODE }, /send only one/],
    ['an unknown parameter', { documentId: hash(NODE), c4n4ry: 1 }, /parameter other than .*documentId/],
  ])('of a request with %s are refused', async (__, operation, message) => {
    expectRefused(await send(door(), { body: JSON.stringify(operation), token: person.token }), message);
  });
});

test('other documents run, unless there may be none', async () => {
  for (const query of ['{ viewer { id } }', UNICODE, '{ __schema { queryType { name } } }', '{ c4n4ry ']) {
    expectRefused(await ask(only, { query }), /Only persisted documents are run here.*documentId/);
    expectRefused(await ask(only, { query, ...apollo(hash('c4n4ry')) }), /no persisted document with this id/);
  }
  expectRefused(await ask(only, {}), /Only persisted documents/);
  expect((await ask(free, { query: '{ viewer { id } }' })).data).toEqual({ viewer: { id: person.id } });
  const query = '{ viewer { id } }';
  const both = await ask(free, { query, ...apollo(hash(query)) });
  expect(both.data).toEqual({ viewer: { id: person.id } });
  expectRefused(await ask(free, {}), /"query" is not a string/);
});

test('where there may be no others, nothing runs for event streams either, and REST goes on', async () => {
  const query = '{ viewer { id } }';
  const accept = 'text/event-stream';
  const { status, text } = await send(only, { body: JSON.stringify({ query }), headers: { accept } });
  expect([status, text]).toEqual([400, expect.stringContaining('Only persisted documents')]);
  const rest = await only.fetch(
    new Request(`http://localhost/v1/agent-secrets/${person.id}`, {
      headers: { authorization: `Bearer ${person.token}` },
    }),
  );
  expect([rest.status, await rest.text()]).toEqual([404, expect.stringContaining('AGENT_SECRET_NOT_FOUND')]);
});

test('without a manifest Apollo’s clients are told that there are none, and their documents run', async () => {
  const query = '{ viewer { id } }';
  const refused = await ask(app, apollo(hash(query)));
  expect([refused.status, refused.data]).toEqual([200, undefined]);
  expect(refused.errors).toEqual([
    { message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } },
  ]);
  expect((await ask(app, { query, ...apollo(hash(query)) })).data).toEqual({ viewer: { id: person.id } });
});

test('a hash that is not its document’s is refused', async () => {
  for (const door of [app, free]) {
    const operation = { query: '{ viewer { id } }', ...apollo(hash('c4n4ry')) };
    expectRefused(await ask(door, operation), /sha256Hash" is not the hash of "query"/);
  }
});

test('without a manifest there are no ids', async () => {
  expectRefused(await send(app, { body: JSON.stringify({ documentId: hash(NODE) }) }), /"query" is not a string/);
});

describe('a manifest is refused at start that', () => {
  const start = (file: string) => () => withConfig(app, { persistedDocuments: file });

  test.each([
    ['is no JSON', '{"a": ', /is not valid JSON: line 1/],
    ['has an id twice', '{"a": "{ __typename }", "a": "{ __typename }"}', /is not valid JSON: .*new to this object/],
    ['is a list', '[]', /not a JSON object/],
    ['has something else than text', { a: { text: '{ __typename }' } }, /a is not the text of a document/],
    [
      'has a hash that is not its document’s',
      { [hash('x')]: NODE },
      /^PERSISTED_DOCUMENTS: [0-9a-f]{64} is not the SHA-256/,
    ],
    ['has one hash in both spellings', { [hash(NODE)]: NODE, [`sha256:${hash(NODE)}`]: NODE }, /there twice/],
    ['has an id of a method that there is not', { 'md5:00': NODE }, /"md5:00" is no document id/],
    ['has an empty id', { '': NODE }, /"" is no document id/],
    ['has a document that does not parse', { a: '{ viewer ' }, /a: Syntax Error: .* \(line 1, column 10\)/],
    ['has one without an operation', { a: '' }, /a: Syntax Error/],
    ['has one that does not fit the schema', { a: '{ viewer { nothing } }' }, /a: .*"nothing".*\(line 1, column 12\)/],
    ['has one beyond the limits', { a: `{ ${'viewer { id } '.repeat(1_000)} }` }, /a: Token limit of 2000/],
    ['has one with too many aliases', { a: `{ ${names(31)} }` }, /a: Aliases limit of 30/],
    ['is wrong in several places', { a: '{ a }', b: '{ b }', c: '{ __typename }' }, /: a: .*; b: [^;]*$/],
    ['is wrong all over', Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`n${n}`, '{ a }'])), /and 20 more/],
  ])('%s', async (_, content, message) => {
    expect(start(await manifest(content))).toThrow(message);
  });

  test('is not there', () => {
    expect(start(join(folder, 'nowhere.json'))).toThrow(
      /^PERSISTED_DOCUMENTS: .*nowhere\.json cannot be read \(ENOENT\)$/,
    );
  });
});

function names(count: number): string {
  return Array.from({ length: count }, (_, n) => `a${n}: viewer { id }`).join(' ');
}
