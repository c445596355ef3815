// Going back: a new revision with an old one's value, also out of deletion, and what stands against it.
import { describe, expect, test } from 'vitest';
import { ask, graphql } from '../../support/graphql/client.js';
import { destroyRevision, historyOf, restoreSecret, rowsOf } from '../../support/graphql/log.js';
import {
  createSecret,
  deleteSecret,
  done,
  environmentRevision,
  readSecret,
  refused,
  updateSecret,
} from '../../support/graphql/secrets.js';
import { createLimitedEnvironment } from '../../support/rest/plan.js';
import { graphqlSuite } from '../../support/suites.js';
import { unique } from '../../support/world.js';

const { app, world, token } = await graphqlSuite();

const set = (value: unknown) => ({ op: 'SET', value });
const restore = (input: object, as = token) => restoreSecret(app, as, input);

/** Values by revision: 0 `a`, 1 `b`, 2 `b` kept, 3 none. */
async function secretWithPast(path = unique('s')) {
  const input = { environmentId: world.environmentId, path: [path], secretType: { type: 'Str' }, secretValue: 'a' };
  const { id, pathText } = await done(createSecret(app, token, input));
  await done(updateSecret(app, token, { id, currentRevision: 0, secretValue: set('b') }));
  await done(updateSecret(app, token, { id, currentRevision: 1 }));
  await done(updateSecret(app, token, { id, currentRevision: 2, secretValue: { op: 'UNSET' } }));
  return { id, pathText };
}

const secretCount = async () => {
  const document = 'query ($id: UUID) { environment(id: $id) { usage { agentSecrets { used } } } }';
  return (await ask(app, token, document, { id: world.environmentId })).environment.usage.agentSecrets.used;
};

test.each([
  [0, 'a'],
  [1, 'b'],
  [2, 'b'],
  [3, null],
])(
  'to revision %i brings back its value, %j, as a new revision of secret and environment',
  async (toRevision, value) => {
    const { id } = await secretWithPast();
    const before = await environmentRevision(app, token, world.environmentId);
    const result = await done(restore({ id, toRevision, currentRevision: 3 }));
    expect(result).toMatchObject({ id, revision: 4, secretValue: value, hasValue: value !== null });
    expect((await readSecret(app, token, id)).data.agentSecret).toEqual(result);
    expect(await environmentRevision(app, token, world.environmentId)).toBe(before + 1);
    const [newest] = await historyOf(app, token, id, 4);
    expect(newest).toMatchObject({ revision: 4, change: 'RESTORED', environmentRevision: before + 1 });
  },
);

test('a value that came back is kept, removed and replaced like any other', async () => {
  const { id } = await secretWithPast();
  await done(restore({ id, toRevision: 0, currentRevision: 3 }));
  expect(await done(updateSecret(app, token, { id, currentRevision: 4 }))).toMatchObject({
    revision: 5,
    secretValue: 'a',
  });
  expect(await done(restore({ id, toRevision: 4, currentRevision: 5 }))).toMatchObject({
    revision: 6,
    secretValue: 'a',
  });
  const changed = await done(updateSecret(app, token, { id, currentRevision: 6, secretValue: set('c') }));
  expect(changed).toMatchObject({ revision: 7, secretValue: 'c' });
});

test('a value that came back has the very seal it was stored under, and no second copy in the log', async () => {
  const { id } = await secretWithPast();
  await done(restore({ id, toRevision: 2, currentRevision: 3 }));
  const [secret] = await rowsOf(app, 'select sealed_value, value_revision::text from agent_secrets where id = $1', [
    id,
  ]);
  const log = await rowsOf(
    app,
    'select sealed_value, revision::text from agent_secret_revisions where agent_secret_id = $1 and sealed_value is not null order by 2',
    [id],
  );
  expect(log.map(({ revision }) => revision)).toEqual(['0', '1']);
  expect(secret?.value_revision).toBe('1');
  expect(Buffer.compare(secret?.sealed_value, log[1]?.sealed_value)).toBe(0);
});

describe('out of deletion', () => {
  async function deleted() {
    const { id, pathText } = await secretWithPast();
    await done(deleteSecret(app, token, { id, currentRevision: 3 }));
    return { id, pathText };
  }

  test('brings the secret back under its id and path, for both doors', async () => {
    const { id, pathText } = await deleted();
    const count = await secretCount();
    const result = await done(restore({ id, toRevision: 1, currentRevision: 4 }));
    expect(result).toMatchObject({ id, pathText, revision: 5, secretValue: 'b' });
    expect((await readSecret(app, token, id)).data.agentSecret).toEqual(result);
    expect(await secretCount()).toBe(count + 1);
    const headers = { authorization: `Bearer ${token}` };
    const response = await app.fetch(new Request(`http://localhost/v1/agent-secrets/${id}`, { headers }));
    expect(await response.json()).toMatchObject({ id, revision: 5, secretValue: 'b' });
    const again = createSecret(app, token, {
      environmentId: world.environmentId,
      path: [pathText],
      secretType: { type: 'Str' },
    });
    expect(await refused(again)).toMatchObject({ code: 'AGENT_SECRET_ALREADY_EXISTS' });
  });

  test('also to a revision without a value, and twice', async () => {
    const { id } = await deleted();
    expect(await done(restore({ id, toRevision: 3, currentRevision: 4 }))).toMatchObject({
      revision: 5,
      hasValue: false,
    });
    await done(deleteSecret(app, token, { id, currentRevision: 5 }));
    expect(await done(restore({ id, toRevision: 0, currentRevision: 6 }))).toMatchObject({
      revision: 7,
      secretValue: 'a',
    });
  });

  test('is refused while another secret lives at the path, and works once that is gone', async () => {
    const { id, pathText } = await deleted();
    const input = { environmentId: world.environmentId, path: [pathText], secretType: { type: 'Str' } };
    const other = await done(createSecret(app, token, input));
    const count = await secretCount();
    expect(await refused(restore({ id, toRevision: 0, currentRevision: 4 }))).toMatchObject({
      code: 'AGENT_SECRET_ALREADY_EXISTS',
      message: `Agent secret for path ${pathText} already exists in environment`,
    });
    expect(await secretCount()).toBe(count);
    await done(deleteSecret(app, token, { id: other.id, currentRevision: 0 }));
    expect(await done(restore({ id, toRevision: 0, currentRevision: 4 }))).toMatchObject({ revision: 5 });
  });

  test('is refused where the plan has no room, and nothing is written', async () => {
    const { environmentId, owner, token: as } = await createLimitedEnvironment(app, { secrets: 1 });
    const { id } = await owner.made(environmentId);
    await owner.remove(id, 0);
    await owner.made(environmentId);
    expect(await refused(restore({ id, toRevision: 0, currentRevision: 1 }, as))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
    expect(await environmentRevision(app, as, environmentId)).toBe(3);
  });
});

describe('is refused', () => {
  test.each([2, 4, 2n ** 63n, 2n ** 64n - 1n])(
    'at revision %s, which is not the current one',
    async (currentRevision) => {
      const { id } = await secretWithPast();
      expect(await refused(restore({ id, toRevision: 0, currentRevision }))).toMatchObject({
        code: 'CONCURRENT_UPDATE',
        currentRevision: 3,
      });
    },
  );

  test.each([4, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n])(
    'to revision %s, which there is not',
    async (toRevision) => {
      const { id } = await secretWithPast();
      const code = 'AGENT_SECRET_REVISION_NOT_FOUND';
      expect(await refused(restore({ id, toRevision, currentRevision: 3 }))).toMatchObject({ code });
    },
  );

  test('to a deletion', async () => {
    const { id } = await secretWithPast();
    await done(deleteSecret(app, token, { id, currentRevision: 3 }));
    const { code, problems } = await refused(restore({ id, toRevision: 4, currentRevision: 4 }));
    expect([code, problems]).toEqual(['INVALID_REQUEST', ['toRevision: the secret was deleted then']]);
  });

  test('to a value that was destroyed, wherever it is shared', async () => {
    const { id } = await secretWithPast();
    await done(destroyRevision(app, token, { id, revision: 2, currentRevision: 3 }));
    for (const toRevision of [1, 2]) {
      const code = 'AGENT_SECRET_VALUE_DESTROYED';
      expect(await refused(restore({ id, toRevision, currentRevision: 4 }))).toMatchObject({ code });
    }
  });

  test('for a secret that nobody has', async () => {
    const input = { id: world.environmentId, toRevision: 0, currentRevision: 0 };
    const document = 'mutation ($input: RestoreAgentSecretInput!) { restoreAgentSecret(input: $input) { __typename } }';
    const { errors } = await graphql(app, token, document, { input });
    expect(errors).toMatchObject([{ extensions: { code: 'AGENT_SECRET_NOT_FOUND' } }]);
  });

  test('and then nothing was written', async () => {
    const { id } = await secretWithPast();
    const before = await environmentRevision(app, token, world.environmentId);
    await refused(restore({ id, toRevision: 0, currentRevision: 2 }));
    await refused(restore({ id, toRevision: 9, currentRevision: 3 }));
    expect(await environmentRevision(app, token, world.environmentId)).toBe(before);
    expect((await readSecret(app, token, id)).data.agentSecret).toMatchObject({ revision: 3 });
  });
});
