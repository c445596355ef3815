// All secrets in one piece: the same as one by one, now and as they were, for the same callers, and recorded as read.
import { beforeAll, expect, test } from 'vitest';
import { RawJson } from '../../../src/json/exact.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { destroyRevision, environmentAt } from '../../support/graphql/log.js';
import { createSecret, deleteSecret, done, updateSecret } from '../../support/graphql/secrets.js';
import { tokenWith } from '../../support/graphql/token-scopes.js';
import { graphqlSuite } from '../../support/suites.js';

const { app, token, environmentId } = await graphqlSuite({ readAudit: 'strict' });
let overwritten: string;
const LAST = 7;
beforeAll(async () => {
  const create = (path: string[], type: object, secretValue: unknown) =>
    done(createSecret(app, token, { environmentId, path, secretType: type, secretValue }));
  await create(['db', 'größe'], { type: 'U64' }, new RawJson('18446744073709551615'));
  await create(['none'], { type: 'Str' }, null);
  await create(['option'], { type: 'Option', inner: { type: 'Str' } }, null);
  ({ id: overwritten } = await create(['text'], { type: 'Str' }, 'first "quoted"\u2028'));
  await done(
    updateSecret(app, token, { id: overwritten, currentRevision: 0, secretValue: { op: 'SET', value: 'second' } }),
  );
  const { id } = await create(['gone'], { type: 'Bool' }, true);
  await done(deleteSecret(app, token, { id, currentRevision: 0 }));
});

const SHOWN = `agentSecretDocuments
  allAgentSecrets { document id: agentSecretId environmentId path revision secretType secretValue }`;

test.each(Array.from({ length: LAST + 1 }, (_, at) => at))('as one by one, after revision %i', async (at) => {
  const environment = await environmentAt(app, token, environmentId, SHOWN, at);
  const all = environment.allAgentSecrets.map(({ document, ...fields }: any) => {
    expect(document).toEqual(fields);
    return fields;
  });
  expect(environment.agentSecretDocuments).toEqual(all);
  expect(environment.agentSecretDocuments).toHaveLength([0, 1, 2, 3, 4, 4, 5, 4][at] as number);
});

test('no document of one without the scope reveal', async () => {
  const blind = await tokenWith(app, token, { scopes: ['METADATA'] });
  const query = 'query ($id: UUID!) { agentSecret(id: $id) { id document } }';
  const { data, errors } = await graphql<any>(app, blind, query, { id: overwritten });
  expect(data.agentSecret).toEqual({ id: overwritten, document: null });
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['AUTH_FORBIDDEN']);
});

test('no value without the scope reveal, and no list at all', async () => {
  const blind = await tokenWith(app, token, { scopes: ['METADATA'] });
  const { errors } = await graphql(app, blind, 'query ($id: UUID!) { environment(id: $id) { agentSecretDocuments } }', {
    id: environmentId,
  });
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['AUTH_FORBIDDEN']);
});

test('the request’s record tells every value once, however often it selects them', async () => {
  const { environment } = await ask<any>(
    app,
    token,
    `query ($id: UUID!) { environment(id: $id) {
      one: agentSecretDocuments two: agentSecretDocuments allAgentSecrets { secretValue }
      reads { edges { node { agentSecretId } } }
    } }`,
    { id: environmentId },
  );
  expect(environment.two).toEqual(environment.one);
  const document = `query ($id: UUID!) { environment(id: $id) { reads(first: 6) { edges { node { agentSecretId requestId } } } } }`;
  const { edges } = (await ask<any>(app, token, document, { id: environmentId })).environment.reads;
  const latest = edges.filter(({ node }: any) => node.requestId === edges[0].node.requestId);
  expect(new Set(latest.map(({ node }: any) => node.agentSecretId)).size).toBe(2);
  expect(latest).toHaveLength(2);
});

test('AGENT_SECRET_VALUE_DESTROYED where a value was erased', async () => {
  await done(destroyRevision(app, token, { id: overwritten, revision: 0, currentRevision: 1 }) as never);
  const query = (at: number) =>
    graphql<any>(
      app,
      token,
      'query ($id: UUID!, $at: Revision!) { environment(id: $id) { snapshot(revision: $at) { agentSecretDocuments } } }',
      { id: environmentId, at },
    );
  expect((await query(4)).errors?.[0]?.extensions.code).toBe('AGENT_SECRET_VALUE_DESTROYED');
  expect((await query(LAST)).errors).toBeUndefined();
  const one =
    'query ($id: UUID!) { agentSecret: agentSecretRevision(id: $id, revision: 0) { id: agentSecretId document } }';
  const { data, errors } = await graphql<any>(app, token, one, { id: overwritten });
  expect(data.agentSecret).toEqual({ id: overwritten, document: null });
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['AGENT_SECRET_VALUE_DESTROYED']);
});
