// Without introspection, no message tells a name of the schema that the caller has not written.
import {
  type GraphQLArgument,
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  specifiedRules,
} from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.js';
import { createTestApp, type TestApp } from '../../support/app.js';
import { sendQuery, withConfig } from '../../support/graphql/http.js';
import { createAccount, unique } from '../../support/world.js';

let app: TestApp;
let token: string;
let door: ReturnType<typeof withConfig>;
beforeAll(async () => {
  app = await createTestApp();
  token = (await createAccount(app, unique('person'))).token;
  door = withConfig(app, { introspection: false });
});
afterAll(() => app.close());

const NAMES = new Set(
  Object.values(schema.getTypeMap()).flatMap((type) => {
    // The kinds of declared types are the language of values, which REST documents to everybody.
    if (type.name.startsWith('__') || type.name === 'AnalysedTypeKind') return [];
    if (isEnumType(type)) return [type.name, ...type.getValues().map(({ name }) => name)];
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return [type.name];
    const fields: { name: string; args?: readonly { name: string }[] }[] = Object.values(type.getFields());
    const argNames = fields.flatMap(({ args = [] }) => args.map(({ name }) => name));
    return [type.name, ...fields.map(({ name }) => name), ...argNames];
  }),
);

/** Names of the schema in the message. A word in lower case is one of plain English, unless it is quoted. */
function namesIn(message: string): string[] {
  const quoted = [...message.matchAll(/"([^"]*)"/g)].flatMap(([, text = '']) => text.match(/\w+/g) ?? []);
  const words = (message.match(/\w+/g) ?? []).filter((word) => !/^([a-z]+|[A-Z][a-z]+)$/.test(word));
  const starts = /^(Field|Fragment|Variable|Unknown|Cannot|Directive|Fields|Query|Subscription)$/;
  return [...quoted, ...words].filter((word) => NAMES.has(word) && !starts.test(word));
}

async function expectSilent(query: string, variables: object = {}): Promise<string[]> {
  const { errors } = await sendQuery(door, token, query, variables);
  const written = new Set(`${query} ${JSON.stringify(variables)}`.match(/\w+/g));
  for (const { message, extensions } of errors) {
    for (const text of [message, ...(extensions?.problems ?? [])]) {
      expect(
        namesIn(text).filter((name) => !written.has(name)),
        `${query}: ${text}`,
      ).toEqual([]);
    }
  }
  return errors.map(({ message }) => message);
}

/** Documents that break each rule of validation. */
const BROKEN: Record<string, string[]> = {
  ExecutableDefinitionsRule: ['type A { b: Int } { viewer { id } }'],
  UniqueOperationNamesRule: ['query A { viewer { id } } query A { viewer { id } }'],
  LoneAnonymousOperationRule: ['{ viewer { id } } { viewer { id } }'],
  SingleFieldSubscriptionsRule: [
    'subscription { a: agentSecretChanges(environmentId: "x") { __typename } b: __typename }',
  ],
  KnownTypeNamesRule: ['query ($a: UUI) { environment(id: $a) { id } }', '{ viewer { ... on Accoun { id } } }'],
  FragmentsOnCompositeTypesRule: ['{ viewer { ... on UUID { id } } }', '{ viewer { ...A } } fragment A on UUID { id }'],
  VariablesAreInputTypesRule: ['query ($a: Account) { environment(id: $a) { id } }'],
  ScalarLeafsRule: ['{ viewer { id { x } } }', '{ viewer }', '{ viewer { applications } }'],
  FieldsOnCorrectTypeRule: ['{ viewe { id } }', '{ viewer { nam } }', '{ node(id: "x") { name } }'],
  UniqueFragmentNamesRule: ['{ viewer { ...A } } fragment A on Account { id } fragment A on Account { id }'],
  KnownFragmentNamesRule: ['{ viewer { ...A } }'],
  NoUnusedFragmentsRule: ['{ viewer { id } } fragment A on Account { id }'],
  PossibleFragmentSpreadsRule: ['{ viewer { ... on Plan { id } } }', '{ viewer { ...A } } fragment A on Plan { id }'],
  NoFragmentCyclesRule: ['{ viewer { ...A } } fragment A on Account { ...A }'],
  UniqueVariableNamesRule: ['query ($a: UUID!, $a: UUID!) { environment(id: $a) { id } }'],
  NoUndefinedVariablesRule: ['{ environment(id: $a) { id } }'],
  NoUnusedVariablesRule: ['query ($a: UUID) { viewer { id } }'],
  KnownDirectivesRule: ['{ viewer @skp(if: true) { id } }', 'query @skip(if: true) { viewer { id } }'],
  UniqueDirectivesPerLocationRule: ['{ viewer @skip(if: true) @skip(if: true) { id } }'],
  KnownArgumentNamesRule: ['{ environment(i: 1) { id } }', '{ viewer @skip(i: true) { id } }'],
  UniqueArgumentNamesRule: ['{ environment(id: "x", id: "x") { id } }'],
  ValuesOfCorrectTypeRule: [
    '{ environment(id: 1) { id } }',
    '{ environment(id: "x") { agentSecrets(orderBy: { field: PAT }) { totalCount } } }',
    '{ environment(id: "x") { agentSecrets(orderBy: { fiel: PATH }) { totalCount } } }',
    'mutation { createAgentSecret(input: {}) { __typename } }',
    'mutation { createAgentSecret(input: 1) { __typename } }',
    'mutation { createToken(input: { name: "x", expiresAt: 1 }) { __typename } }',
  ],
  ProvidedRequiredArgumentsRule: ['{ environment { id } }', '{ node { id } }', '{ viewer @skip { id } }'],
  VariablesInAllowedPositionRule: [
    'query ($a: String) { environment(id: $a) { id } }',
    'query ($a: [Int]) { environment(id: "x") { agentSecrets(first: $a) { totalCount } } }',
  ],
  OverlappingFieldsCanBeMergedRule: [
    '{ viewer { a: id a: name } }',
    '{ node(id: "x") { ... on Account { a: id } ... on Plan { a: maxTokens } ... on Environment { a: agentSecrets { totalCount } } } }',
    '{ node(id: "x") { ... on Account { a: createdAt } ... on Plan { a: name } } }',
    '{ a: environment(id: "x") { id } a: environment(id: "y") { id } }',
  ],
  UniqueInputFieldNamesRule: [
    '{ environment(id: "x") { agentSecrets(orderBy: { field: PATH, field: PATH }) { totalCount } } }',
  ],
  MaxIntrospectionDepthRule: ['{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }'],
};

test('documents for every rule of validation are here', () => {
  expect(Object.keys(BROKEN).sort()).toEqual(specifiedRules.map(({ name }) => name).sort());
});

test.each(Object.entries(BROKEN))('%s', async (_, documents) => {
  for (const query of documents) {
    const loud = await sendQuery(app, token, query);
    const quiet = await sendQuery(door, token, query);
    const messages = await expectSilent(query);
    expect(loud.errors.length, query).toBeGreaterThan(0);
    expect(messages.length, query).toBeGreaterThan(0);
    expect(messages, query).not.toContain('The document does not fit the schema.');
    expect(quiet.errors.map(({ locations }) => locations)).toEqual(
      expect.arrayContaining(loud.errors.map(({ locations }) => locations)),
    );
  }
});

test('a variable inside a value', async () => {
  const query = `mutation ($a: UUID!) { createAgentSecret(input: { environmentId: "x", path: ["a"], secretType: { type: "Str" },
    secretValue: { a: $a } }) { __typename } }`;
  expect(await expectSilent(query)).toContain('A variable of type "UUID" cannot stand inside a value.');
});

/** Every argument of the roots as a variable, with values of many wrong shapes. */
const ROOTS = [schema.getQueryType(), schema.getMutationType()].flatMap((root) =>
  Object.values(root?.getFields() ?? {}).flatMap((field) =>
    field.args
      .filter((argument) => !field.args.some((other) => other !== argument && /!$/.test(String(other.type))))
      .map((argument): [string, GraphQLArgument, string] => {
        const selection = isCompositeType(getNamedType(field.type)) ? ' { __typename }' : '';
        const kind = root === schema.getMutationType() ? 'mutation' : 'query';
        return [
          field.name,
          argument,
          `${kind} ($v: ${argument.type}) { ${field.name}(${argument.name}: $v)${selection} }`,
        ];
      }),
  ),
);

test.each(ROOTS)('variables of %s that are wrong', async (_, argument, query) => {
  const type = getNamedType(argument.type);
  const wrong = [null, 4242, 'x', true, {}, [], { unknown: 1 }, [{}], [null]];
  const inner = isInputObjectType(type)
    ? Object.values(type.getFields()).flatMap(({ name }) => wrong.map((value) => ({ [name]: value })))
    : [];
  for (const v of [...wrong, ...inner]) await expectSilent(query, { v });
  await expectSilent(query);
});
