// The revision a writer names: exact to 64 bits, stale when it is another one, malformed when it is no counter at all.
import { beforeEach, describe, expect, test } from 'vitest';
import { JsonNumber } from '../../../src/json/exact.js';
import { canary } from '../../support/canary.js';
import { graphql } from '../../support/graphql/client.js';
import {
  createSecret,
  deleteSecret,
  done,
  readSecret,
  refused,
  updateSecret,
  WRITE_RESULT,
} from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { unique } from '../../support/world.js';

const { app, world, token } = await graphqlSuite();
let id: string;
beforeEach(async () => {
  const input = { environmentId: world.environmentId, path: [unique('s')], secretType: { type: 'Str' } };
  id = (await done(createSecret(app, token, input))).id;
  await done(updateSecret(app, token, { id, currentRevision: 0 }));
});

const STALE = {
  __typename: 'ConcurrentUpdate',
  code: 'CONCURRENT_UPDATE',
  message: 'Concurrent update attempt',
  currentRevision: 1,
};
const LARGEST = 2n ** 64n - 1n;

/** The same write with the revision as it stands in the document. */
const inline = (revision: string) =>
  graphql<any>(
    app,
    token,
    `mutation ($id: UUID!) { updateAgentSecret(input: { id: $id, currentRevision: ${revision} }) { ${WRITE_RESULT} } }`,
    { id },
  );

test.each([0, 2, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, LARGEST])(
  'revision %s is stale: refused with the current one',
  async (currentRevision) => {
    const secretValue = { op: 'SET', value: canary() };
    expect(await refused(updateSecret(app, token, { id, currentRevision, secretValue }))).toEqual(STALE);
    expect(await refused(deleteSecret(app, token, { id, currentRevision }))).toEqual(STALE);
    expect((await inline(String(currentRevision))).data.updateAgentSecret).toEqual(STALE);
    expect((await readSecret(app, token, id)).data.agentSecret).toMatchObject({ revision: 1, hasValue: false });
  },
);

test('a stale revision is reported before a value that does not fit', async () => {
  const secretValue = { op: 'SET', value: [canary()] };
  expect(await refused(updateSecret(app, token, { id, currentRevision: 0, secretValue }))).toEqual(STALE);
});

describe('what is no counter is malformed:', () => {
  test.each([
    ['2^64', LARGEST + 1n, '18446744073709551616'],
    ['2^70', 2n ** 70n, String(2n ** 70n)],
    ['-1', -1, '-1'],
    ['1.5', 1.5, '1.5'],
    ['1.0', new JsonNumber('1.0'), '1.0'],
    ['1e0', new JsonNumber('1e0'), '1e0'],
    ['the text 1', '1', '"1"'],
    ['a canary', 'c4n4ry', '"c4n4ry"'],
    ['the empty text', '', '""'],
    ['true', true, 'true'],
    ['an array of one', [1], '[1]'],
    ['an object', { c4n4ry: 1 }, '{ c4n4ry: 1 }'],
    ['null', null, 'null'],
  ])('%s', async (_, currentRevision, literal) => {
    const document = 'mutation ($input: UpdateAgentSecretInput!) { updateAgentSecret(input: $input) { __typename } }';
    const asVariable = await graphql<any>(app, token, document, { input: { id, currentRevision } });
    const asLiteral = await inline(literal);
    for (const answer of [asVariable, asLiteral]) {
      expect(answer.data).toBeUndefined();
      expect(answer.errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
    }
    expect(asVariable.errors?.[0]?.message).toMatch(/^\$input\.currentRevision: expected /);
    expect(asLiteral.errors?.[0]?.message).toMatch(/18446744073709551615|Revision/);
    expect((await readSecret(app, token, id)).data.agentSecret).toMatchObject({ revision: 1 });
  });
});

test('revisions and environment counters beyond 2^53 are exact in answers', async () => {
  const large = 2n ** 53n + 1n;
  // No door can write that often.
  await app.services.db.rows(
    {
      text: `update agent_secrets set revision = ${large} where id = '${id}'`,
      parameters: () => [],
      decode: (row) => row,
    },
    {},
  );
  expect((await readSecret(app, token, id)).data.agentSecret).toMatchObject({ revision: large });
  expect(await refused(updateSecret(app, token, { id, currentRevision: large - 1n }))).toMatchObject({
    currentRevision: large,
  });
  expect(await done(updateSecret(app, token, { id, currentRevision: large }))).toMatchObject({ revision: large + 1n });
});
