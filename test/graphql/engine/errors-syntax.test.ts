// Errors of documents and bodies that cannot even be read: where it is and what was expected, without what is there.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CANARY, CANARY_NUMBER, canary } from '../../support/canary.js';
import { type RawAnswer, send, sendQuery } from '../../support/graphql/http.js';
import { createSecret, done } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';

const { app, world, token } = await graphqlSuite();

function expectDiscreet({ status, errors, text }: RawAnswer): void {
  expect(status, text).toBeLessThan(500);
  expect(JSON.stringify(errors)).not.toMatch(CANARY);
  expect(errors.map(({ extensions }) => extensions?.code)).not.toContain('INTERNAL_UNKNOWN');
}

const create = (value: string, rest = '') => `mutation { createAgentSecret(input: {
  environmentId: "01a20640-d042-77d8-a4fc-5bc52814913e", path: ["a"], secretType: { type: "Str" }, secretValue: ${value} }) { __typename } } ${rest}`;

describe('a syntax error tells its place and not its surroundings:', () => {
  test.each([
    ['a string that does not end', create('"c4n4ry')],
    ['a string over two lines', create('"c4n4ry\nc4n4ry"')],
    ['a block string that does not end', create('"""c4n4ry')],
    ['an unknown escape', create('"c4n4ry\\c4n4ry"')],
    ['a bad unicode escape', create('"c4n4ry \\u{c4n4ry}"')],
    ['a lone surrogate escape', create('"c4n4ry \\ud800"')],
    ['single quotes', create("'c4n4ry'")],
    ['a number with letters', create(`${CANARY_NUMBER}c4n4ry`)],
    ['a number with a leading zero', create(`0${CANARY_NUMBER}`)],
    ['a number with two points', create(`${CANARY_NUMBER}.1.${CANARY_NUMBER}`)],
    ['two strings', create('"c4n4ry" "c4n4ry"')],
    ['two numbers', create(`${CANARY_NUMBER} ${CANARY_NUMBER}`)],
    ['two names', create('c4n4ry c4n4ry')],
    ['JSON with quoted keys', create('{ "c4n4ry": "c4n4ry" }')],
    ['a JSON number with a plus', create(`+${CANARY_NUMBER}`)],
    ['a missing bracket', create('["c4n4ry"').replace(/\}[^}]*$/, '')],
    ['a value behind the document', create('"c4n4ry"', '"c4n4ry"')],
    ['a name behind the document', create('"c4n4ry"', 'c4n4ry')],
    ['a percent sign', create('%c4n4ry%')],
    ['an at sign', create('@c4n4ry')],
    ['a URL', create('postgres://user:c4n4ry@host/db')],
    ['a value for a name', '{ "c4n4ry" }'],
    ['a value for a type', 'query ($v: "c4n4ry") { viewer { id } }'],
    ['a default that is none', `query ($v: String = ${'$'}c4n4ry) { viewer { id } }`],
    ['only a value', '"c4n4ry"'],
    ['nothing', ''],
    ['only a comment', '# c4n4ry'],
  ])('%s', async (_, document) => {
    const answer = await sendQuery(app, token, document);
    expectDiscreet(answer);
    expect([answer.status, answer.errors.length, answer.errors[0]?.extensions?.code]).toEqual([
      400,
      1,
      'INVALID_REQUEST',
    ]);
    if (document === '') return;
    expect(answer.errors[0]?.message).toMatch(/^Syntax Error: /);
    expect(answer.errors[0]?.locations).toEqual([{ line: expect.any(Number), column: expect.any(Number) }]);
  });
});

describe('a value in a place where names stand', () => {
  test.each([
    ['as an undefined variable', create('$c4n4ry')],
    ['as an undefined variable in a list', create('["x", $c4n4ry]')],
    ['as an undefined variable for an argument', '{ node(id: $c4n4ry) { id } }'],
    ['as a duplicate key', create('{ c4n4ry: 1, c4n4ry: 2 }')],
    ['as an unknown input field', create('"x"').replace('path:', 'c4n4ry: "c4n4ry", path:')],
    ['as an enum value', '{ environment(id: "x") { agentSecrets(orderBy: { field: c4n4ry }) { totalCount } } }'],
    [
      'as a list of enum values',
      '{ environment(id: "x") { agentSecrets(filter: { typeKinds: [Str, c4n4ry] }) { totalCount } } }',
    ],
    ['as a directive’s condition', '{ viewer @include(if: "c4n4ry") { id } }'],
    [
      'as a default of a variable',
      'query ($v: Int = "c4n4ry") { environment { agentSecrets(first: $v) { totalCount } } }',
    ],
    ['as an enum for a string', create('"x"').replace('["a"]', '[c4n4ry]')],
  ])('is not repeated: %s', async (_, document) => {
    const answer = await sendQuery(app, token, document);
    expectDiscreet(answer);
    expect(answer.status).toBe(400);
    for (const { extensions, locations } of answer.errors) {
      expect(extensions?.code).toBe('INVALID_REQUEST');
      expect(locations).not.toEqual([]);
    }
  });
});

describe('a malformed body tells line and column:', () => {
  const AT = /line \d+, column \d+: expected \S/;
  test.each([
    '{"query": "c4n4ry',
    '{"query": "c4n4ry\n"}',
    '{"query": c4n4ry}',
    "{'query': 'c4n4ry'}",
    '{"query": "x", "variables": {"c4n4ry": 01}}',
    '{"query": "x", "variables": {"c4n4ry": 1, "c4n4ry": 2}}',
    `{"query": "x", "variables": {"a": ${CANARY_NUMBER}x}}`,
    '{"query": "x", "variables": {"a": "\\c4n4ry"}}',
    '{"query": "x"} c4n4ry',
    '{"query": "x",}',
    'query=c4n4ry',
    'c4n4ry',
  ])('%s', async (body) => {
    const answer = await send(app, { body, token });
    expectDiscreet(answer);
    expect([answer.status, answer.errors.length]).toEqual([400, 1]);
    expect(answer.errors[0]?.message).toMatch(AT);
  });
});

const SHAPES: readonly (() => { query: string; variables?: object })[] = [
  () => ({ query: create(`"${canary()}"`) }),
  () => ({ query: create(`{ password: "${canary()}", ports: [${CANARY_NUMBER}, 1.5], on: true, none: null }`) }),
  () => ({
    query: create(`"""${canary()}"""`).replace('secretValue:', `secretValueText: "\\"${canary()}\\"", secretValue:`),
  }),
  () => ({
    query: `mutation A($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) {
      __typename ... on Refusal { code message } ... on AgentSecretValueTypeMismatch { problems } } }`,
    variables: {
      input: {
        environmentId: world.environmentId,
        path: ['a', 'b'],
        secretType: { type: 'Record', fields: [{ name: 'key', typ: { type: 'Str' } }] },
        secretValue: { key: canary(), other: Number(CANARY_NUMBER), [canary()]: [canary()] },
      },
    },
  }),
  () => ({
    query: `mutation ($value: SecretValue, $op: SecretValueOp = SET) { updateAgentSecret(input: {
      id: "${secretId}", currentRevision: 0, secretValue: { op: $op, value: { key: $value, other: "${canary()}" } } }) {
      __typename ... on Refusal { code message } ... on ConcurrentUpdate { currentRevision } } }`,
    variables: { value: canary() },
  }),
  () => ({
    query: `query ($path: [String!], $after: String) { environment(id: "${world.environmentId}") {
      agentSecret(path: $path) { id } agentSecrets(first: 2, after: $after, filter: { pathPrefix: "${canary()}" }) { totalCount } } }`,
    variables: { path: [canary()], after: canary() },
  }),
  () => ({
    query: `{ environment(account: "${canary()}", application: "${canary()}", name: "${canary()}") { id } node(id: "${canary()}") { id } }`,
  }),
  () => ({
    query: `mutation { createToken(input: { name: "${canary()}", expiresAt: "${canary()}" }) { __typename ... on Refusal { code message } } }`,
  }),
];
let secretId: string;

interface Mutation {
  at: number;
  remove: number;
  insert: string;
}
const anyMutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(),
  remove: fc.nat({ max: 3 }),
  insert: fc.oneof(
    fc.constantFrom(
      '',
      '"',
      '\\',
      '{',
      '}',
      '(',
      ')',
      '[',
      ']',
      ':',
      '$',
      '!',
      '@',
      '#',
      '\n',
      '...',
      ',',
      '0',
      '.',
      '-',
      'null',
      '"""',
      '\\u',
      '\0',
      '\ud800',
      '👻',
      'e9',
    ),
    fc.string({ maxLength: 3 }),
  ),
});

function mutated(text: string, mutations: readonly Mutation[]): string {
  return mutations.reduce((result, { at, remove, insert }) => {
    const start = at % (result.length + 1);
    return result.slice(0, start) + insert + result.slice(start + remove);
  }, text);
}

test('however an operation is mangled, no answer is a bug or repeats a value', async () => {
  const secret = { environmentId: world.environmentId, path: ['fuzz'], secretType: { type: 'Str' } };
  secretId = (await done(createSecret(app, token, secret))).id;
  const mangled = fc.record({
    shape: fc.constantFrom(...SHAPES),
    mutations: fc.array(anyMutation, { minLength: 1, maxLength: 3 }),
    where: fc.constantFrom('query', 'variables', 'body'),
  });
  const property = fc.asyncProperty(mangled, async ({ shape, mutations, where }) => {
    const { query, variables = {} } = shape();
    const text = JSON.stringify(variables);
    const body =
      where === 'query'
        ? JSON.stringify({ query: mutated(query, mutations), variables })
        : where === 'variables'
          ? `{"query":${JSON.stringify(query)},"variables":${mutated(text, mutations)}}`
          : mutated(JSON.stringify({ query, variables }), mutations);
    expectDiscreet(await send(app, { body: Buffer.from(body), token }));
  });
  await fc.assert(property, { numRuns: 1_000 });
}, 120_000);
