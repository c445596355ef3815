// An operation that needs a caller is refused as a whole without one: 401, one error, no data, through every way in.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type RawRequest, RESPONSE_JSON, send, withConfig } from '../../support/graphql/http.js';
import { appSuite } from '../../support/suites.js';
import { createAccount, unique } from '../../support/world.js';

const app = await appSuite();
const { id, token } = await createAccount(app, unique('person'));
const other = await createAccount(app, unique('other'));

const UNKNOWN = `asg_${'x'.repeat(43)}`;
const VIEWER = '{ viewer { id } }';
const SUBSCRIPTION =
  'subscription { agentSecretChanges(environmentId: "01a20640-d042-77d8-a4fc-5bc52814913e") { environmentRevision } }';
const post = (query: string, rest: object = {}) => JSON.stringify({ query, ...rest });
const search = (query: string) => `?${new URLSearchParams({ query })}`;
const SENT_NONE = /^No credential was sent: .*Authorization: Bearer/;
const NOT_ACCEPTED = /^The credential is not accepted: /;

async function expectRefused(
  request: RawRequest,
  message: RegExp,
  door: Parameters<typeof send>[0] = app,
): Promise<void> {
  const { status, headers, text } = await send(door, request);
  const { errors, ...rest } = JSON.parse(text);
  expect([status, headers.get('www-authenticate'), rest]).toEqual([401, 'Bearer', {}]);
  expect(headers.get('content-type')).toMatch(/json/);
  expect(errors).toEqual([{ message: expect.stringMatching(message), extensions: { code: 'AUTH_UNAUTHORIZED' } }]);
}

describe.each([
  ['a query', { body: post(VIEWER) }],
  ['several fields', { body: post('{ a: viewer { id } b: viewer { id } plans { edges { cursor } } }') }],
  ['a query by GET', { method: 'GET', search: search(VIEWER) }],
  ['a field in fragments', { body: post('{ __typename ...A } fragment A on Query { ... { viewer { id } } }') }],
  [
    'a field that may be left out',
    { body: post('query ($a: Boolean!) { viewer @skip(if: $a) { id } }', { variables: { a: false } }) },
  ],
  ['a mutation', { body: post('mutation { createApplication(input: { name: "a" }) { __typename } }') }],
  [
    'variables that do not fit',
    { body: post('query ($id: UUID!) { account(id: $id) { id } }', { variables: { id: 7 } }) },
  ],
  ['a subscription', { body: post(SUBSCRIPTION), headers: { accept: 'text/event-stream' } }],
  ['a subscription by GET', { method: 'GET', search: search(SUBSCRIPTION), headers: { accept: 'text/event-stream' } }],
  [
    'a subscription of Apollo',
    { body: post(SUBSCRIPTION), headers: { accept: 'multipart/mixed;subscriptionSpec="1.0", application/json' } },
  ],
] as readonly (readonly [string, RawRequest])[])('%s', (_, request) => {
  test.each([RESPONSE_JSON, 'application/json', '*/*'])(
    'is 401 without a valid credential, accepting %s',
    async (accept) => {
      const asked = { ...request, headers: { accept, ...request.headers } };
      await expectRefused(asked, SENT_NONE);
      for (const headers of [
        { authorization: `Bearer ${UNKNOWN}` },
        { authorization: 'Basic x' },
        { cookie: `GOLEM_SESSION=${UNKNOWN}` },
      ]) {
        await expectRefused({ ...asked, headers: { ...asked.headers, ...headers } }, NOT_ACCEPTED);
      }
    },
  );
});

test('a persisted document is 401 without a caller, too', async () => {
  const hash = createHash('sha256').update(VIEWER).digest('hex');
  const door = withConfig(app, {});
  const persisted = { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } };
  await expectRefused({ body: post(VIEWER, persisted) }, SENT_NONE, door);
});

test.each([
  '{ __typename }',
  '{ __schema { queryType { name } } }',
  '{ __type(name: "Query") { name } }',
  'mutation { __typename }',
  '{ __typename viewer @skip(if: true) { id } }',
])('%s needs no caller', async (query) => {
  for (const given of [{}, { token: UNKNOWN }]) {
    const { status, errors, data } = await send(app, { body: post(query), ...given });
    expect([status, errors]).toEqual([200, []]);
    expect(data).toBeDefined();
  }
});

test('a document that is not valid is 400, as for anybody', async () => {
  expect((await send(app, { body: post('{ nothing }') })).status).toBe(400);
});

describe('header and cookie', () => {
  const viewerOf = async (header: string | undefined, cookie: string) => {
    const headers = { cookie: `GOLEM_SESSION=${cookie}`, ...(header ? { authorization: `Bearer ${header}` } : {}) };
    return (await send(app, { body: post(VIEWER), headers })).data?.viewer.id;
  };

  test('a valid header counts, whatever cookie goes along', async () => {
    expect(await viewerOf(token, UNKNOWN)).toBe(id);
    expect(await viewerOf(token, 'short')).toBe(id);
    expect(await viewerOf(token, other.token)).toBe(id);
  });

  test('a valid cookie counts where the header is none', async () => {
    expect(await viewerOf(undefined, token)).toBe(id);
    expect(await viewerOf(UNKNOWN, token)).toBe(id);
    expect(await viewerOf(UNKNOWN, UNKNOWN)).toBeUndefined();
  });

  test('a stale cookie beside a valid header is no failed credential', async () => {
    const door = withConfig(app, { failedCredentials: 2 });
    const headers = { authorization: `Bearer ${token}`, cookie: `GOLEM_SESSION=${UNKNOWN}` };
    for (let time = 0; time < 5; time += 1) {
      expect((await send(door, { body: post(VIEWER), headers })).status).toBe(200);
    }
  });
});

test('a credential that ends within a document of queries is 401 as a whole', async () => {
  const guest = await createAccount(app, unique('guest'));
  expect((await send(app, { body: post(VIEWER), token: guest.token })).status).toBe(200);
  // Elsewhere, so that this process goes on to trust the token for a moment.
  await app.services.db.script(`update tokens set revoked_at = now() where account_id = '${guest.id}'`);
  await expectRefused({ body: post(`{ viewer { id } currentToken { id } }`), token: guest.token }, /authenticate/);
});
