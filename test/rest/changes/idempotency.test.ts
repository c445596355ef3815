// Writes that are safe to repeat: the same request under the same key is done once, and answers what the first one did.
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { auditEnvironment } from '../../races/support/log-audit.js';
import { CANARY, canary } from '../../support/canary.js';
import { ask, graphql } from '../../support/graphql/client.js';
import {
  applyChanges,
  type ChangeSet,
  changeSet,
  destroyRevision,
  queryOf,
  type Result,
  restoreSecret,
  rowsOf,
} from '../../support/graphql/log.js';
import { createSecret, deleteSecret, done, environmentRevision, updateSecret } from '../../support/graphql/secrets.js';
import { type Answer, expectRefusal, place } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment, share } from '../../support/world.js';

const { app, owner, token } = await restSuite();
let environmentId: string;
beforeEach(async () => {
  environmentId = await createEnvironment(app, token, app.world.applicationId);
});

const newKey = () => randomBytes(9).toString('hex');
const secretType = { type: 'Str' };
const revision = () => environmentRevision(app, token, environmentId);

/** A REST write under a key. */
function write(key: string, method: string, path: string, body?: object, client = owner): Promise<Answer> {
  return client.call(method, path, { headers: { 'idempotency-key': key }, ...(body ? { body } : {}) });
}
const create = (key: string, body: object, client = owner) =>
  write(key, 'POST', `/v1/envs/${environmentId}/agent-secrets`, body, client);
const update = (key: string, id: string, body: object, client = owner) =>
  write(key, 'PATCH', `/v1/agent-secrets/${id}`, body, client);
const remove = (key: string, id: string, current: number, client = owner) =>
  write(key, 'DELETE', `/v1/agent-secret/${id}?current_revision=${current}`, undefined, client);

const same = ({ status, text }: Answer) => ({ status, text });

describe('a repeated REST write', () => {
  test('answers what the first one did, to the byte, also after later writes', async () => {
    const keys = [newKey(), newKey(), newKey(), newKey(), newKey()] as const;
    const body = { path: [place()], secretType, secretValue: 'a' };
    const created = await create(keys[0], body);
    expect(created.status, created.text).toBe(200);
    const { id } = created.body;
    const set = { currentRevision: 0, secretValue: { op: 'set', value: 'b' } };
    const unset = { currentRevision: 2, secretValue: { op: 'unset' } };
    const writes = [
      () => create(keys[0], body),
      () => update(keys[1], id, set),
      () => update(keys[2], id, { currentRevision: 1 }),
      () => update(keys[3], id, unset),
      () => remove(keys[4], id, 3),
    ];
    const first: Answer[] = [];
    for (const [index, repeat] of writes.entries()) {
      first.push(await repeat());
      expect(first[index]?.status, first[index]?.text).toBe(200);
      expect(same(await repeat())).toEqual(same(first[index] as Answer));
    }
    expect(first.map(({ body: { revision: at } }) => at)).toEqual([0, 1, 2, 3, 4]);
    expect(same(first[0] as Answer)).toEqual(same(created));
    for (const [index, repeat] of writes.entries()) expect(same(await repeat())).toEqual(same(first[index] as Answer));
    expect(await revision()).toBe(5);
    await auditEnvironment(queryOf(app), environmentId);
  });

  test('is refused with another body, another path, another operation', async () => {
    const key = newKey();
    const body = { path: [place()], secretType, secretValue: canary() };
    const { id } = (await create(key, body)).body;
    const reused: [status: number, code: string] = [422, 'IDEMPOTENCY_KEY_REUSED'];
    expectRefusal(await create(key, { ...body, secretValue: canary() }), ...reused);
    expectRefusal(await create(key, { ...body, path: [place()] }), ...reused);
    expectRefusal(await create(key, { ...body, secretType: { type: 'List', inner: secretType } }), ...reused);
    expectRefusal(await update(key, id, { currentRevision: 0 }), ...reused);
    expectRefusal(await remove(key, id, 0), ...reused);
    const other = newKey();
    await update(other, id, { currentRevision: 0 });
    expectRefusal(await update(other, id, { currentRevision: 1 }), ...reused);
    expectRefusal(await update(other, id, { currentRevision: 0, secretValue: { op: 'unset' } }), ...reused);
    expect(await revision()).toBe(2);
  });

  test('that was refused was not done, and may be done once it can be', async () => {
    const key = newKey();
    const { id, path } = await owner.made(environmentId);
    const body = { path, secretType };
    for (let time = 0; time < 2; time += 1) expectRefusal(await create(key, body), 409, 'AGENT_SECRET_ALREADY_EXISTS');
    expectRefusal(await update(key, id, { currentRevision: 5 }), 409, 'CONCURRENT_UPDATE');
    await owner.remove(id, 0);
    const created = await create(key, body);
    expect(created.status).toBe(200);
    expect(same(await create(key, body))).toEqual(same(created));
  });
});

describe('a key', () => {
  test('belongs to its account', async () => {
    const key = newKey();
    const { people } = app.world;
    await share(app, token, environmentId, people.deployer.id, ['DEPLOYER']);
    const [one, other] = [place(), place()];
    const mine = await create(key, { path: [one], secretType });
    const theirs = await create(key, { path: [other], secretType }, app.as('deployer'));
    expect([mine.status, theirs.status]).toEqual([200, 200]);
    expect([mine.body.path, theirs.body.path]).toEqual([[one], [other]]);
    expect(await revision()).toBe(2);
  });

  test.each(['', ' ', 'with space', 'tab\there', 'x'.repeat(256), 'ü'])(
    'of the wrong form (%j) is refused',
    async (key) => {
      const answer = await create(key, { path: [place()], secretType });
      // Node trims blanks around a header and cannot send letters beyond Latin-1: whatever arrives is judged.
      expectRefusal(answer, 400, 'INVALID_REQUEST', 'Idempotency-Key: expected 1 to 255 visible ASCII characters');
      expect(await revision()).toBe(0);
    },
  );

  test.each(['!', '~', 'x'.repeat(255), '"quoted"', 'a,b', '%00'])('of the right form (%j) counts', async (key) => {
    const body = { path: [place()], secretType };
    const first = await create(key, body, owner);
    expect(first.status).toBe(200);
    expect(same(await create(key, body))).toEqual(same(first));
    await app.services.db.script(`delete from idempotency_keys`);
  });

  test('that has expired is free again', async () => {
    const key = newKey();
    const { id } = await owner.made(environmentId);
    await update(key, id, { currentRevision: 0 });
    await app.services.db.script(`update idempotency_keys set expires_at = now() - interval '1 second'`);
    expectRefusal(await update(key, id, { currentRevision: 0 }), 409, 'CONCURRENT_UPDATE');
    const again = await update(key, id, { currentRevision: 1 });
    expect([again.status, again.body.revision]).toEqual([200, 2]);
    expect(same(await update(key, id, { currentRevision: 1 }))).toEqual(same(again));
    expect(await revision()).toBe(3);
  });

  test('is remembered for a day, and swept after that', async () => {
    const key = newKey();
    const { id } = await owner.made(environmentId);
    await update(key, id, { currentRevision: 0 });
    const [row] = await rowsOf(
      app,
      `select extract(epoch from expires_at - created_at)::int as seconds from idempotency_keys where agent_secret_id = $1`,
      [id],
    );
    expect(row?.seconds).toBe(24 * 3600);
    await app.services.db.script(`update idempotency_keys set expires_at = now() - interval '1 second'`);
    await update(newKey(), id, { currentRevision: 1 });
    const rows = await rowsOf(app, `select 1 from idempotency_keys where expires_at < now()`);
    expect(rows).toEqual([]);
  });

  test('leaves hashes and revisions behind, and nothing of the request', async () => {
    const key = canary();
    const value = canary();
    const { body } = await create(key, { path: [place()], secretType, secretValue: value });
    await update(newKey(), body.id, { currentRevision: 0, secretValue: { op: 'set', value } });
    const rows = await rowsOf(app, 'select t::text as row, t.* from idempotency_keys t where agent_secret_id = $1', [
      body.id,
    ]);
    expect(rows).toHaveLength(2);
    for (const { row, request_hash, key_hash } of rows) {
      expect(row).not.toMatch(CANARY);
      for (const text of [key, value]) expect(row).not.toContain(Buffer.from(text).toString('hex'));
      expect([request_hash.length, key_hash.length]).toEqual([32, 32]);
    }
    // Guessable requests must not be found by hashing guesses: the same request has another hash elsewhere.
    expect(new Set(rows.map(({ request_hash }) => Buffer.from(request_hash).toString('hex'))).size).toBe(2);
  });
});

test('without a key every write is one of its own, as ever', async () => {
  const body = { path: [place()], secretType };
  const { body: created } = await owner.create(environmentId, body);
  expectRefusal(await owner.create(environmentId, body), 409, 'AGENT_SECRET_ALREADY_EXISTS');
  expect((await owner.update(created.id, { currentRevision: 0 })).body.revision).toBe(1);
  expectRefusal(await owner.update(created.id, { currentRevision: 0 }), 409, 'CONCURRENT_UPDATE');
  expect((await owner.remove(created.id, 1)).status).toBe(200);
  expectRefusal(await owner.remove(created.id, 1), 404, 'AGENT_SECRET_NOT_FOUND');
});

describe('a repeated GraphQL write', () => {
  test('answers what the first one did, for each mutation', async () => {
    const made = await done(createSecret(app, token, { environmentId, path: ['a'], secretType, secretValue: 'zero' }));
    const { id } = made;
    const input = (more: object) => ({ id, idempotencyKey: newKey(), ...more });
    const set = { op: 'SET', value: 'one' };
    const inputs = {
      create: { environmentId, path: ['b'], secretType, secretValue: 'b', idempotencyKey: newKey() },
      update: input({ currentRevision: 0, secretValue: set }),
      keep: input({ currentRevision: 1 }),
      restore: input({ currentRevision: 2, toRevision: 0 }),
      destroy: input({ currentRevision: 3, revision: 1 }),
      delete: input({ currentRevision: 4 }),
    };
    const writes: Record<string, () => Promise<unknown>> = {
      create: () => done(createSecret(app, token, inputs.create)),
      update: () => done(updateSecret(app, token, inputs.update)),
      keep: () => done(updateSecret(app, token, inputs.keep)),
      restore: () => done(restoreSecret(app, token, inputs.restore)),
      destroy: () => done(destroyRevision(app, token, inputs.destroy)),
      delete: () => done(deleteSecret(app, token, inputs.delete)),
    };
    for (const [name, repeat] of Object.entries(writes)) {
      const first = await repeat();
      const before = await revision();
      expect(await repeat(), name).toEqual(first);
      expect(await revision(), name).toBe(before);
    }
    await auditEnvironment(queryOf(app), environmentId);
  });

  test('of a change set answers its items again, after later writes and a destroyed value, too', async () => {
    const { id } = await done(
      createSecret(app, token, { environmentId, path: ['a'], secretType, secretValue: 'zero' }),
    );
    const input = {
      environmentId,
      idempotencyKey: newKey(),
      changes: [
        { create: { path: ['b'], secretType, secretValue: 'b' } },
        { update: { id, currentRevision: 0, secretValue: { op: 'SET', value: 'one' } } },
        { delete: { id, currentRevision: 1 } },
        { restore: { id, currentRevision: 2, toRevision: 0 } },
      ],
    };
    const first = await changeSet(app, token, input);
    expect(first).toMatchObject({ applied: true, environmentRevision: 5 });
    expect(await changeSet(app, token, input)).toEqual(first);
    await done(destroyRevision(app, token, { id, revision: 1, currentRevision: 3 }));
    await done(updateSecret(app, token, { id: (first.results[0] as Result).id, currentRevision: 0 }));
    const again = await changeSet(app, token, input);
    // The caller's own words come back; that the value is not there any more is told, too.
    expect(again.results.map((one: any) => one.secretValue)).toEqual(['b', 'one', null, 'zero']);
    expect(await revision()).toBe(7);
    const reused = await applyChanges(app, token, { ...input, changes: input.changes.slice(1) });
    expect(reused).toMatchObject({ __typename: 'IdempotencyKeyReused' });
  });

  test('of a change set that was refused, or was a dry run, is judged anew', async () => {
    const idempotencyKey = newKey();
    const input = { environmentId, idempotencyKey, changes: [{ create: { path: ['b'], secretType } }] };
    const { id } = await done(createSecret(app, token, { environmentId, path: ['b'], secretType }));
    const codes = async () => (await changeSet(app, token, input)).applied;
    expect(await codes()).toBe(false);
    expect((await changeSet(app, token, { ...input, dryRun: true })).applied).toBe(false);
    await done(deleteSecret(app, token, { id, currentRevision: 0 }));
    expect(await codes()).toBe(true);
    expect(await codes()).toBe(true);
    expect(await revision()).toBe(3);
  });

  test('is one with the same write through REST', async () => {
    const idempotencyKey = newKey();
    const path = [place()];
    const viaRest = await create(idempotencyKey, { path, secretType, secretValue: 'a' });
    const input = { environmentId, path, secretType, secretValue: 'a', idempotencyKey };
    expect(await done(createSecret(app, token, input))).toMatchObject({ id: viaRest.body.id, revision: 0 });
    const key = newKey();
    const { id } = viaRest.body;
    const viaGraphql = await done(updateSecret(app, token, { id, currentRevision: 0, idempotencyKey: key }));
    expect((await update(key, id, { currentRevision: 0 })).body).toMatchObject({ id, revision: viaGraphql.revision });
    expect(await revision()).toBe(2);
  });

  test.each(['', 'with space', 'x'.repeat(256), 'ü'])('under a key of the wrong form (%j) is refused', async (key) => {
    const result = await createSecret(app, token, { environmentId, path: ['a'], secretType, idempotencyKey: key });
    expect(result).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await revision()).toBe(0);
  });
});

describe('a repetition is authorised again', () => {
  test('without the share it is 404, as a viewer 403 or 404', async () => {
    const { stranger } = app.world.people;
    const client = app.as('stranger');
    const shareId = await share(app, token, environmentId, stranger.id, ['DEPLOYER']);
    const keys = [newKey(), newKey(), newKey(), newKey(), newKey()] as const;
    const body = { path: [place()], secretType, secretValue: canary() };
    const { id } = (await create(keys[0], body, client)).body;
    const change = { currentRevision: 0, secretValue: { op: 'set', value: canary() } };
    const restoration = { id, toRevision: 0, currentRevision: 1, idempotencyKey: keys[3] };
    const set = { environmentId, changes: [{ create: { path: ['z'], secretType } }], idempotencyKey: keys[4] };
    const repeat = {
      create: () => create(keys[0], body, client),
      update: () => update(keys[1], id, change, client),
      remove: () => remove(keys[2], id, 2, client),
    };
    await repeat.update();
    await done(restoreSecret(app, stranger.token, restoration));
    await repeat.remove();
    expect(((await applyChanges(app, stranger.token, set)) as ChangeSet).applied).toBe(true);
    const viaGraphql = async () => {
      const documents = [
        ['Restore', 'restoreAgentSecret', restoration],
        ['Apply', 'applyAgentSecretChanges', set],
      ] as const;
      return Promise.all(
        documents.map(async ([, field, input]) => {
          const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input`;
          const document = `mutation ($input: ${type}!) { ${field}(input: $input) { __typename } }`;
          return (await graphql(app, stranger.token, document, { input })).errors?.[0]?.extensions.code;
        }),
      );
    };
    expect(await viaGraphql()).toEqual([undefined, undefined]);

    const viewer =
      'mutation ($id: ID!) { updateEnvironmentShare(input: { id: $id, roles: [VIEWER] }) { ... on UpdateEnvironmentSharePayload { environmentShare { roles } } } }';
    await ask(app, token, viewer, { id: shareId });
    expectRefusal(await repeat.create(), 403, 'AUTH_FORBIDDEN');
    expectRefusal(await repeat.update(), 404, 'AGENT_SECRET_NOT_FOUND');
    expectRefusal(await repeat.remove(), 404, 'AGENT_SECRET_NOT_FOUND');
    expect(await viaGraphql()).toEqual(['AGENT_SECRET_NOT_FOUND', 'AUTH_FORBIDDEN']);

    await ask(app, token, 'mutation ($id: ID!) { deleteEnvironmentShare(input: { id: $id }) { __typename } }', {
      id: shareId,
    });
    expectRefusal(await repeat.create(), 404, 'ENVIRONMENT_NOT_FOUND');
    expectRefusal(await repeat.update(), 404, 'AGENT_SECRET_NOT_FOUND');
    expectRefusal(await repeat.remove(), 404, 'AGENT_SECRET_NOT_FOUND');
    expect(await viaGraphql()).toEqual(['AGENT_SECRET_NOT_FOUND', 'ENVIRONMENT_NOT_FOUND']);
  });

  test('in a deleted environment there is nothing to repeat', async () => {
    const key = newKey();
    const body = { path: [place()], secretType };
    await create(key, body);
    await ask(app, token, 'mutation ($id: ID!) { deleteEnvironment(input: { id: $id }) { __typename } }', {
      id: environmentId,
    });
    expectRefusal(await create(key, body), 404, 'ENVIRONMENT_NOT_FOUND');
  });
});

test('a value that was kept, and destroyed since, is told as destroyed, not by 410, at which Golem’s tools stop; one that was sent comes back', async () => {
  const { id } = await owner.made(environmentId, { secretValue: 'a' });
  const [kept, sent] = [newKey(), newKey()];
  const set = { currentRevision: 1, secretValue: { op: 'set', value: 'b' } };
  await update(kept, id, { currentRevision: 0 });
  const first = await update(sent, id, set);
  await owner.update(id, { currentRevision: 2, secretValue: { op: 'unset' } });
  await done(destroyRevision(app, token, { id, revision: 0, currentRevision: 3 }));
  await done(destroyRevision(app, token, { id, revision: 2, currentRevision: 4 }));
  expectRefusal(await update(kept, id, { currentRevision: 0 }), 409, 'AGENT_SECRET_VALUE_DESTROYED');
  expect(same(await update(sent, id, set))).toEqual(same(first));
});
