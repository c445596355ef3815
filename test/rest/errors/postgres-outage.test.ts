// A Postgres that cuts connections, makes statements wait too long, or goes away and comes back: 503, never 500.
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { servicesOn } from '../../../src/start/services.js';
import { openPostgres } from '../../../src/store/engine/client.js';
import { databaseKind } from '../../support/app.js';
import { canary } from '../../support/canary.js';
import { adminUrlOf } from '../../support/postgres/admin.js';
import { testPostgres } from '../../support/postgres/database.js';
import { networkTo } from '../../support/postgres/network.js';
import {
  type Answer,
  type Client,
  clientOf,
  createRestApp,
  expectRefusal,
  type RestApp,
} from '../../support/rest/app.js';

describe.runIf(databaseKind() === 'postgres')('Postgres (the embedded database has no server to lose)', () => {
  let app: RestApp;
  let owner: Client;
  let id: string;
  let database: string;
  let admin: postgres.Sql;
  beforeAll(async () => {
    app = await createRestApp({ databaseStatementTimeout: 2_000 });
    owner = app.as('owner');
    id = (await owner.made(app.world.environmentId)).id;
    const url = await adminUrlOf(app);
    database = url.pathname.slice(1);
    admin = postgres(url.href, { max: 2, onnotice: () => {} });
  });
  afterAll(async () => {
    await admin.end();
    await app.close();
  });

  const update = () => owner.update(id, { currentRevision: 0, secretValue: { op: 'set', value: canary() } });

  function expectUnavailable(answer: Answer): void {
    expectRefusal(answer, 503, 'UNAVAILABLE');
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
  }

  /** Holds every secret back while `work` runs. */
  async function whileLocked(work: (tx: postgres.TransactionSql) => Promise<void>): Promise<void> {
    await admin.begin(async (tx) => {
      await tx`lock table agent_secrets in access exclusive mode`;
      await work(tx);
    });
  }

  test('a statement that takes longer than allowed is UNAVAILABLE, and the next one is answered', async () => {
    await whileLocked(async () => {
      for (const answer of await Promise.all([owner.get(id), update()])) expectUnavailable(answer);
    });
    expect((await owner.get(id)).body.revision).toBe(0);
  });

  test('a connection cut in the middle of a statement is UNAVAILABLE, and the next request is answered', async () => {
    await whileLocked(async (tx) => {
      const answers = Promise.all([owner.get(id), update()]);
      let cut = 0;
      while (cut < 2) {
        const waiting = await tx`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = ${database} and wait_event_type = 'Lock'`;
        cut += waiting.length;
        await tx`select pg_stat_clear_snapshot()`;
      }
      for (const answer of await answers) expectUnavailable(answer);
    });
    expect((await owner.get(id)).body.revision).toBe(0);
  });

  test('idle connections that the server cuts are nobody’s problem for long', async () => {
    await admin`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = ${database} and application_name = 'agent-secrets-gateway'`;
    await expectRecovery(owner);
  });

  test('a server that lets nobody in is UNAVAILABLE until it does', async () => {
    const elsewhere = postgres((await testPostgres()).adminUrl, { max: 1, onnotice: () => {} });
    try {
      await elsewhere.unsafe(`alter database ${database} with allow_connections false`);
      await elsewhere`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = ${database} and application_name = 'agent-secrets-gateway'`;
      for (const request of [() => owner.get(id), () => owner.list(app.world.environmentId), update]) {
        expectUnavailable(await inTime(request()));
      }
    } finally {
      await elsewhere.unsafe(`alter database ${database} with allow_connections true`);
      await elsewhere.end();
    }
    await expectRecovery(owner);
  });

  test('a network that swallows everything is UNAVAILABLE in time, and what it swallowed is not missed later', async () => {
    const url = new URL((await testPostgres()).adminUrl);
    url.pathname = `/${database}`;
    const network = await networkTo(url.href);
    const db = openPostgres({
      url: network.url,
      poolSize: 2,
      statementTimeout: 1_000,
      connectTimeout: 1,
      prepare: true,
    });
    const server = await app.variant({}, servicesOn(db, app.services.keyProvider, app.services.log));
    const client = clientOf(server, app.world.people.owner.token);
    try {
      expect((await client.get(id)).status).toBe(200);
      network.swallow();
      for (const answer of await inTime(Promise.all([client.get(id), client.list(app.world.environmentId)]))) {
        expectUnavailable(answer);
      }
      network.recover();
      await expectRecovery(client);
    } finally {
      network.close();
      await db.close();
    }
  });

  /** Answers 503 a few times at most, and then the secret, unharmed. */
  async function expectRecovery(client: Client): Promise<void> {
    const answers = [await inTime(client.get(id))];
    while (answers.at(-1)?.status === 503 && answers.length < 20) answers.push(await inTime(client.get(id)));
    const last = answers.pop() as Answer;
    for (const answer of answers) expectUnavailable(answer);
    expect(last.body, last.text).toMatchObject({ revision: 0, secretValue: 'some' });
  }
});

/** Statement and connect timeouts are a second or two here: whoever has no answer after ten has none at all. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  const late = new AbortController();
  try {
    return await Promise.race([answer, tooLate(late.signal)]);
  } finally {
    late.abort();
  }
}

async function tooLate(signal: AbortSignal): Promise<never> {
  await sleep(10_000, undefined, { signal }).catch(() => {});
  throw new Error('no answer within ten seconds');
}
