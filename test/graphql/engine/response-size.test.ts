// How large an answer may be: one that would be larger is refused as a whole, whatever makes it so.
import { expect, test } from 'vitest';
import { ask, firstEvent } from '../../support/graphql/client.js';
import { type RawAnswer, RESPONSE_JSON, sendQuery, withConfig } from '../../support/graphql/http.js';
import { changeSet } from '../../support/graphql/log.js';
import { createSecret, type Secret } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';

const MAX_BYTES = 64 * 1024;
const { app, token, environmentId } = await graphqlSuite({ maxResponseBytes: MAX_BYTES });

const VALUE = 'v'.repeat(3_000);
const create = (name: string, more: object = {}) =>
  createSecret(app, token, {
    environmentId,
    path: [name],
    secretType: { type: 'Str' },
    secretValue: VALUE,
    ...more,
  }) as Promise<Secret>;
const { id } = await create('large');

/** The same selection under so many aliases. */
const aliases = (count: number, selection: (name: string) => string) =>
  Array.from({ length: count }, (_, n) => selection(`a${n}`)).join(' ');

function expectTooLarge({ status, data, errors, headers }: RawAnswer) {
  expect(errors).toEqual([
    {
      message: `The answer would have more than ${MAX_BYTES} bytes (MAX_RESPONSE_BYTES); ask for less at a time`,
      extensions: { code: 'RESPONSE_TOO_LARGE' },
    },
  ]);
  expect(data).toBeUndefined();
  expect(status).toBe(400);
  expect(headers.get('content-type')).toContain(RESPONSE_JSON);
}

test('a value counts as often as it is selected, under whatever alias', async () => {
  const query = (count: number) =>
    `{ ${aliases(count, (name) => `${name}: agentSecret(id: "${id}") { secretValue }`)} }`;
  expect((await sendQuery(app, token, query(20))).errors).toEqual([]);
  expectTooLarge(await sendQuery(app, token, query(22)));
});

test('one selected often in one place is refused, too', async () => {
  const fields = aliases(22, (name) => `${name}: secretValueText`);
  expectTooLarge(await sendQuery(app, token, `{ agentSecret(id: "${id}") { ${fields} } }`));
});

test('the same secret named often is refused', async () => {
  const query = `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on AgentSecret { secretValue } } }`;
  expectTooLarge(await sendQuery(app, token, query, { ids: Array.from({ length: 22 }, () => id) }));
});

test('types count like values', async () => {
  const names = Array.from({ length: 300 }, (_, n) => `flag-number-${n}`);
  const flags = await create('types', { secretType: { type: 'Flags', names }, secretValue: [] });
  const query = (field: string) =>
    `{ agentSecret(id: "${flags.id}") { ${aliases(20, (name) => `${name}: ${field}`)} } }`;
  expectTooLarge(await sendQuery(app, token, query('secretType')));
  expectTooLarge(await sendQuery(app, token, query('secretTypeText')));
});

test('whatever else is selected counts, too', async () => {
  const list =
    'edges { node { id environmentId pathText createdAt updatedAt createdBy { accountId } updatedBy { accountId } } }';
  for (let n = 0; n < 20; n += 1) await create(`small${n}`, { secretValue: 'v' });
  const query = `query ($e: UUID!) { environment(id: $e) { ${aliases(15, (name) => `${name}: agentSecrets { ${list} }`)} } }`;
  expectTooLarge(await sendQuery(app, token, query, { e: environmentId }));
});

test('it counts as much beside a field that fails', async () => {
  const list =
    'edges { node { id environmentId pathText createdAt updatedAt createdBy { accountId } updatedBy { accountId } } }';
  const query = `query ($e: UUID!, $none: UUID!) { failing: agentSecret(id: $none) { id } environment(id: $e) {
    ${aliases(15, (name) => `${name}: agentSecrets { ${list} }`)} } }`;
  expectTooLarge(await sendQuery(app, token, query, { e: environmentId, none: environmentId }));
});

test('the refusal is shown and nothing else, and what was opened is recorded once', async () => {
  const secret = await create('recorded');
  const fields = aliases(22, (name) => `${name}: secretValue`);
  expectTooLarge(await sendQuery(app, token, `{ agentSecret(id: "${secret.id}") { ${fields} } }`));
  const query = `query ($e: UUID!, $s: UUID!) { environment(id: $e) { reads(filter: {agentSecretId: $s}) { edges { node { revision } } } } }`;
  const { environment } = await ask(app, token, query, { e: environmentId, s: secret.id });
  expect(environment.reads.edges).toEqual([{ node: { revision: 0 } }]);
});

test('an event that would be larger ends its stream with the refusal', async () => {
  const before = await ask(app, token, 'query ($e: UUID!) { environment(id: $e) { revision } }', { e: environmentId });
  await changeSet(app, token, { environmentId, changes: [{ update: { id, currentRevision: 0 } }] });
  const fields = aliases(22, (name) => `${name}: secretValue`);
  const query = `subscription ($e: UUID!, $after: Revision) {
    agentSecretChanges(environmentId: $e, after: $after) { changes { ${fields} } } }`;
  const { data, errors } = await firstEvent(app, token, query, {
    e: environmentId,
    after: before.environment.revision,
  });
  expect([data ?? null, errors]).toMatchObject([null, [{ extensions: { code: 'RESPONSE_TOO_LARGE' } }]]);
});

test('REST answers one secret, which the plan bounds', async () => {
  const door = withConfig(app, { maxResponseBytes: 1_024 });
  const response = await door.fetch(
    new Request(`http://localhost/v1/agent-secrets/${id}`, { headers: { authorization: `Bearer ${token}` } }),
  );
  expect([response.status, (await response.json()).secretValue]).toEqual([200, VALUE]);
});
