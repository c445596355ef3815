// A database without even a schema, for migrations and first starts.
import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { type TestDatabase, testPostgres } from '../../support/postgres/database.js';

export async function createEmptyDatabase(): Promise<TestDatabase> {
  const { adminUrl } = await testPostgres();
  const name = `agent_secrets_empty_${randomBytes(6).toString('hex')}`;
  const admin = postgres(adminUrl, { max: 1, onnotice: () => undefined });
  await admin`create database ${admin(name)} template template0`;
  return {
    url: Object.assign(new URL(adminUrl), { pathname: `/${name}` }).href,
    async drop() {
      await admin`drop database if exists ${admin(name)} with (force)`;
      await admin.end({ timeout: 5 });
    },
  };
}
