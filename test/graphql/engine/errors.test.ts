// What an error says of a value that does not fit: the place and the expectation, and never anything the caller has sent.
import { describe, expect, test } from 'vitest';
import { CANARY, CANARY_NUMBER, canary } from '../../support/canary.js';
import { type Place, placesOf } from '../../support/graphql/arguments.js';
import { type RawAnswer, sendQuery } from '../../support/graphql/http.js';
import { graphqlSuite } from '../../support/suites.js';

const { app, world, token } = await graphqlSuite();

/** Refused or answered, but neither a bug nor a repetition of what was sent. */
function expectDiscreet({ status, errors }: RawAnswer): void {
  expect(status).toBeLessThan(500);
  expect(JSON.stringify(errors)).not.toMatch(CANARY);
  expect(errors.map(({ extensions }) => extensions?.code)).not.toContain('INTERNAL_UNKNOWN');
}

const NUMBER = Number(CANARY_NUMBER);

describe('a variable that does not fit is refused by its place and type, unseen:', () => {
  const WRONG: [type: string, values: unknown[]][] = [
    ['UUID!', ['c4n4ry', NUMBER, true, ['c4n4ry'], { c4n4ry: 1 }, '']],
    ['ID', [true, ['c4n4ry', 'c4n4ry'], { c4n4ry: 1 }, 0.5]],
    ['DateTimeISO', ['c4n4ry', '2024-13-01T00:00:00Z c4n4ry', NUMBER, true, ['c4n4ry', 1], { c4n4ry: 1 }, '']],
    ['Int', ['c4n4ry', CANARY_NUMBER, NUMBER, 0.5, true, ['c4n4ry', 1], { c4n4ry: 1 }]],
    ['String', [NUMBER, true, ['c4n4ry', 1], { c4n4ry: 1 }]],
    ['Boolean', ['c4n4ry', 'true', NUMBER, ['c4n4ry', 1], { c4n4ry: 1 }]],
    ['Revision', ['c4n4ry', -NUMBER, 0.5, true, ['c4n4ry', 1], { c4n4ry: 1 }]],
    [
      'AnalysedType',
      ['c4n4ry', NUMBER, ['c4n4ry'], {}, { c4n4ry: 1 }, { type: 'c4n4ry' }, { type: 'List', inner: 'c4n4ry' }],
    ],
    ['ShareRole!', ['c4n4ry', NUMBER, true, ['c4n4ry', 1], { c4n4ry: 1 }, 'admin']],
    ['[String!]', [[NUMBER], ['x', null], [['c4n4ry']], { c4n4ry: 1 }]],
    ['[ShareRole!]!', ['c4n4ry', ['ADMIN', 'c4n4ry'], [{ c4n4ry: 'c4n4ry' }], null]],
    [
      'SecretValueChange',
      ['c4n4ry', NUMBER, ['c4n4ry'], {}, { op: 'c4n4ry' }, { op: 'SET', c4n4ry: 'c4n4ry' }, { value: 'c4n4ry' }],
    ],
    [
      'CreateAgentSecretInput!',
      ['c4n4ry', null, [], { c4n4ry: 'c4n4ry' }, { environmentId: 'c4n4ry', path: NUMBER, secretType: 'c4n4ry' }],
    ],
  ];

  const CREATE =
    'createAgentSecret(input: { environmentId: "b7a3e0f4-2b5e-4d55-9a56-0c1f6a5f7f11", path: ["a"], secretType: { type: "Str" }, secretValue:';
  const INSIDE_A_VALUE = `{ ${CREATE} { x: $v } }) { __typename } }`;
  const AN_ID = 'b7a3e0f4-2b5e-4d55-9a56-0c1f6a5f7f11';
  const share = (roles: string) =>
    `{ createEnvironmentShare(input: { environmentId: "${AN_ID}", accountId: "${AN_ID}", roles: ${roles} }) { __typename } }`;
  /** Where variables of these types may stand. */
  const PLACES: Record<string, string> = {
    'UUID!': '{ deleteAgentSecret(input: { id: $v, currentRevision: 0 }) { __typename } }',
    DateTimeISO: '{ createToken(input: { name: "a", expiresAt: $v }) { __typename } }',
    'ShareRole!': share('[$v]'),
    '[ShareRole!]!': share('$v'),
    SecretValueChange: `{ updateAgentSecret(input: { id: "${AN_ID}", currentRevision: 0, secretValue: $v }) { __typename } }`,
    'CreateAgentSecretInput!': '{ createAgentSecret(input: $v) { __typename } }',
  };

  test.each(WRONG.flatMap(([type, values]) => values.map((value) => [type, value] as const)))(
    '%s of %j',
    async (type, value) => {
      const document = `mutation ($v: ${type}) ${PLACES[type] ?? INSIDE_A_VALUE}`;
      const answer = await sendQuery(app, token, document, { v: value });
      expectDiscreet(answer);
      expect([answer.status, answer.data]).toEqual([400, undefined]);
      expect(answer.errors).not.toEqual([]);
      for (const { message, extensions, locations } of answer.errors) {
        expect(extensions?.code).toBe('INVALID_REQUEST');
        expect(locations).toEqual([{ line: 1, column: 11 }]);
        expect(message).toMatch(/^\$v(\.\w+|\[\d+\])*: \S/);
        expect(message).toMatch(/expected|of required type/);
      }
    },
  );

  test('each of several, in one answer', async () => {
    const document = 'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename } }';
    const secretType = { type: 'Tuple', items: ['c4n4ry', { type: 'Str' }, 1] };
    const input = { environmentId: 'c4n4ry', path: ['x', NUMBER], secretType };
    const { errors } = await sendQuery(app, token, document, { input });
    expect(errors.map(({ message }) => message)).toEqual([
      '$input.environmentId: expected a UUID such as `01a20640-d042-77d8-a4fc-5bc52814913e`',
      '$input.path[1]: expected a string such as `"production"`',
      expect.stringMatching(/^\$input\.secretType: .*\$\.items\[0\]: expected a type document.*\$\.items\[2\]/),
    ]);
    expect(errors[2]?.extensions?.problems).toHaveLength(2);
  });

  test('an unknown key, which is content, too: it is reported at its parent, unnamed', async () => {
    const document = 'mutation ($input: DeleteAgentSecretInput!) { deleteAgentSecret(input: $input) { __typename } }';
    const input = { id: world.environmentId, currentRevision: 0, [canary()]: canary(), 'a\nb c4n4ry': 1 };
    const { errors } = await sendQuery(app, token, document, { input });
    expect(errors).not.toEqual([]);
    for (const { message } of errors) expect(message).toMatch(/^\$input: expected only the fields .*\bid\b/);
  });

  const written = { id: '00000000-0000-0000-0000-000000000000', currentRevision: 0 };
  test.each([
    ['none', {}],
    ['two', { delete: written, update: written }],
  ])('%s of the fields of which exactly one must be given', async (_, change) => {
    const document =
      'mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) { __typename } }';
    const input = { environmentId: world.environmentId, changes: [change] };
    const { errors } = await sendQuery(app, token, document, { input });
    const told = 'expected exactly one of the fields create, delete, restore, update of AgentSecretChangeInput';
    expect(errors.map(({ message }) => message)).toEqual([`$input.changes[0]: ${told}`]);
    const literal = JSON.stringify(input).replace(/"(\w+)":/g, '$1:');
    const inline = await sendQuery(
      app,
      token,
      `mutation { applyAgentSecretChanges(input: ${literal}) { __typename } }`,
    );
    expect(inline.errors.map(({ message }) => message)).toEqual([told]);
  });

  test('one that is missing', async () => {
    const document = 'query ($id: UUID!, $ids: [ID!]!) { account(id: $id) { id } nodes(ids: $ids) { id } }';
    const { errors } = await sendQuery(app, token, document, { id: null });
    expect(errors.map(({ message }) => message)).toEqual([
      '$id: expected a UUID such as `01a20640-d042-77d8-a4fc-5bc52814913e`',
      '$ids: expected a list, each item an id such as `01a20640-d042-77d8-a4fc-5bc52814913e`',
    ]);
  });
});

/** Some places take a text as a name, which is no secret and is stored: no canary, then. */
const MARK = 'm4rk3d';

const literals = () => [
  `"${MARK}"`,
  `"""${MARK}"""`,
  `"\\u0000${MARK}"`,
  CANARY_NUMBER,
  `-${CANARY_NUMBER}`,
  `${CANARY_NUMBER}.5`,
  `${CANARY_NUMBER}e400`,
  MARK,
  `["${MARK}", ${CANARY_NUMBER}, m4rk3d, null]`,
  `{ m4rk3d: "${MARK}" }`,
  `{ m4rk3d: 1, m4rk3d: "${MARK}" }`,
  `{ type: "${MARK}", name: ${CANARY_NUMBER} }`,
  '[[{ a: { m4rk3d: [m4rk3d] } }]]',
];

describe('a literal in any place of the schema is answered without being repeated:', () => {
  const count = placesOf('').length;

  test.each(placesOf('').map(({ name }, index) => [name, index] as const))('%s', async (_, index) => {
    const { documentWith } = placesOf(world.environmentId)[index] as Place;
    const leaks: string[] = [];
    for (const literal of literals()) {
      const answer = await sendQuery(app, token, documentWith(literal));
      const isBug = answer.status >= 500 || answer.text.includes('INTERNAL_UNKNOWN');
      const told = `${JSON.stringify(answer.errors)}${app.logs.splice(0).join('')}`;
      if (isBug || told.includes(MARK) || CANARY.test(told)) leaks.push(`${literal}: ${JSON.stringify(answer.errors)}`);
      // A bare word is nowhere a name of ours.
      if (literal === MARK) expectRefusedWord(answer);
    }
    expect(leaks).toEqual([]);
  });

  function expectRefusedWord({ status, errors }: RawAnswer): void {
    expect(status).toBe(400);
    for (const { message, locations, extensions } of errors) {
      expect(message).toMatch(/^\$?\w+[\w.[\]]*: .*(quotes|expected (an?|one|JSON|`true`) )/);
      expect(locations).toHaveLength(1);
      expect(extensions?.code).toBe('INVALID_REQUEST');
    }
  }

  test('and there are many', () => {
    expect(count).toBeGreaterThan(80);
  });
});
