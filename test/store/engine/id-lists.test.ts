// Reads by a list of ids: one statement for the server, however long the list is, and no length is too long.
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session } from '../../../src/store/engine/client.js';
import { computed, statement } from '../../../src/store/engine/statement.js';
import { findAccountNames } from '../../../src/store/tenancy/account.js';
import { findApplicationsById } from '../../../src/store/tenancy/application.js';
import { findEnvironmentsForAccounts } from '../../../src/store/tenancy/environment.js';
import { findPlansOfAccounts } from '../../../src/store/tenancy/plan.js';
import { databaseKind } from '../../support/app.js';
import { type OpenedDatabase, openDatabase } from '../open.js';

let opened: OpenedDatabase;
beforeAll(async () => {
  opened = await openDatabase();
});
afterAll(() => opened?.close());

const READS: Record<string, (db: Session, ids: readonly string[]) => Promise<unknown[]>> = {
  findAccountNames,
  findApplicationsById,
  findEnvironmentsForAccounts: async (db, ids) => {
    const asked = ids.map((id) => ({ id, accountId: randomUUID() }));
    return (await findEnvironmentsForAccounts(db, asked)).filter((row) => row !== undefined);
  },
  findPlansOfAccounts,
};
const ids = (count: number) => Array.from({ length: count }, () => randomUUID());

const PREPARED = statement()(
  { count: computed(sql`count`, Number) },
  sql`select count(*) as count from pg_prepared_statements`,
);

describe.each(Object.entries(READS))('%s', (_, read) => {
  test('takes no ids and 70,000', async () => {
    expect(await read(opened.db, [])).toEqual([]);
    expect(await read(opened.db, ids(70_000))).toEqual([]);
  });

  test.runIf(databaseKind() === 'postgres')('is one prepared statement for lists of every length', async () => {
    // Within a transaction: on one connection.
    await opened.db.transaction(async (tx) => {
      const prepared = async () => (await tx.row(PREPARED, {}))?.count as number;
      await prepared();
      await read(tx, ids(4));
      const before = await prepared();
      for (const count of [2, 3, 17]) await read(tx, ids(count));
      expect(await prepared()).toBe(before);
    });
  });
});
