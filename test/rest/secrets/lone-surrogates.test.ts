// Half a surrogate pair is no text: strict clients cannot read a list that holds one. No door takes one in, wherever it
// stands in a request, and what was stored before they were refused stays readable.
import { beforeAll, describe, expect, test } from 'vitest';
import type { Context } from '../../../src/domain/request/context.js';
import { EVERYTHING } from '../../../src/domain/request/grant.js';
import { createAgentSecret } from '../../../src/domain/secrets/agent-secret-create.js';
import { parseAnalysedType } from '../../../src/domain/types/analysed-type-parse.js';
import { parseJson } from '../../../src/json/parse.js';
import { send } from '../../support/graphql/http.js';
import { expectRefusal, place } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, owner, token, environmentId } = await restSuite();

// Each is one escape short of a character, or has them the wrong way round.
const LONE = ['\\ud83d', '\\udd11', '\\uDD11\\uD83D', '\\ud83d\\ud83d\\udd11', `${'x'.repeat(100)}\\udbff`];
const STR = '"secretType":{"type":"Str"}';

/** What the environment holds must be the same before and after. */
async function expectUnchanged(work: () => Promise<void>): Promise<void> {
  const before = (await owner.list(environmentId)).text;
  await work();
  expect((await owner.list(environmentId)).text).toBe(before);
}

describe.each(LONE)('REST refuses %s', (lone) => {
  test.each([
    ['as the value', (text: string) => `${STR},"secretValue":"${text}"`],
    [
      'within the value',
      (text: string) => `"secretType":{"type":"List","inner":{"type":"Str"}},"secretValue":["${text}"]`,
    ],
    ['as a key of the value', (text: string) => `${STR},"secretValue":{"${text}":null}`],
    ['in the path', (text: string) => `"path":["a${text}b"],${STR}`],
    ['as a name in the type', (text: string) => `"secretType":{"type":"Enum","cases":["${text}"]}`],
    [
      'as the name of the type',
      (text: string) => `"secretType":{"type":"List","inner":{"type":"Str"},"name":"${text}"}`,
    ],
    ['in an ignored key of the type', (text: string) => `"secretType":{"type":"Str","x":"${text}"}`],
    ['in an ignored key', (text: string) => `${STR},"ignored":["${text}"]`],
    ['as an ignored key', (text: string) => `${STR},"${text}":1`],
  ])('%s of a create', async (_, bodyWith) => {
    const body = (text: string) => {
      const rest = bodyWith(text);
      return rest.startsWith('"path"') ? `{${rest}}` : `{"path":["${place()}"],${rest}}`;
    };
    await expectUnchanged(async () => {
      const answer = await owner.create(environmentId, body(lone));
      expectRefusal(
        answer,
        400,
        'INVALID_REQUEST',
        /^body: line 1, column \d+: expected a string without lone surrogates$/,
      );
    });
  });

  test.each([
    ['as the value', (text: string) => `"secretValue":{"op":"set","value":"${text}"}`],
    ['in an ignored key of the change', (text: string) => `"secretValue":{"op":"unset","x":"${text}"}`],
    ['in an ignored key', (text: string) => `"x":{"${text}":0}`],
  ])('%s of an update', async (_, rest) => {
    const { id } = await owner.made(environmentId);
    await expectUnchanged(async () => {
      expectRefusal(await owner.update(id, `{"currentRevision":0,${rest(lone)}}`), 400, 'INVALID_REQUEST');
    });
  });
});

const INPUT = (rest: string) =>
  `{"environmentId":"${environmentId}","path":["${place()}"],"secretType":{"type":"Str"},${rest}}`;
const CREATE =
  'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename ... on Refusal { code message } } }';
const CHANGES =
  'mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) { __typename } }';
const inline = (literal: string) =>
  JSON.stringify(
    `mutation { createAgentSecret(input: { environmentId: "${environmentId}", path: ["${place()}"], secretType: { type: "Str" }, secretValue: ${literal} }) { __typename } }`,
  );

describe.each(LONE)('GraphQL refuses %s', (lone) => {
  test.each([
    ['in a variable', () => `{"query":"${CREATE}","variables":{"input":${INPUT(`"secretValue":"${lone}"`)}}}`],
    [
      'in the path',
      () => `{"query":"${CREATE}","variables":{"input":${INPUT('"x":0').replace('"path":["', `"path":["${lone}`)}}}`,
    ],
    [
      'in a change set',
      () =>
        `{"query":"${CHANGES}","variables":{"input":{"environmentId":"${environmentId}","changes":[{"create":{"path":["a"],"secretType":{"type":"Str"},"secretValue":"${lone}"}}]}}}`,
    ],
    ['in a variable that nothing uses', () => `{"query":"{ viewer { id } }","variables":{"x":"${lone}"}}`],
    ['in the extensions', () => `{"query":"{ viewer { id } }","extensions":{"${lone}":1}}`],
    ['in a string of the document', () => `{"query":${inline(`"${lone}"`)}}`],
    ['in the text of the document', () => `{"query":"{ viewer { id } } # ${lone}"}`],
    ['in a block string', () => `{"query":${inline('"""LONE"""').replace('LONE', lone)}}`],
  ])('%s', async (_, body) => {
    await expectUnchanged(async () => {
      const { status, errors } = await send(app, { token, body: body() });
      expect({ status, code: errors[0]?.extensions?.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
    });
  });

  test('in the exact text of a value', async () => {
    const text = JSON.stringify(`"${lone}"`);
    await expectUnchanged(async () => {
      const variables = `{"input":${INPUT(`"secretValueText":${text}`)}}`;
      const { data } = await send(app, { token, body: `{"query":"${CREATE}","variables":${variables}}` });
      expect(data.createAgentSecret).toMatchObject({ __typename: 'InvalidRequest', code: 'INVALID_REQUEST' });
    });
  });

  test('in the variables of a URL', async () => {
    const search = `?query=${encodeURIComponent('{ viewer { id } }')}&variables=${encodeURIComponent(`{"x":"${lone}"}`)}`;
    const { status, errors } = await send(app, { method: 'GET', token, search });
    expect({ status, code: errors[0]?.extensions?.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
  });
});

test('a pair in two escapes is a character, and an escaped escape is text', async () => {
  for (const [sent, value] of [
    ['"\\uD83D\\uDD11"', '🔑'],
    ['"\\\\ud83d"', '\\ud83d'],
    ['"🔑\\\\\\ud83d\\udd11"', '🔑\\🔑'],
  ]) {
    const answer = await owner.create(environmentId, `{"path":["${place()}"],${STR},"secretValue":${sent}}`);
    expect(answer.body.secretValue, answer.text).toBe(value);
  }
});

describe('what was stored before they were refused', () => {
  const type = '{"type":"Record","fields":[{"name":"\\udc00","typ":{"type":"Str"}}]}';
  const value = '{"\\udc00":"\\ud83d"}';
  let environment: string;
  let id: string;
  beforeAll(async () => {
    environment = await createEnvironment(app, token, app.world.applicationId);
    const actor = { accountId: app.world.people.owner.id, tokenId: null, isAdmin: false, grant: EVERYTHING };
    const ctx: Context = { services: app.services, actor, requestId: 'before', door: 'rest' };
    const kept = (text: string) => parseJson(text, { keepsLoneSurrogates: true });
    // No door takes it in any more.
    const secretType = parseAnalysedType(kept(type));
    const made = await createAgentSecret(ctx, {
      environmentId: environment,
      path: ['old'],
      secretType,
      secretValue: kept(value),
    });
    id = made.id;
  });

  test('is read as it is, by id and in lists, through both doors', async () => {
    const headers = { authorization: `Bearer ${token}` };
    const fetched = async (path: string) =>
      (await app.fetch(new Request(`http://localhost${path}`, { headers }))).text();
    for (const path of [`/v1/agent-secrets/${id}`, `/v1/envs/${environment}/agent-secrets`]) {
      expect(await fetched(path)).toContain(`"secretType":${type},"secretValue":${value}}`);
    }
    const query = `{ agentSecret(id: "${id}") { secretType secretTypeText secretValue secretValueText } }`;
    const { data } = await send(app, { token, body: JSON.stringify({ query }) });
    expect(data.agentSecret).toEqual({
      secretType: JSON.parse(type),
      secretTypeText: 'record { \udc00: string }',
      secretValue: JSON.parse(value),
      secretValueText: value,
    });
  });

  test('is kept, replaced, removed and deleted as any other', async () => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const call = (method: string, path: string, body: string | null = null) =>
      app.fetch(new Request(`http://localhost${path}`, { method, headers, body }));
    const kept = await call('PATCH', `/v1/agent-secrets/${id}`, '{"currentRevision":0}');
    expect(kept.status).toBe(200);
    expect(await kept.text()).toContain(`"revision":1,"secretType":${type},"secretValue":${value}}`);
    const unset = await call('PATCH', `/v1/agent-secrets/${id}`, '{"currentRevision":1,"secretValue":{"op":"unset"}}');
    expect(unset.status).toBe(200);
    expect((await call('DELETE', `/v1/agent-secret/${id}?current_revision=2`)).status).toBe(200);
    expect((await owner.list(environment)).body).toEqual({ values: [] });
  });
});
