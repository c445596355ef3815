// A test app's own database, as the superuser of the server reaches it.
import type { TestApp } from '../app.js';
import { rowsOf } from '../graphql/log.js';
import { testPostgres } from './database.js';

export async function adminUrlOf(app: TestApp): Promise<URL> {
  const [row] = await rowsOf(app, 'select current_database() as name');
  return Object.assign(new URL((await testPostgres()).adminUrl), { pathname: `/${row?.name}` });
}
