// Values come back exactly as they were sent, in whichever of three ways they came in, or they are refused.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RawJson } from '../../../src/json/exact.js';
import { typedValue } from '../../conformance/generators/typed-values.js';
import { canary } from '../../support/canary.js';
import { ask, graphql } from '../../support/graphql/client.js';
import {
  createSecret,
  done,
  readSecret,
  refused,
  updateSecret,
  WRITE_RESULT,
  writtenIn,
} from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment, unique } from '../../support/world.js';

const { app, world, token, environmentId } = await graphqlSuite();

const create = (input: object) => createSecret(app, token, { environmentId, path: [unique('s')], ...input });

/** Creates a secret whose type and value stand in the document itself. */
async function createInline(type: string, value: string, declared = '', variables: object = {}) {
  return writtenIn((await createInlineAnswer(type, value, declared, variables)).data.createAgentSecret) as any;
}
function createInlineAnswer(type: string, value: string, declared = '', variables: object = {}) {
  const document = `mutation ($environmentId: UUID!, $path: [String!]!${declared}) {
    createAgentSecret(input: { environmentId: $environmentId, path: $path, secretType: ${type}, secretValue: ${value} }) {
      ${WRITE_RESULT}
    }
  }`;
  return graphql<any>(app, token, document, { environmentId, path: [unique('s')], ...variables });
}

describe.each([
  ['U64', '18446744073709551615'],
  ['U64', '9007199254740993'],
  ['S64', '-9223372036854775808'],
  ['S64', '-9007199254740993'],
])('the %s %s', (type, digits) => {
  const expected = { secretValue: BigInt(digits), secretValueText: digits };
  const document = { type };

  test('is exact as a variable', async () => {
    expect(await create({ secretType: document, secretValue: BigInt(digits) })).toMatchObject(expected);
  });
  test('is exact as exact text', async () => {
    expect(await create({ secretType: document, secretValueText: digits })).toMatchObject(expected);
  });
  test('is exact as an inline literal', async () => {
    expect(await createInline(`{ type: "${type}" }`, digits)).toMatchObject(expected);
  });
  test('is exact in an update, and when read again', async () => {
    const { id } = await done(create({ secretType: document }));
    for (const [revision, change] of [{ value: BigInt(digits) }, { valueText: digits }].entries()) {
      const secretValue = { op: 'SET', ...change };
      expect(await updateSecret(app, token, { id, currentRevision: revision, secretValue })).toMatchObject(expected);
    }
    expect((await readSecret(app, token, id)).data.agentSecret).toMatchObject(expected);
  });
});

test.each(['18446744073709551616', '-1', '1.5', '1e30'])('%s is no u64 and is refused, not rounded', async (digits) => {
  const mismatch = { __typename: 'AgentSecretValueTypeMismatch', problems: ['$: expected u64'] };
  expect(await create({ secretType: { type: 'U64' }, secretValueText: digits })).toMatchObject(mismatch);
  expect(await createInline('{ type: "U64" }', digits)).toMatchObject(mismatch);
  expect(await create({ secretType: { type: 'U64' }, secretValue: new RawJson(digits) })).toMatchObject(mismatch);
});

test('every spelling of a whole number is the same integer', async () => {
  for (const spelling of ['100', '1e2', '100.0', '1.00E+2', '10000e-2']) {
    const secretType = { type: 'U8' };
    expect(await create({ secretType, secretValueText: spelling })).toMatchObject({ secretValueText: '100' });
    expect(await create({ secretType, secretValue: new RawJson(spelling) })).toMatchObject({ secretValueText: '100' });
  }
  expect(await createInline('{ type: "U8" }', '1e2')).toMatchObject({ secretValueText: '100' });
});

test('a value and its text together are refused, whichever fits', async () => {
  const both = await refused(create({ secretType: { type: 'Str' }, secretValue: canary(), secretValueText: '"x"' }));
  expect(both).toMatchObject({ __typename: 'InvalidRequest', code: 'INVALID_REQUEST' });
  expect(both.problems?.[0]).toContain('secretValueText');
  const { id } = await done(create({ secretType: { type: 'Str' } }));
  const secretValue = { op: 'SET', value: canary(), valueText: '"x"' };
  const twice = await refused(updateSecret(app, token, { id, currentRevision: 0, secretValue }));
  expect(twice).toMatchObject({ __typename: 'InvalidRequest' });
  expect(twice.problems?.[0]).toContain('valueText');
});

test.each(['', '{', 'c4n4ry', '"c4n4ry', '{"c4n4ry":1,"c4n4ry":2}', '01', '1 "c4n4ry"', "'c4n4ry'", '\ufeff1'])(
  'the text %j is not JSON: refused by place, without a word of it',
  async (secretValueText) => {
    const { __typename, problems } = await refused(create({ secretType: { type: 'Str' }, secretValueText }));
    expect(__typename).toBe('InvalidRequest');
    expect(problems?.[0]).toMatch(/^secretValueText: line 1, column \d+: expected /);
  },
);

test('inline literals may hold variables of any type at any depth', async () => {
  const type = `{ type: "Record", fields: [
    { name: "host", typ: { type: "Str" } }, { name: "ports", typ: { type: "List", inner: { type: "U64" } } },
    { name: "note", typ: { type: "Option", inner: { type: "Str" } } }, { name: "on", typ: { type: "Bool" } } ] }`;
  const value = '{ host: $host, ports: [1, $port, 3], note: $note, on: $on }';
  const declared = ', $host: String, $port: SecretValue, $note: SecretValue, $on: Boolean!';
  const variables = { host: 'h', port: 2n ** 64n - 1n, note: null, on: true };
  expect(await createInline(type, value, declared, variables)).toMatchObject({
    secretValueText: '{"host":"h","ports":[1,18446744073709551615,3],"note":null,"on":true}',
  });
});

test('variables of the schema’s own exact scalars keep their text inside a literal', async () => {
  const type = `{ type: "Tuple", items: [{ type: "U64" }, { type: "S32" }, ${TYPE_AS_A_VALUE}] }`;
  const declared = ', $revision: Revision!, $int: Int!, $type: AnalysedType!';
  const variables = { revision: 2n ** 64n - 1n, int: -7, type: { extra: 'kept', type: 'Str' } };
  const value = '{ t: [$revision, $int, $type] }';
  const record = `{ type: "Record", fields: [{ name: "t", typ: ${type} }] }`;
  expect(await createInline(record, value, declared, variables)).toMatchObject({
    secretValueText: '{"t":[18446744073709551615,-7,{"extra":"kept","type":"Str"}]}',
  });
});

const TYPE_AS_A_VALUE =
  '{ type: "Record", fields: [{ name: "extra", typ: { type: "Str" } }, { name: "type", typ: { type: "Str" } }] }';

test.each([
  ['UUID!', '01A20640-D042-77D8-A4FC-5BC52814913E'],
  ['DateTimeISO', '2024-02-29T14:00:00+02:00'],
  ['[DateTimeISO!]', ['2024-02-29T12:00:00Z']],
  ['ShareRole', 'ADMIN'],
  ['SecretValueChange', { op: 'UNSET' }],
])('a variable of type %s would be another text in a value: it is refused there', async (type, value) => {
  for (const literal of ['{ a: $v }', '[{ a: [1, $v] }]', '{ a: { b: [{ c: $v }] } }']) {
    const { data, errors } = await createInlineAnswer('{ type: "Str" }', literal, `, $v: ${type}`, { v: value });
    expect(data).toBeUndefined();
    expect(errors?.map(({ message }) => message)).toEqual([
      `A variable of type "${type.replace(/\W/g, '')}" cannot stand inside a value: declare it as String or SecretValue.`,
    ]);
  }
});

test.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])(
  'a variable may be called %s: left out, it is null in a literal',
  async (name) => {
    const type = '{ type: "Record", fields: [{ name: "a", typ: { type: "Option", inner: { type: "Str" } } }] }';
    const declared = `, $${name}: String`;
    expect(await createInline(type, `{ a: $${name} }`, declared)).toMatchObject({ secretValueText: '{"a":null}' });
    const given = await createInline(type, `{ a: $${name} }`, declared, Object.fromEntries([[name, 'given']]));
    expect(given).toMatchObject({ secretValueText: '{"a":"given"}' });
  },
);

test.each([
  ['1.0', 1],
  ['2e0', 2],
  ['20e-1', 2],
  ['0.0', 0],
  ['-0.0', 0],
])('an Int variable spelled %s is the whole number it is', async (spelling, first) => {
  const secretIds = await Promise.all([0, 1].map(() => create({ secretType: { type: 'Str' } })));
  expect(secretIds).toHaveLength(2);
  const document =
    'query ($id: UUID!, $first: Int) { environment(id: $id) { agentSecrets(first: $first) { edges { cursor } } } }';
  const { environment } = await ask(app, token, document, { id: environmentId, first: new RawJson(spelling) });
  expect(environment.agentSecrets.edges).toHaveLength(first);
});

test.each(['1.5', '2147483648.0', '1e10', '1.0000000000000000000000001', '99999999999999999999'])(
  'an Int variable %s is none, and is refused',
  async (spelling) => {
    const document =
      'query ($id: UUID!, $first: Int) { environment(id: $id) { agentSecrets(first: $first) { totalCount } } }';
    const { errors } = await graphql<any>(app, token, document, { id: environmentId, first: new RawJson(spelling) });
    expect(errors?.map(({ message }) => message)).toEqual([
      '$first: expected a whole number from -2147483648 to 2147483647 such as `50`',
    ]);
  },
);

test.each([
  ['U64', { type: 'U64' }],
  ['Handle', { type: 'Handle', resource_id: 2n ** 64n - 1n, mode: 'Owned' }],
  ['Variant', { type: 'Variant', cases: [{ name: 'a' }, { name: 'b', typ: { type: 'Str' } }] }],
])('a type variable may stand inside a type literal: %s', async (_, inner) => {
  const declared = ', $inner: AnalysedType!';
  const { data, errors } = await createInlineAnswer('{ type: "List", inner: $inner }', '[]', declared, { inner });
  expect(errors).toBeUndefined();
  expect(data.createAgentSecret.agentSecret).toMatchObject({ secretType: { type: 'List', inner } });
});

test('a type reads back in canonical form, the same from a literal and from a variable', async () => {
  const secretType = {
    owner: null,
    fields: [{ typ: { type: 'U16', name: 'dropped' }, name: 'port', unknown: 1 }],
    type: 'Record',
    name: 'db',
  };
  const canonical = { type: 'Record', fields: [{ name: 'port', typ: { type: 'U16' } }], name: 'db' };
  const literal = `{ owner: null, type: "Record", name: "db",
    fields: [{ typ: { type: "U16", name: "dropped" }, name: "port", unknown: 1 }] }`;
  for (const written of [await create({ secretType }), await createInline(literal, 'null')]) {
    expect(written).toMatchObject({ secretTypeText: 'record { port: u16 }' });
    expect(JSON.stringify((written as { secretType: unknown }).secretType)).toBe(JSON.stringify(canonical));
  }
});

test.each(['c4n4ry', '[c4n4ry]', '{ host: c4n4ry }', '{ host: ["x", { y: c4n4ry }] }'])(
  'words without quotes are refused in a literal: %s',
  async (value) => {
    const { data, errors } = await createInlineAnswer('{ type: "Str" }', value);
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
    expect(errors?.[0]?.message).toContain('quotes');
  },
);

test('a key __proto__ is content like any other', async () => {
  const secretType = { type: 'Record', fields: [{ name: '__proto__', typ: { type: 'U64' } }] };
  const text = '{"__proto__":9007199254740993}';
  expect(await create({ secretType, secretValue: new RawJson(text) })).toMatchObject({ secretValueText: text });
  expect(await create({ secretType, secretValueText: text })).toMatchObject({ secretValueText: text });
  const literal = '{ type: "Record", fields: [{ name: "__proto__", typ: { type: "U64" } }] }';
  expect(await createInline(literal, '{ __proto__: 9007199254740993 }')).toMatchObject({ secretValueText: text });
  expect(await create({ secretType: { type: 'Record', fields: [] }, secretValueText: text })).toMatchObject({
    __typename: 'AgentSecretValueTypeMismatch',
  });
});

test('U+0000 and surrogate pairs come back as they were sent, in values and in declared names', async () => {
  for (const text of ['\0', 'a\0b', '\ud83d\ude00']) {
    const secretType = { type: 'Record', fields: [{ name: text, typ: { type: 'Enum', cases: [text] } }] };
    const { id } = await done(create({ secretType, secretValue: { [text]: text } }));
    const { agentSecret } = (await readSecret(app, token, id)).data;
    expect(agentSecret).toMatchObject({ secretType, secretValue: { [text]: text } });
    expect(JSON.parse(agentSecret?.secretValueText as string)).toEqual({ [text]: text });
  }
  expect(await createInline('{ type: "Str" }', '"\\u0000"')).toMatchObject({ secretValue: '\0' });
});

test('in a path U+0000 only separates', async () => {
  expect(await create({ path: [`a\0b\0${unique('c')}`], secretType: { type: 'Str' } })).toMatchObject({
    pathText: expect.stringMatching(/^aBC/),
  });
  expect(await refused(create({ path: ['\0'], secretType: { type: 'Str' } }))).toMatchObject({
    __typename: 'InvalidRequest',
    problems: ['path[0]: expected at least one letter or digit'],
  });
});

test('any value of any type comes back as its canonical text, from variables and from text alike', async () => {
  const environment = await createEnvironment(app, token, world.applicationId);
  const document = 'query ($id: UUID!) { agentSecret(id: $id) { secretValueText secretValue } }';
  const property = fc.asyncProperty(typedValue(), fc.boolean(), async (typed, asText) => {
    const isNull = typed.expectedText === 'null';
    const value = asText ? { secretValueText: typed.jsonText } : { secretValue: new RawJson(typed.jsonText) };
    const input = { environmentId: environment, path: [unique('p')], secretType: typed.document, ...value };
    const written = await done(createSecret(app, token, input));
    const { agentSecret } = await ask(app, token, document, { id: written.id });
    expect(written.secretValueText).toBe(isNull ? null : typed.expectedText);
    expect(agentSecret.secretValueText).toBe(isNull ? null : typed.expectedText);
  });
  await fc.assert(property, { numRuns: 100 });
});
