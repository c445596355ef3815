// Transactions over a network that is slow or stands still: no waiting in between, and no commit that nobody heard of.
import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { describe, expect, type TestContext, test } from 'vitest';
import { type Database, openPostgres, type Session } from '../../../src/store/engine/client.js';
import { columns, computed, name, parameter, statement } from '../../../src/store/engine/statement.js';
import { plans } from '../../../src/store/engine/tables.js';
import { until } from '../../server/process/client.js';
import { createTestDatabase } from '../../support/postgres/database.js';
import { type Network, networkTo } from '../../support/postgres/network.js';

interface Fixture {
  db: Database;
  network: Network;
  /** A view of the database past the service and the network. */
  admin: postgres.Sql;
}

/** Of its own for each test (hence the test's own context): transactions that take too long do so side by side. */
async function setUp({ onTestFinished }: TestContext): Promise<Fixture> {
  const database = await createTestDatabase();
  const admin = postgres(database.url, { max: 1, onnotice: () => undefined });
  await admin`create sequence started`;
  const network = await networkTo(database.url);
  // A transaction may take 3 * (100 ms + 2 s).
  const db = openPostgres({ url: network.url, poolSize: 1, statementTimeout: 100, connectTimeout: 5, prepare: true });
  onTestFinished(async () => {
    network.release();
    await db.close();
    network.close();
    await admin.end({ timeout: 5 });
    await database.drop();
  });
  return { db, network, admin };
}

const NAME = { name: plans.name };
const INSERT = statement<{ name: string }>()(
  NAME,
  sql`insert into ${plans} (${sql.join([plans.id, plans.name, plans.maxEnvironments, plans.maxSecretsPerEnvironment, plans.maxValueBytes, plans.createdAt].map(name), sql`, `)})
    values (gen_random_uuid(), ${parameter('name')}, 1, 1, 1, now()) returning ${columns(NAME)}`,
);
/** Counts itself as begun (sequences know no rollback). */
const START = statement<{ n: number }>()(
  { n: computed(sql`n`, Number) },
  sql`select ${parameter('n')}::integer as n, nextval('started') as started`,
);
const PID = statement()({ pid: computed(sql`pid`, Number) }, sql`select pg_backend_pid() as pid`);

async function begun({ admin }: Fixture): Promise<number> {
  const [row] = await admin`select case when is_called then last_value else 0 end::int as count from started`;
  return row?.count;
}

test('statements asked for at once are sent at once, without waiting for each other’s answers', async (context) => {
  const fixture = await setUp(context);
  const { db, network } = fixture;
  await db.transaction((tx) => tx.row(START, { n: 0 }));
  let answered = 0;
  const work = db.transaction(async (tx) => {
    await tx.rows(PID, {});
    network.holdAnswers();
    const asked = [1, 2, 3, 4].map(async (n) => {
      const row = await tx.row(START, { n });
      answered += 1;
      return row?.n;
    });
    return Promise.all(asked);
  });
  await until('all have begun', async () => (await begun(fixture)) === 5);
  expect(answered).toBe(0);
  network.release();
  expect(await work).toEqual([1, 2, 3, 4]);
});

test('a statement asked for on a connection that was lost meanwhile is refused, and harms nobody', async (context) => {
  const { db, admin } = await setUp(context);
  let pid: number | undefined;
  let session: Session | undefined;
  const work = db.transaction(async (tx) => {
    session = tx;
    pid = (await tx.row(PID, {}))?.pid;
    await admin`select pg_terminate_backend(${pid as number})`;
    await new Promise(() => {});
  });
  await expect(work).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await expect(session?.row(INSERT, { name: 'late' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await db.transaction((tx) => tx.row(INSERT, { name: 'afterwards' }));
});

describe.concurrent('a transaction that was refused because it took too long', () => {
  /** The server would end a session that stands idle for so long: here it is not to know. */
  async function enter(tx: Session): Promise<number | undefined> {
    await tx.script('set local idle_in_transaction_session_timeout = 0');
    return (await tx.row(PID, {}))?.pid;
  }
  /** Waits until the server has done with the connection, whatever was on its way. */
  async function ended({ admin }: Fixture, pid: number | undefined): Promise<void> {
    expect(pid).toBeTypeOf('number');
    await until('the session has ended', async () => {
      return (await admin`select 1 from pg_stat_activity where pid = ${pid as number}`).length === 0;
    });
  }
  const kept = async ({ admin }: Fixture) =>
    (await admin`select name from plans where name <> 'default' order by name`).map((row) => row.name);

  test('is not committed by work that comes to its end afterwards', async (context) => {
    const fixture = await setUp(context);
    const { db } = fixture;
    let pid: number | undefined;
    let finish = () => {};
    const work = db.transaction(async (tx) => {
      pid = await enter(tx);
      await tx.row(INSERT, { name: 'first' });
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    // In the very moment of the refusal: whoever is later meets a connection that is gone.
    const refused = work.catch((error) => {
      finish();
      return error;
    });
    expect(await refused).toMatchObject({ code: 'UNAVAILABLE' });
    await ended(fixture, pid);
    expect(await kept(fixture)).toEqual([]);
  });

  test('runs no further statement', async (context) => {
    const fixture = await setUp(context);
    const { db } = fixture;
    let pid: number | undefined;
    let session: Session | undefined;
    const work = db.transaction(async (tx) => {
      session = tx;
      pid = await enter(tx);
      await tx.row(START, { n: 0 });
      await new Promise(() => {});
    });
    const late = work.catch((error) => {
      expect(error).toMatchObject({ code: 'UNAVAILABLE' });
      return session?.row(START, { n: 1 });
    });
    await expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await ended(fixture, pid);
    expect(await begun(fixture)).toBe(1);
  });

  test('is not committed when the network delivers afterwards what it had held back', async (context) => {
    const fixture = await setUp(context);
    const { db, network } = fixture;
    let pid: number | undefined;
    const work = db.transaction(async (tx) => {
      pid = await enter(tx);
      await tx.row(INSERT, { name: 'first' });
      network.hold();
      await tx.row(INSERT, { name: 'second' });
    });
    await expect(work).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    network.release();
    await ended(fixture, pid);
    expect(await kept(fixture)).toEqual([]);
    await db.transaction((tx) => tx.row(INSERT, { name: 'afterwards' }));
    expect(await kept(fixture)).toEqual(['afterwards']);
  });
});
