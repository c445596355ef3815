// The read audit against a Postgres that makes it wait: strict waits with it, and many secrets cost few statements.
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { pruneSecretReads } from '../../../src/domain/reads/secret-read.js';
import { until } from '../../server/process/client.js';
import { ask } from '../../support/graphql/client.js';
import { adminUrlOf } from '../../support/postgres/admin.js';
import { expectRefusal } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, owner } = await restSuite({ readAudit: 'strict', databaseStatementTimeout: 2_000 });
let sql: postgres.Sql;
beforeAll(async () => {
  sql = postgres((await adminUrlOf(app)).href, { max: 3, onnotice: () => {} });
});
afterAll(() => sql.end());

/** Holds the table of records against writes while `work` runs. */
async function held(work: (recordWaits: () => Promise<unknown>) => Promise<void>): Promise<void> {
  await sql.begin(async (lock) => {
    await lock`lock table secret_reads in exclusive mode`;
    const [holder] = await lock`select pg_backend_pid() as pid`;
    await work(() =>
      until('a record waits', async () => {
        const [waiting] = await sql`select 1 from pg_stat_activity where ${holder?.pid} = any(pg_blocking_pids(pid))`;
        return waiting;
      }),
    );
  });
}

test('an answer waits as long as its record does', async () => {
  const { id } = await owner.made(app.world.environmentId);
  let isAnswered = false;
  let answer: Promise<unknown> | undefined;
  await held(async (recordWaits) => {
    answer = owner.get(id).finally(() => {
      isAnswered = true;
    });
    await recordWaits();
    // Whoever comes meanwhile waits as well; who wants no value does not.
    const late = owner.get(id);
    await ask(app, app.world.people.owner.token, '{ viewer { id } }');
    expect(isAnswered).toBe(false);
    answer = Promise.all([answer, late]);
  });
  expect(await answer).toMatchObject([{ status: 200 }, { status: 200 }]);
  expect(await sql`select from secret_reads where agent_secret_ids = array[${id}]::uuid[]`).toHaveLength(2);
});

test('a record that waits for too long is none, and its value is not shown', async () => {
  const { id } = await owner.made(app.world.environmentId);
  await held(async () => {
    expectRefusal(await owner.get(id), 503, 'UNAVAILABLE');
  });
  expect((await owner.get(id)).status).toBe(200);
  expect(await sql`select from secret_reads where agent_secret_ids = array[${id}]::uuid[]`).toHaveLength(1);
});

test('a long list is told in rows of a thousand at most, and every value in it once', async () => {
  const environmentId = await createEnvironment(app, app.world.people.owner.token, app.world.applicationId);
  const apply = `mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) { __typename } }`;
  const secrets = Array.from({ length: 1_000 }, (_, index) => ({
    create: { path: [`s${index}`], secretType: { type: 'U16' }, secretValue: index },
  }));
  for (let from = 0; from < secrets.length; from += 100) {
    const input = { environmentId, changes: secrets.slice(from, from + 100) };
    await ask(app, app.world.people.owner.token, apply, { input });
  }
  const one = await owner.made(environmentId).catch(() => undefined);
  expect(one, 'the plan allows a thousand').toBeUndefined();
  const document = `query ($id: UUID) { environment(id: $id) { allAgentSecrets { secretValue secretValueText } } }`;
  await ask(app, app.world.people.owner.token, document, { id: environmentId });
  const told = async () => {
    const rows = await sql<{ ids: string }[]>`
      select array_to_string(agent_secret_ids, ',') as ids from secret_reads where environment_id = ${environmentId}`;
    return rows.map(({ ids }) => ids.split(','));
  };
  // Opened in portions, which are committed one after the other.
  const ids = (await told()).flat();
  expect(ids).toHaveLength(1_000);
  expect(new Set(ids).size).toBe(1_000);
  await sql`delete from secret_reads where environment_id = ${environmentId}`;
  expect((await owner.list(environmentId)).status).toBe(200);
  expect((await told()).map(({ length }) => length)).toEqual([1_000]);
});

test('a process tells of a secret once a minute that it was opened, and of the secret’s every opening', async () => {
  const { id } = await owner.made(app.world.environmentId);
  const last = async () => (await sql`select at, xmin from last_secret_reads where agent_secret_id = ${id}`)[0];
  const openings = () => sql`select at from secret_reads where ${id} = any(agent_secret_ids) order by at`;
  const minuteOf = (at: Date) => Math.floor(at.getTime() / 60_000);
  vi.useFakeTimers({ toFake: ['Date'], now: Math.ceil(Date.now() / 60_000) * 60_000 });
  try {
    await owner.get(id);
    const first = await last();
    vi.setSystemTime(Date.now() + 58_000);
    await owner.get(id);
    await owner.list(app.world.environmentId);
    expect(await last()).toEqual(first);
    expect(await openings()).toHaveLength(3);
    vi.setSystemTime(Date.now() + 2_000);
    await owner.list(app.world.environmentId);
    const [latest] = (await openings()).slice(-1);
    const told = await last();
    expect(minuteOf(told?.at)).toBe(minuteOf(first?.at) + 1);
    expect(minuteOf(told?.at)).toBe(minuteOf(latest?.at));
  } finally {
    vi.useRealTimers();
  }
});

test('a record that fails is no reason not to tell of the opening', async () => {
  const { id } = await owner.made(app.world.environmentId);
  await held(async () => {
    expectRefusal(await owner.get(id), 503, 'UNAVAILABLE');
  });
  expect(await sql`select from last_secret_reads where agent_secret_id = ${id}`).toHaveLength(0);
  await owner.get(id);
  expect(await sql`select from last_secret_reads where agent_secret_id = ${id}`).toHaveLength(1);
});

test('old records go, in batches, also while another one removes them; the last opening stays known', async () => {
  const { id } = await owner.made(app.world.environmentId);
  await owner.get(id);
  await sql`update secret_reads set at = now() - interval '3 days'`;
  await sql`insert into secret_reads select gen_random_uuid(), environment_id, agent_secret_ids, revisions, account_id,
    token_id, door, request_id, now() - interval '91 days' from secret_reads, generate_series(1, 6000) limit 12000`;
  const before = (await sql`select from secret_reads where at > now() - interval '90 days'`).length;
  const { db } = app.services;
  const removed = await Promise.all([pruneSecretReads(db, 90), pruneSecretReads(db, 90)]);
  expect(removed[0] + removed[1]).toBe(12_000);
  expect(await sql`select from secret_reads`).toHaveLength(before);
  expect(await pruneSecretReads(db, 2)).toBe(before);
  const { agentSecret } = await ask(
    app,
    app.world.people.owner.token,
    'query ($id: UUID!) { agentSecret(id: $id) { lastReadAt } }',
    { id },
  );
  expect(agentSecret.lastReadAt).not.toBeNull();
});
