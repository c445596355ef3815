// What every test database starts from: the schema as the app's own migrations leave it.
import { openPostgres } from '../../../src/store/engine/client.js';
import { migrate } from '../../../src/store/engine/migrate.js';

export async function prepareTemplate(url: string): Promise<void> {
  const db = openPostgres({ url, poolSize: 1, statementTimeout: 30_000, connectTimeout: 5, prepare: true });
  await migrate(db);
  await db.close();
}
