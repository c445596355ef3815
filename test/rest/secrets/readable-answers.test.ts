// A value that somebody cannot read never exists: whatever is sent, every answer is read by two strict parsers that know
// nothing of each other, and by JSON.parse.
import { toUSVString } from 'node:util';
import fc from 'fast-check';
import { parse as parseLossless } from 'lossless-json';
import { afterAll, expect, test, vi } from 'vitest';
import { deepType } from '../../conformance/generators/deep-types.js';
import { analysedTypeDocument, anyUnits, typedValue } from '../../conformance/generators/typed-values.js';
import { parseStrict } from '../../conformance/json/strict.js';
import { place } from '../../support/rest/app.js';
import { mutated } from '../../support/rest/mutations.js';
import { restSuite } from '../../support/suites.js';

// A thousand requests a test: on a busy machine and the embedded database that takes a while.
vi.setConfig({ testTimeout: 180_000 });

const { app, token, environmentId } = await restSuite();

let answers = 0;
let written = 0;
afterAll(() => {
  expect(written, 'of what is sent, much is taken').toBeGreaterThan(80);
  expect(answers).toBeGreaterThan(600);
});

async function ask(
  method: string,
  path: string,
  body: string | null = null,
): Promise<{ status: number; text: string }> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await app.fetch(new Request(`http://localhost${path}`, { method, headers, body }));
  const text = await response.text();
  expectReadable(text);
  return { status: response.status, text };
}

function expectReadable(text: string): void {
  answers += 1;
  expect(() => parseStrict(text), text).not.toThrow();
  expectProperText(parseLossless(text), text);
  JSON.parse(text);
}

/** The library takes lone surrogates: they are looked for in what it has read. */
function expectProperText(value: unknown, text: string): void {
  if (typeof value === 'string') expect(toUSVString(value) === value, text).toBe(true);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    expectProperText(key, text);
    expectProperText(item, text);
  }
}

const SECRET = 'id path pathText revision secretType secretTypeText secretValue secretValueText';
const PAGE = `query ($id: UUID!, $environment: UUID!) {
  agentSecret(id: $id) { ${SECRET} revisions(first: 3) { edges { node { secretValue secretValueText agentSecret { secretType } } } } }
  viewer { applications(first: 5) { edges { node { environments(first: 5) { edges { node {
    agentSecrets(first: 5) { edges { node { ${SECRET} } } } } } } } } } }
  environment(id: $environment) { allAgentSecrets { ${SECRET} } }
}`;
const CREATE = `mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) {
  __typename ... on AgentSecretPayload { agentSecret { ${SECRET} } } ... on Refusal { code message } ... on InvalidRequest { problems }
  ... on AgentSecretValueTypeMismatch { problems } } }`;

interface Sent {
  /** As they stand in the JSON of the request. */
  path?: string;
  typeText: string;
  valueText: string;
}

/** Sends it through both doors, sets it once more, and reads it in all the ways there are. */
async function expectReadableEverywhere({ path = `["${place()}"]`, typeText, valueText }: Sent): Promise<void> {
  const body = `{"path":${path},"secretType":${typeText},"secretValue":${valueText}}`;
  const byRest = await ask('POST', `/v1/envs/${environmentId}/agent-secrets`, body);
  const input = `{"environmentId":"${environmentId}",${body.slice(1)}`;
  const again = input.replace(path, `["${place()}"]`);
  const byGraphql = await ask('POST', '/graphql', `{"query":${JSON.stringify(CREATE)},"variables":{"input":${again}}}`);
  const made = [
    byRest.status === 200 ? JSON.parse(byRest.text) : undefined,
    byGraphql.status === 200 ? JSON.parse(byGraphql.text).data?.createAgentSecret?.agentSecret : undefined,
  ];
  for (const secret of made) {
    if (secret?.id === undefined) continue;
    written += 1;
    const { id } = secret;
    await ask(
      'PATCH',
      `/v1/agent-secrets/${id}`,
      `{"currentRevision":0,"secretValue":{"op":"set","value":${valueText}}}`,
    );
    const { text } = await ask('GET', `/v1/agent-secrets/${id}`);
    await ask('GET', `/v1/envs/${environmentId}/agent-secrets`);
    const variables = { id, environment: environmentId };
    const page = await ask('POST', '/graphql', JSON.stringify({ query: PAGE, variables }));
    expect(JSON.parse(page.text).errors, page.text.slice(0, 300)).toBeUndefined();
    await ask('DELETE', `/v1/agent-secret/${id}?current_revision=${JSON.parse(text).revision}`);
  }
}

test('any value of any type, damaged ones among them', async () => {
  const sent = typedValue().chain(({ document, jsonText }) =>
    fc
      .oneof({ weight: 3, arbitrary: fc.constant(jsonText) }, { weight: 1, arbitrary: mutated(jsonText) })
      .map((valueText) => ({ typeText: JSON.stringify(document), valueText })),
  );
  await fc.assert(fc.asyncProperty(sent, expectReadableEverywhere), { numRuns: 50 });
});

test('any type without a value', async () => {
  const sent = analysedTypeDocument().map((document) => ({ typeText: JSON.stringify(document), valueText: 'null' }));
  await fc.assert(fc.asyncProperty(sent, expectReadableEverywhere), { numRuns: 20 });
});

test('any string of code units, text or not, as value, as name and in a path', async () => {
  const sent = anyUnits().chain((units) => {
    const text = JSON.stringify(units);
    return fc.constantFrom<Sent>(
      { typeText: '{"type":"Str"}', valueText: text },
      { typeText: `{"type":"Enum","cases":[${text}],"name":${text}}`, valueText: text },
      { typeText: `{"type":"Variant","cases":[{"name":${text}}]}`, valueText: `{${text}:null}` },
      { path: `["${place()}",${JSON.stringify(`x${units}`)}]`, typeText: '{"type":"Bool"}', valueText: 'true' },
    );
  });
  await fc.assert(fc.asyncProperty(sent, expectReadableEverywhere), { numRuns: 50 });
});

test('types as deep as they may be, and deeper', async () => {
  await fc.assert(fc.asyncProperty(deepType(), expectReadableEverywhere), { numRuns: 25 });
});
