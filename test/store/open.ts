// The store alone, on whichever database this run of the suite is on: migrated, and empty but for the default plan.

import { type Database, openPostgres } from '../../src/store/engine/client.js';
import { openEmbedded } from '../../src/store/engine/embedded.js';
import { migrate } from '../../src/store/engine/migrate.js';
import { databaseKind } from '../support/app.js';
import { createTestDatabase } from '../support/postgres/database.js';

export interface OpenedDatabase {
  db: Database;
  close(): Promise<void>;
}

export async function openDatabase(): Promise<OpenedDatabase> {
  if (databaseKind() === 'embedded') {
    const db = await openEmbedded(undefined);
    await migrate(db);
    return { db, close: () => db.close() };
  }
  const { url, drop } = await createTestDatabase();
  const db = openPostgres({ url, poolSize: 4, statementTimeout: 10_000, connectTimeout: 5, prepare: true });
  return {
    db,
    async close() {
      await db.close();
      await drop();
    },
  };
}
