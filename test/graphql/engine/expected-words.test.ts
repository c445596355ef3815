// What a refusal says: which argument, what form is expected there, with an example; which scope or role is missing.
import { getNamedType, isInputObjectType, isScalarType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { expectedForm, SCALAR_FORMS } from '../../../src/graphql/messages/expected-form.js';
import { schema } from '../../../src/graphql/schema.js';
import { graphql } from '../../support/graphql/client.js';
import { sendQuery, withConfig } from '../../support/graphql/http.js';
import { tokenWith } from '../../support/graphql/token-scopes.js';
import { graphqlSuite } from '../../support/suites.js';

const { app, world, token } = await graphqlSuite();
const id = world.environmentId;

const UUID = 'a UUID such as `01a20640-d042-77d8-a4fc-5bc52814913e`';
const MOMENT = 'a date and time with its offset such as `2026-11-28T06:01:25Z` or `2026-11-28T07:01:25+01:00`';

test('every scalar that is an argument has a form with an example', () => {
  const used = new Set<string>();
  for (const type of Object.values(schema.getTypeMap())) {
    const fields = 'getFields' in type ? Object.values(type.getFields()) : [];
    const inputs = isInputObjectType(type) ? fields : fields.flatMap((field) => ('args' in field ? field.args : []));
    for (const { type: input } of inputs) {
      const named = getNamedType(input);
      if (!isScalarType(named)) continue;
      used.add(named.name);
      expect(expectedForm(named, false), named.name).toMatch(/`/);
    }
  }
  expect([...used].filter((name) => !SCALAR_FORMS.has(name))).toEqual([]);
});

describe.each([
  ['where introspection is on', () => app, UUID],
  ['where it is off', () => withConfig(app, { introspection: false }), UUID.replace('a UUID', 'an id')],
] as const)('a wrong value %s', (_, door, uuid) => {
  test.each([
    ['{ account(id: "x") { id } }', [(id: string) => `id: expected ${id}`]],
    ['query ($id: UUID = 7) { environment(id: $id) { id } }', [(id: string) => `$id: expected ${id}`]],
    [
      'mutation { createToken(input: { name: "a", expiresAt: "2026-11-28T06:01:25+0000" }) { __typename } }',
      [`input.expiresAt: expected ${MOMENT}`],
    ],
    [
      `mutation { createAgentSecret(input: { environmentId: "${id}", path: ["a", 1], secretType: { type: "x" } }) { __typename } }`,
      [
        'input.path[1]: expected a string such as `"production"`',
        expect.stringMatching(/^input\.secretType: \$\.type: /),
      ],
    ],
    [
      `mutation { deleteAgentSecret(input: { id: "${id}", currentRevision: -1 }) { __typename } }`,
      [expect.stringMatching(/^input\.currentRevision: expected a whole number from 0 to 18446744073709551615 .*`7`$/)],
    ],
  ] as [string, unknown[]][])('in %s is told with its place', async (document, expected) => {
    const messages = expected.map((message) => (typeof message === 'function' ? message(uuid) : message));
    const { status, errors } = await sendQuery(door(), token, document);
    expect([status, errors.map(({ message }) => message)]).toEqual([400, messages]);
    expect(errors.flatMap(({ extensions }) => extensions?.problems)).toEqual(messages);
  });

  test('of a variable is told with its place, too', async () => {
    const document = 'mutation ($input: CreateTokenInput!) { createToken(input: $input) { __typename } }';
    const input = { name: 'a', expiresAt: '2026-11-28T06:01:25+0000' };
    const { errors } = await sendQuery(door(), token, document, { input });
    expect(errors.map(({ message }) => message)).toEqual([`$input.expiresAt: expected ${MOMENT}`]);
  });
});

describe('a refusal for a scope names it', () => {
  const MUTATIONS = {
    write: `mutation { createAgentSecret(input: { environmentId: "${id}", path: ["a"], secretType: { type: "Str" }, secretValue: "v" }) { __typename } }`,
    admin: `mutation { updateEnvironment(input: { id: "${id}", name: "b" }) { __typename } }`,
  };
  const messageOf = async (secret: string, document: string) =>
    (await graphql(app, secret, document)).errors?.map(({ message }) => message);

  test('for an action in an environment', async () => {
    const secret = await tokenWith(app, token, { scopes: ['REVEAL'] });
    expect(await messageOf(secret, MUTATIONS.write)).toEqual([
      'The environment action CreateAgentSecret is not allowed: it needs the scope write, which the token does not have',
    ]);
    expect(await messageOf(secret, MUTATIONS.admin)).toEqual([
      'The environment action UpdateEnvironment is not allowed: it needs the scope admin, which the token does not have',
    ]);
    const create = 'mutation { createApplication(input: { name: "c" }) { __typename } }';
    expect(await messageOf(secret, create)).toEqual([
      'The action CreateApplication needs the scope admin, which the token does not have',
    ]);
  });

  test('for opening a value', async () => {
    await graphql(app, token, MUTATIONS.write);
    const secret = await tokenWith(app, token, { scopes: ['METADATA'] });
    const document = `{ environment(id: "${id}") { agentSecrets { edges { node { secretValue } } } } }`;
    expect(await messageOf(secret, document)).toEqual([
      'Opening a value needs the scope reveal, which the token does not have',
    ]);
  });

  test('for limits of the token, and for the roles of the account', async () => {
    const secret = await tokenWith(app, token, { pathPrefixes: ['a'] });
    expect(await messageOf(secret, MUTATIONS.admin)).toEqual([
      'The environment action UpdateEnvironment is not allowed: it needs a token that is not limited to paths',
    ]);
    expect(await messageOf(secret, 'mutation { createApplication(input: { name: "d" }) { __typename } }')).toEqual([
      'The action CreateApplication needs a token that is limited neither to an environment nor to paths',
    ]);
    expect(await messageOf(token, '{ accounts { edges { cursor } } }')).toEqual([
      expect.stringMatching(/^The action \w+ needs the account role admin, which the account does not have$/),
    ]);
    expect(await messageOf(world.people.viewer.token, MUTATIONS.write)).toEqual([
      'The environment action CreateAgentSecret is not allowed: it needs the role owner, admin, or deployer in the environment',
    ]);
  });
});
