// Erasing an old value for good: a write like any other, after which nothing that is stored can bring the value back.
import { afterAll, expect, test } from 'vitest';
import { auditEnvironment } from '../../races/support/log-audit.js';
import { ask } from '../../support/graphql/client.js';
import {
  destroyRevision,
  environmentAt,
  historyOf,
  queryOf,
  restoreSecret,
  rowsOf,
  secretAt,
} from '../../support/graphql/log.js';
import {
  createSecret,
  deleteSecret,
  done,
  environmentRevision,
  readSecret,
  refused,
  updateSecret,
} from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { unique } from '../../support/world.js';

const { app, world, token } = await graphqlSuite();
afterAll(() => auditEnvironment(queryOf(app), world.environmentId));

const set = (value: unknown) => ({ op: 'SET', value });
const destroy = (input: object) => destroyRevision(app, token, input);
const valueState = async (id: string, revision: number) =>
  (await secretAt(app, token, id, revision)).data.agentSecretRevision.valueState;

/** Values by revision: 0 `a`, 1 `a` kept, 2 `b`. */
async function secretWithPast() {
  const input = {
    environmentId: world.environmentId,
    path: [unique('s')],
    secretType: { type: 'Str' },
    secretValue: 'a',
  };
  const { id } = await done(createSecret(app, token, input));
  await done(updateSecret(app, token, { id, currentRevision: 0 }));
  await done(updateSecret(app, token, { id, currentRevision: 1, secretValue: set('b') }));
  return id;
}

/** Sealed values that are stored for a secret, in both tables. */
async function storedSeals(id: string): Promise<string[]> {
  const rows = await rowsOf(
    app,
    `select encode(sealed_value, 'hex') as seal from agent_secrets where id = $1 and sealed_value is not null
     union select encode(sealed_value, 'hex') from agent_secret_revisions where agent_secret_id = $1 and sealed_value is not null`,
    [id],
  );
  return rows.map(({ seal }) => seal).sort();
}

test('adds 1 to secret and environment, has a log row of its own, and leaves the current value as it is', async () => {
  const id = await secretWithPast();
  const before = await environmentRevision(app, token, world.environmentId);
  const result = await done(destroy({ id, revision: 0, currentRevision: 2 }));
  expect(result).toMatchObject({ id, revision: 3, secretValue: 'b' });
  expect((await readSecret(app, token, id)).data.agentSecret).toEqual(result);
  const [newest] = await historyOf(app, token, id, 3);
  expect(newest).toMatchObject({ change: 'VALUE_DESTROYED', destroyedRevision: 0, valueState: 'PRESENT' });
  expect(newest?.environmentRevision).toBe(before + 1);
});

test('the sealed bytes are in neither table any more', async () => {
  const id = await secretWithPast();
  const before = await storedSeals(id);
  expect(before).toHaveLength(2);
  await done(destroy({ id, revision: 1, currentRevision: 2 }));
  const after = await storedSeals(id);
  expect(after).toHaveLength(1);
  expect(before).toContain(after[0]);
  const [kept] = await rowsOf(app, `select encode(sealed_value, 'hex') as seal from agent_secrets where id = $1`, [id]);
  expect(after).toEqual([kept?.seal]);
});

test('erases the value of every revision that shares it, kept or restored, whichever is named', async () => {
  for (const revision of [0, 1, 3, 4]) {
    const id = await secretWithPast();
    await done(restoreSecret(app, token, { id, toRevision: 1, currentRevision: 2 }));
    await done(updateSecret(app, token, { id, currentRevision: 3 }));
    await done(updateSecret(app, token, { id, currentRevision: 4, secretValue: set('c') }));
    await done(destroy({ id, revision, currentRevision: 5 }));
    const states = await Promise.all([0, 1, 2, 3, 4, 5, 6].map((at) => valueState(id, at)));
    expect(states).toEqual([...['DESTROYED', 'DESTROYED', 'PRESENT', 'DESTROYED', 'DESTROYED'], 'PRESENT', 'PRESENT']);
    expect((await historyOf(app, token, id, 6))[0]?.destroyedRevision).toBe(0);
    const { data, errors } = await secretAt(app, token, id, 3);
    expect(data.agentSecretRevision).toMatchObject({ revision: 3, secretValue: null });
    expect(errors).toMatchObject([
      { extensions: { code: 'AGENT_SECRET_VALUE_DESTROYED' } },
      { extensions: { code: 'AGENT_SECRET_VALUE_DESTROYED' } },
    ]);
  }
});

test('is refused for the current value, under any of the revisions that have it, until that is replaced', async () => {
  const id = await secretWithPast();
  await done(restoreSecret(app, token, { id, toRevision: 0, currentRevision: 2 }));
  for (const revision of [0, 1, 3]) {
    const { code, problems } = await refused(destroy({ id, revision, currentRevision: 3 }));
    expect([code, problems]).toEqual([
      'INVALID_REQUEST',
      ['revision: its value is the current one; update or delete the secret first'],
    ]);
  }
  await done(updateSecret(app, token, { id, currentRevision: 3, secretValue: { op: 'UNSET' } }));
  expect(await done(destroy({ id, revision: 3, currentRevision: 4 }))).toMatchObject({ revision: 5, hasValue: false });
  expect(await valueState(id, 0)).toBe('DESTROYED');
});

test('is refused for a revision without a value, an erased one, and one that there is not', async () => {
  const id = await secretWithPast();
  await done(updateSecret(app, token, { id, currentRevision: 2, secretValue: { op: 'UNSET' } }));
  const before = await environmentRevision(app, token, world.environmentId);
  expect(await refused(destroy({ id, revision: 3, currentRevision: 3 }))).toMatchObject({
    code: 'INVALID_REQUEST',
    problems: ['revision: it has no value'],
  });
  const missing = { code: 'AGENT_SECRET_REVISION_NOT_FOUND' };
  for (const revision of [4, 2n ** 63n, 2n ** 64n - 1n]) {
    expect(await refused(destroy({ id, revision, currentRevision: 3 }))).toMatchObject(missing);
  }
  const stale = { code: 'CONCURRENT_UPDATE', currentRevision: 3 };
  expect(await refused(destroy({ id, revision: 0, currentRevision: 2 }))).toMatchObject(stale);
  expect(await environmentRevision(app, token, world.environmentId)).toBe(before);
  await done(destroy({ id, revision: 0, currentRevision: 3 }));
  for (const revision of [0, 1]) {
    const code = 'AGENT_SECRET_VALUE_DESTROYED';
    expect(await refused(destroy({ id, revision, currentRevision: 4 }))).toMatchObject({ code });
  }
});

test('works on a deleted secret, which stays deleted, and leaves nothing of its values if all are erased', async () => {
  const id = await secretWithPast();
  const deleted = await done(deleteSecret(app, token, { id, currentRevision: 2 }));
  const deletedAt = (await secretAt(app, token, id, 3)).data.agentSecretRevision.deletedAt;
  expect(deleted.revision).toBe(3);
  await done(destroy({ id, revision: 0, currentRevision: 3 }));
  await done(destroy({ id, revision: 2, currentRevision: 4 }));
  expect(await storedSeals(id)).toEqual([]);
  expect((await secretAt(app, token, id, 5)).data.agentSecretRevision).toMatchObject({
    valueState: 'ABSENT',
    deletedAt,
  });
  expect((await readSecret(app, token, id)).errors?.[0]?.extensions.code).toBe('AGENT_SECRET_NOT_FOUND');
  const document = `query ($id: UUID) { environment(id: $id) { agentSecrets(filter: { deleted: true }) { edges { node {
    id revision deletedAt } } } } }`;
  const { environment } = await ask(app, token, document, { id: world.environmentId });
  const listed = environment.agentSecrets.edges.map(({ node }: any) => node);
  expect(listed).toContainEqual({ id, revision: 5, deletedAt });
  const noWay = refused(restoreSecret(app, token, { id, toRevision: 2, currentRevision: 5 }));
  expect(await noWay).toMatchObject({ code: 'AGENT_SECRET_VALUE_DESTROYED' });
});

test('an environment as it was shows the value as erased, and still everything else', async () => {
  const id = await secretWithPast();
  const at = (await historyOf(app, token, id, 2)).at(-1)?.environmentRevision;
  await done(destroy({ id, revision: 0, currentRevision: 2 }));
  const path = (await secretAt(app, token, id, 0)).data.agentSecretRevision.pathText;
  const selection = `agentSecret(pathText: "${path}") { agentSecretId revision hasValue valueState }`;
  const past = await environmentAt(app, token, world.environmentId, selection, at);
  expect(past.agentSecret).toEqual({ agentSecretId: id, revision: 0, hasValue: false, valueState: 'DESTROYED' });
});
