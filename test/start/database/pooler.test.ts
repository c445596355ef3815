// Behind a pooler in transaction mode: nothing is asked of a session, and the operator learns what the pooler cannot do.
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { createEmptyDatabase } from '../../races/support/empty-database.js';
import { ask, call, createSecret, developer, secretsOf } from '../../server/process/client.js';
import type { TestDatabase } from '../../support/postgres/database.js';
import { startTransactionPooler, type TransactionPooler } from '../../support/postgres/transaction-pooler.js';
import { type RunningServer, runToEnd, startServer } from '../../support/server.js';

let database: TestDatabase;
let pooler: TransactionPooler;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createEmptyDatabase();
  pooler = await startTransactionPooler(database.url);
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
});
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await pooler?.close();
  await database?.drop();
});

const MASTER_KEYS = generateKeyring();
const env = () => ({ DATABASE_URL: pooler.url, DATABASE_POOLER: 'true', MASTER_KEYS });

async function withServer(work: (server: RunningServer) => Promise<unknown>): Promise<void> {
  const server = await startServer({ env: env() });
  try {
    await work(server);
  } finally {
    await server.kill9();
  }
}

test('a pooler that nothing was said about is met with one line that names the variable', async () => {
  const { code, stdout, stderr } = await runToEnd({ env: { DATABASE_URL: pooler.url } });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^Cannot start: [^\n]*DATABASE_POOLER=true[^\n]*\n$/);
});

test('an empty database is migrated and seeded through it, both doors read and write, and timeouts are missed', () =>
  withServer(async (server) => {
    const { id } = await createSecret(server, 'pooled', 'x');
    const { body } = await call(developer(server), 'PATCH', `/v1/agent-secrets/${id}`, {
      currentRevision: 0,
      secretValue: { op: 'set', value: 'y' },
    });
    expect(body).toMatchObject({ revision: 1, secretValue: 'y' });
    const { applicationId, environmentId } = server.facts();
    const { createEnvironment } = await ask(
      developer(server),
      `mutation ($input: CreateEnvironmentInput!) { createEnvironment(input: $input) { __typename } }`,
      { input: { applicationId, name: 'transaction' } },
    );
    expect(createEnvironment.__typename).toBe('CreateEnvironmentPayload');
    const { environment } = await ask(
      developer(server),
      'query ($id: UUID!) { environment(id: $id) { agentSecrets(first: 10) { totalCount } } }',
      { id: environmentId },
    );
    expect(environment.agentSecrets.totalCount).toBe(7);
    expect((await secretsOf(server)).size).toBe(7);
    expect(server.complaints()).toMatch(/^\{[^\n]*statement_timeout[^\n]*alter role[^\n]*\}\n$/);
  }));

test('timeouts that the database sets by itself are what the service asks for', async () => {
  const name = new URL(database.url).pathname.slice(1);
  await sql`alter database ${sql(name)} set statement_timeout = '10s'`;
  await sql`alter database ${sql(name)} set idle_in_transaction_session_timeout = '30s'`;
  await withServer(async (server) => expect(server.complaints()).toBe(''));
});
