// The pool under strain: what waits for a connection is not what makes the database unreachable.
import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, openPostgres } from '../../../src/store/engine/client.js';
import { computed, parameter, statement } from '../../../src/store/engine/statement.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';

let database: TestDatabase;
let admin: postgres.Sql;
let db: Database;
beforeEach(async () => {
  database = await createTestDatabase();
  admin = postgres(database.url, { max: 1, onnotice: () => undefined });
  await admin`create sequence started`;
  db = openPostgres({ url: database.url, poolSize: 2, statementTimeout: 300, connectTimeout: 5, prepare: true });
});
afterEach(async () => {
  await db?.close();
  await admin?.end({ timeout: 5 });
  await database?.drop();
});

/** Takes its time, after it has been counted as begun (sequences know no rollback). */
const SLEEP = statement<{ seconds: number }>()(
  { turn: computed(sql`turn`, Number) },
  sql`select nextval('started') as turn, pg_sleep(${parameter('seconds')}::double precision) as slept`,
);

async function begun(): Promise<number> {
  const [row] = await admin`select case when is_called then last_value else 0 end::int as count from started`;
  return row?.count;
}

test('a burst that takes the pool longer than one statement may take loses nothing that had begun', async () => {
  const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => db.row(SLEEP, { seconds: 0.2 })));
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  for (const reason of refused) expect(reason).toMatchObject({ code: 'UNAVAILABLE' });
  expect(await begun()).toBe(outcomes.length - refused.length);
  await db.ping();
});

test('a statement that takes longer than it may is refused as UNAVAILABLE, alone', async () => {
  const [late, quick] = await Promise.allSettled([
    db.row(SLEEP, { seconds: 5 }),
    ...Array.from({ length: 5 }, () => db.row(SLEEP, { seconds: 0.1 })),
  ]);
  expect(late).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
  expect(quick).toMatchObject({ status: 'fulfilled' });
  await db.ping();
});

test('a transaction that is rolled back gives its connection back', async () => {
  for (let turn = 0; turn < 10; turn += 1) {
    await expect(db.transaction(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  }
  await Promise.all(Array.from({ length: 4 }, () => db.ping()));
});

test('closing waits for what is under way', async () => {
  const slow = db.row(SLEEP, { seconds: 0.2 });
  await db.ping();
  await db.close();
  await expect(slow).resolves.toEqual(expect.objectContaining({ turn: 1 }));
  await expect(db.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
