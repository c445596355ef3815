// What the modes of the read audit promise: strict shows nothing that is not recorded, async catches up, off is off.
import { sql } from 'drizzle-orm';
import { afterEach, describe, expect, test } from 'vitest';
import type { ReadAuditMode } from '../../../src/domain/reads/read-audit.js';
import type { Context } from '../../../src/domain/request/context.js';
import { EVERYTHING } from '../../../src/domain/request/grant.js';
import { computed, statement } from '../../../src/store/engine/statement.js';
import { until } from '../../server/process/client.js';
import { canary } from '../../support/canary.js';
import { graphql } from '../../support/graphql/client.js';
import { type Answer, type Client, createRestApp, expectRefusal, type RestApp } from '../../support/rest/app.js';

const RECORDED = statement()(
  {
    agentSecretId: computed(sql`opened`, String),
    requestId: computed(sql`request_id`, String),
    at: computed(sql`at`, (at) => new Date(at as string)),
  },
  sql`select unnest(agent_secret_ids) as "agentSecretId", request_id as "requestId", at as "at" from secret_reads order by id`,
);

let app: RestApp;
let owner: Client;
afterEach(() => app.close());

async function open(readAudit: ReadAuditMode): Promise<{ id: string; value: string }> {
  app = await createRestApp({ readAudit });
  owner = app.as('owner');
  const value = canary();
  const { id } = await owner.made(app.world.environmentId, { secretValue: value });
  return { id, value };
}

/** As the table has it: asking the service would write what waits. */
const recorded = () => app.services.db.rows(RECORDED, {});
const broken = () => app.services.db.script('alter table secret_reads rename to gone');
const mended = () => app.services.db.script('alter table gone rename to secret_reads');

function expectUnrecorded(answer: Answer): void {
  expectRefusal(answer, 503, 'UNAVAILABLE', 'Opened values cannot be recorded just now, try again later');
  expect(answer.headers['retry-after']).toBe('5');
}

describe('strict', () => {
  test('has the record in the table when the answer is there', async () => {
    const { id } = await open('strict');
    const answer = await owner.get(id);
    expect(await recorded()).toMatchObject([{ agentSecretId: id, requestId: answer.headers['x-request-id'] }]);
  });

  test('shows no value that cannot be recorded, through either door, and records none that was not shown', async () => {
    const { id, value } = await open('strict');
    const { environmentId } = app.world;
    await broken();
    const metadata = 'query ($id: UUID!) { agentSecret(id: $id) { revision hasValue } }';
    const [got, listed, kept] = [
      await owner.get(id),
      await owner.list(environmentId),
      await owner.update(id, { currentRevision: 0 }),
    ];
    for (const answer of [got, listed, kept]) expectUnrecorded(answer);
    const document = `query ($id: UUID!) {
      a: agentSecret(id: $id) { secretValue secretValueText revisions { edges { node { secretValue } } } }
      b: agentSecret(id: $id) { secretValue }
    }`;
    const { data, errors } = await graphql<any>(app, app.world.people.owner.token, document, { id });
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(Array(5).fill('UNAVAILABLE'));
    expect(data).toBeUndefined();
    expect((await graphql(app, app.world.people.owner.token, metadata, { id })).errors).toBeUndefined();
    await mended();
    const answer = await owner.get(id);
    expect(answer.body.secretValue).toBe(value);
    expect(await recorded()).toMatchObject([{ agentSecretId: id, requestId: answer.headers['x-request-id'] }]);
  });

  test('writes the records of a hundred readers with a few statements', async () => {
    const { id, value } = await open('strict');
    const { token } = app.world.people.owner;
    const read = () => graphql<any>(app, token, 'query ($id: UUID!) { agentSecret(id: $id) { secretValue } }', { id });
    await read();
    const before = app.queries();
    const answers = await Promise.all(Array.from({ length: 100 }, read));
    const statements = app.queries() - before;
    for (const { data } of answers) expect(data.agentSecret.secretValue).toBe(value);
    expect(await recorded()).toHaveLength(101);
    // One each to read the secret; the rest are the records.
    expect(statements).toBeLessThan(120);
  });
});

describe('async', () => {
  test('has the record within a second, without anybody asking', async () => {
    const { id } = await open('async');
    const answer = await owner.get(id);
    const answered = performance.now();
    await until('the record', async () => (await recorded()).length > 0, 5_000);
    expect(performance.now() - answered).toBeLessThan(1_000);
    expect(await recorded()).toMatchObject([{ agentSecretId: id, requestId: answer.headers['x-request-id'] }]);
  });

  test('goes on while records cannot be written, and writes each of them once when they can', async () => {
    const { id, value } = await open('async');
    await broken();
    const shown: unknown[] = [];
    const failures = () => app.logs.filter((line) => line.includes('cannot write the record'));
    await until('a failure', async () => {
      const answer = await owner.get(id);
      expect(answer.body.secretValue).toBe(value);
      shown.push(answer.headers['x-request-id']);
      return failures().length > 0;
    });
    const lastReadAt = 'query ($id: UUID!) { agentSecret(id: $id) { lastReadAt } }';
    const { errors } = await graphql(app, app.world.people.owner.token, lastReadAt, { id });
    expect(errors?.[0]?.extensions.code).toBe('UNAVAILABLE');
    await mended();
    await until('the records', async () => (await recorded()).length >= shown.length);
    expect((await recorded()).map(({ requestId }) => requestId)).toEqual(shown);
    expect(JSON.parse(failures()[0] as string)).toMatchObject({ level: 'warn', code: '42P01' });
  });

  test('writes with one statement what has waited through many attempts', async () => {
    const { id } = await open('async');
    await broken();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await owner.get(id);
      await expect(app.services.reads.flush()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    await mended();
    const before = app.queries();
    await app.services.reads.flush();
    expect(app.queries() - before).toBe(1);
    expect(await recorded()).toHaveLength(20);
  });

  test('stops showing values when too many records wait, and goes on when they are written', async () => {
    const { id, value } = await open('async');
    await broken();
    const actor = { accountId: app.world.people.owner.id, tokenId: null, isAdmin: false, grant: EVERYTHING };
    const ctx = (): Context => ({ services: app.services, actor, requestId: 'many', door: 'rest' });
    const { environmentId } = app.world;
    let noted = 0;
    const noteMany = () => {
      for (let request = ctx(), revision = 0n; ; revision += 1n, noted += 1) {
        if (revision % 1_000n === 0n) request = ctx();
        app.services.reads.record(request, { environmentId, id, revision });
      }
    };
    // No door would open so many within the time of a test.
    expect(noteMany).toThrow('Opened values cannot be recorded just now');
    expect(noted).toBe(250_000);
    const { id: other } = await owner.made(app.world.environmentId);
    for (const secret of [id, other]) expectUnrecorded(await owner.get(secret));
    await mended();
    await until('values are shown again', async () => (await owner.get(id)).body.secretValue === value);
    await app.services.reads.flush();
    const many = (await recorded()).filter(({ requestId }) => requestId === 'many');
    expect(many).toHaveLength(noted);
  });

  test('writes what waits when the service is closed', async () => {
    const { id } = await open('async');
    await owner.get(id);
    await app.services.reads.flush();
    expect(await recorded()).toHaveLength(1);
  });
});

test('off records nothing', async () => {
  const { id, value } = await open('off');
  expect((await owner.get(id)).body.secretValue).toBe(value);
  await app.services.reads.flush();
  expect(await recorded()).toEqual([]);
  const document =
    'query ($id: UUID!, $environment: UUID!) { agentSecret(id: $id) { lastReadAt } environment(id: $environment) { reads { edges { cursor } } } }';
  const answer = await graphql<any>(app, app.world.people.owner.token, document, {
    id,
    environment: app.world.environmentId,
  });
  expect(answer.data).toEqual({ agentSecret: { lastReadAt: null }, environment: { reads: { edges: [] } } });
});
