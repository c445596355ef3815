// Lists that are asked for only if they have changed: the tag, what it costs, and who may ask.
import { beforeEach, describe, expect, test } from 'vitest';
import { ask } from '../../support/graphql/client.js';
import { changeSet, destroyRevision, restoreSecret } from '../../support/graphql/log.js';
import { done } from '../../support/graphql/secrets.js';
import { expectRefusal, place, send } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment, share } from '../../support/world.js';

const { app, owner, token } = await restSuite();
let environmentId: string;

beforeEach(async () => {
  environmentId = await createEnvironment(app, token, app.world.applicationId);
});

const list = (known?: string, client = owner, method = 'GET') =>
  client.call(
    method,
    `/v1/envs/${environmentId}/agent-secrets`,
    known === undefined ? {} : { headers: { 'if-none-match': known } },
  );

async function tag(): Promise<string> {
  const { status, headers } = await list();
  expect(status).toBe(200);
  return headers.etag as string;
}

test('a list has a strong tag, which is the same until something is written', async () => {
  await owner.made(environmentId);
  const known = await tag();
  expect(known).toMatch(/^"[^"]+"$/);
  expect(await tag()).toBe(known);
  await owner.list(app.world.environmentId);
  expectRefusal(await owner.update(place(), { currentRevision: 0 }), 400, 'INVALID_REQUEST');
  expect(await tag()).toBe(known);
});

test('a tag from before the database was restored from a backup does not match what was written since', async () => {
  const { id } = await owner.made(environmentId);
  const write = (value: string) => owner.update(id, { currentRevision: 0, secretValue: { op: 'set', value } });
  await write('lost with the disk');
  const known = await tag();
  // As the backup has it: without the second write.
  await app.services.db.script(`
    delete from agent_secret_revisions where environment_id = '${environmentId}' and revision = 1;
    update agent_secrets s set revision = 0, value_revision = 0, sealed_value = r.sealed_value, updated_at = r.at
      from agent_secret_revisions r where r.agent_secret_id = s.id and s.id = '${id}';
    update environments e set revision = 1, head_hash = r.hash, updated_at = r.at
      from agent_secret_revisions r where r.environment_id = e.id and e.id = '${environmentId}'`);
  expect((await list(known)).status).toBe(200);
  const restored = Date.now();
  while (Date.now() === restored) await new Promise(setImmediate);
  expect((await write('written since')).body).toMatchObject({ revision: 1 });
  const { status, body } = await list(known);
  expect([status, body?.values[0]?.secretValue]).toEqual([200, 'written since']);
});

test('who has it is answered 304 without a body, and with the tag again', async () => {
  await owner.made(environmentId);
  const known = await tag();
  for (const client of [owner, app.as('owner')]) {
    const { status, text, headers } = await list(known, client);
    expect([status, text, headers.etag, headers['content-type']]).toEqual([304, '', known, undefined]);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      vary: expect.stringMatching(/authorization.*cookie/),
    });
  }
  expect((await list(known, owner, 'HEAD')).status).toBe(304);
});

test.each<[string, (known: string) => string]>([
  ['any', () => '*'],
  ['weak', (known) => `W/${known}`],
  ['one of several', (known) => `"other", ${known}`],
  ['one of several without spaces', (known) => `"a",W/${known},"b"`],
])('%s matches', async (_, header) => {
  expect((await list(header(await tag()))).status).toBe(304);
});

test.each<[string, (known: string) => string]>([
  ['another', () => '"other"'],
  ['empty', () => ''],
  ['unquoted', (known) => known.slice(1, -1)],
  ['longer', (known) => `${known.slice(0, -1)}0"`],
  ['in lower-case weakness', (known) => `w/${known}`],
])('%s does not, and the list is answered', async (_, header) => {
  const answer = await list(header(await tag()));
  expect([answer.status, answer.body]).toEqual([200, { values: [] }]);
});

test('every kind of write changes the tag, through either door', async () => {
  const seen = [await tag()];
  const changed = async (write: Promise<unknown>) => {
    const result: any = await write;
    const now = await tag();
    expect(seen).not.toContain(now);
    expect((await list(seen.at(-1))).status).toBe(200);
    expect((await list(now)).status).toBe(304);
    seen.push(now);
    return result;
  };
  const { id } = await changed(owner.made(environmentId));
  await changed(owner.update(id, { currentRevision: 0 }));
  await changed(owner.update(id, { currentRevision: 1, secretValue: { op: 'set', value: 'b' } }));
  await changed(owner.update(id, { currentRevision: 2, secretValue: { op: 'unset' } }));
  await changed(done(destroyRevision(app, token, { id, revision: 0, currentRevision: 3 })));
  await changed(owner.remove(id, 4));
  await changed(done(restoreSecret(app, token, { id, toRevision: 2, currentRevision: 5 })));
  const changes = [place(), place()].map((path) => ({ create: { path: [path], secretType: { type: 'Str' } } }));
  await changed(changeSet(app, token, { environmentId, changes }));
});

test('304 costs one statement about the environment, and none about its secrets', async () => {
  await owner.made(environmentId);
  const known = await tag();
  const texts: string[] = [];
  const services = app.services as { db: typeof app.services.db };
  const { db } = services;
  services.db = {
    ...db,
    row(statement, input) {
      texts.push(statement.text);
      return db.row(statement, input);
    },
    rows(statement, input) {
      texts.push(statement.text);
      return db.rows(statement, input);
    },
  };
  try {
    expect((await list(known)).status).toBe(304);
  } finally {
    services.db = db;
  }
  expect(texts).toHaveLength(1);
  expect(texts[0]).toContain('"environments"');
  expect(texts[0]).not.toMatch(/agent_secrets|agent_secret_revisions/);
});

describe('a tag opens nothing', () => {
  test.each(['viewer', 'stranger', 'roleless', 'operator'] as const)('to %s', async (relation) => {
    environmentId = app.world.environmentId;
    const known = await tag();
    const client = app.as(relation);
    const without = await list(undefined, client);
    for (const header of [known, '*', '"other"']) {
      const answer = await list(header, client);
      expect([answer.status, answer.body, answer.headers.etag]).toEqual([without.status, without.body, undefined]);
    }
    expect(without.status).toBe(relation === 'viewer' ? 403 : 404);
  });

  test('to nobody without a credential, and none whose share has gone', async () => {
    const known = await tag();
    expectRefusal(await list(known, app.anonymous), 401, 'AUTH_UNAUTHORIZED');
    const { stranger } = app.world.people;
    const id = await share(app, token, environmentId, stranger.id, ['DEPLOYER']);
    expect((await list(known, app.as('stranger'))).status).toBe(304);
    await ask(app, token, 'mutation ($id: ID!) { deleteEnvironmentShare(input: { id: $id }) { __typename } }', {
      id,
    });
    expectRefusal(await list(known, app.as('stranger')), 404, 'ENVIRONMENT_NOT_FOUND');
  });

  test('in a deleted environment', async () => {
    const known = await tag();
    await ask(app, token, 'mutation ($id: ID!) { deleteEnvironment(input: { id: $id }) { __typename } }', {
      id: environmentId,
    });
    expectRefusal(await list(known), 404, 'ENVIRONMENT_NOT_FOUND');
  });
});

test('other operations have no tag, and do not mind one', async () => {
  const { id } = await owner.made(environmentId);
  const path = `/v1/agent-secrets/${id}`;
  const { status, headers } = await send(app.server, { method: 'GET', path, token, headers: { 'if-none-match': '*' } });
  expect([status, headers.etag]).toEqual([200, undefined]);
});
