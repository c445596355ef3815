// Every root field for every caller: what is allowed, and what a caller is told who may not or may not even know.
import { describe, expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.js';
import { ACCESS_CASES, type AccessCase, CALLERS, type Caller, outcomeFor } from '../../support/graphql/access-cases.js';
import { firstEvent, graphql } from '../../support/graphql/client.js';
import { graphqlSuite } from '../../support/suites.js';

const { app, world } = await graphqlSuite();

const tokenOf = (caller: Caller) => (caller === 'anonymous' ? undefined : world.people[caller].token);

/** `ok`, `null`, or the code of the error or refusal. */
async function call({ document }: AccessCase, caller: Caller, variables: object): Promise<string> {
  const ask = document.startsWith('subscription') ? firstEvent : graphql;
  const { data, errors } = await ask<any>(app, tokenOf(caller), document, variables);
  if (errors) return errors[0]!.extensions.code;
  const [result] = Object.values<any>(data).flat();
  return result === null ? 'null' : (result.code ?? 'ok');
}

test('every root field has a case', () => {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const fields = roots.flatMap((type) => Object.keys(type?.getFields() ?? {}).map((field) => `${type?.name}.${field}`));
  const covered = new Set(ACCESS_CASES.map(({ name }) => name.split(' ')[0]));
  expect([...covered].sort()).toEqual(fields.sort());
});

describe.each(ACCESS_CASES)('$name', (accessCase) => {
  const permitted = CALLERS.find((caller) => outcomeFor(accessCase, caller) === 'ok');

  test.each(CALLERS.map((caller) => [caller, outcomeFor(accessCase, caller)] as const))(
    'answers %s: %s',
    async (caller, outcome) => {
      const variables = await accessCase.variables(app, world);
      expect(await call(accessCase, caller, variables)).toBe(outcome);
      // What was refused has changed nothing: who may do it can still do the very same thing.
      if (outcome !== 'ok' && permitted) expect(await call(accessCase, permitted, variables)).toBe('ok');
    },
  );
});

test('an unknown or malformed token is as good as none', async () => {
  for (const token of [`asg_${'x'.repeat(43)}`, 'short', '!'.repeat(40)]) {
    const { status, data, errors } = await graphql<any>(app, token, '{ viewer { id } }');
    expect([status, data]).toEqual([401, undefined]);
    expect(errors?.[0]?.extensions.code).toBe('AUTH_UNAUTHORIZED');
  }
});

test('an operator cannot delete the account it acts for', async () => {
  const { operator } = world.people;
  const document = 'mutation ($id: ID!) { deleteAccount(input: { id: $id }) { __typename } }';
  const { errors } = await graphql(app, operator.token, document, { id: operator.id });
  expect(errors?.[0]?.extensions.code).toBe('AUTH_FORBIDDEN');
});

const SOME_ID = '01a20640-d042-77d8-a4fc-5bc52814913e';
test.each([
  ['updateApplication', `mutation { updateApplication(input: { id: "${SOME_ID}", name: "c4n4ry !" }) { __typename } }`],
  ['updateEnvironment', `mutation { updateEnvironment(input: { id: "${SOME_ID}", name: "c4n4ry !" }) { __typename } }`],
  ['createApplication', 'mutation { createApplication(input: { name: "c4n4ry !" }) { __typename } }'],
  ['createToken', 'mutation { createToken(input: { name: "t", expiresAt: "2000-01-01T00:00:00Z" }) { __typename } }'],
  [
    'createAgentSecret',
    `mutation { createAgentSecret(input: { environmentId: "${SOME_ID}", path: [], secretType: { type: "Str" },
      secretValue: "c4n4ry", secretValueText: "c4n4ry" }) { __typename } }`,
  ],
  [
    'updateAgentSecret',
    `mutation { updateAgentSecret(input: { id: "${SOME_ID}", currentRevision: 0, secretValue: { op: SET } }) { __typename } }`,
  ],
  [
    'applyAgentSecretChanges',
    `mutation { applyAgentSecretChanges(input: { environmentId: "${SOME_ID}", changes: [] }) { __typename } }`,
  ],
  [
    'restoreAgentSecret',
    `mutation { restoreAgentSecret(input: { id: "${SOME_ID}", toRevision: 0, currentRevision: 0, idempotencyKey: "" }) { __typename } }`,
  ],
  [
    'destroyAgentSecretRevision',
    `mutation { destroyAgentSecretRevision(input: { id: "${SOME_ID}", revision: 0, currentRevision: 0, idempotencyKey: "" }) { __typename } }`,
  ],
  ['agentSecretRevision', `{ agentSecretRevision(id: "${SOME_ID}", revision: 7) { id } }`],
  ['environment', '{ environment { id } }'],
  ['node', '{ node(id: "c4n4ry") { id } }'],
  ['nodes', `{ nodes(ids: [${'"c4n4ry" '.repeat(201)}]) { id } }`],
  ['accounts', '{ accounts(first: 1000) { edges { cursor } } }'],
])('%s tells a caller without a credential nothing but that', async (_, document) => {
  const { errors } = await graphql(app, undefined, document);
  expect(errors).toMatchObject([{ extensions: { code: 'AUTH_UNAUTHORIZED' } }]);
});
