// A statement that Postgres ends for its time while its rows are coming: the next on that connection must get its own rows
// whole. postgres.js (3.4.9) goes on counting rows where the failed one stopped, so the first row of the next is not at 0.
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openPostgres } from '../../src/store/engine/client.js';
import { computed, statement } from '../../src/store/engine/statement.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres/database.js';

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  db = openPostgres({ url: database.url, poolSize: 1, statementTimeout: 300, connectTimeout: 5, prepare: true });
});
afterAll(async () => {
  await db?.close();
  await database?.drop();
});

const NUMBER = { n: computed(sql`n`, Number) };
/** More rows than buffers hold, and then none for too long. */
const LONG = statement<object>()(
  NUMBER,
  sql`select n, repeat('x', 10000) as filler, case when n > 500 then pg_sleep(0.01) end as pause
    from generate_series(1, 1000) as n`,
);
const SHORT = statement<object>()(NUMBER, sql`select n from generate_series(1, 3) as n`);

test('a statement behind one that timed out among its rows is answered with its own rows', async () => {
  await expect(db.rows(LONG, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await db.row(SHORT, {})).toEqual({ n: 1 });
  await expect(db.rows(LONG, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await db.rows(SHORT, {})).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});
