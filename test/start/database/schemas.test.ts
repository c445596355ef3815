// The service in a schema of its own, or beside others in one database, whatever the role and the database are set to.
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { createEmptyDatabase } from '../../races/support/empty-database.js';
import { call, createSecret, developer, secretsOf, until } from '../../server/process/client.js';
import type { TestDatabase } from '../../support/postgres/database.js';
import { hasPgBouncer, startPgBouncer } from '../../support/postgres/pgbouncer.js';
import { type RunningServer, runToEnd, startServer } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MASTER_KEYS = generateKeyring();
let database: TestDatabase;
let sql: postgres.Sql;
let url: URL;
const roles: string[] = [];
beforeAll(async () => {
  database = await createEmptyDatabase();
  url = new URL(database.url);
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
});
afterAll(async () => {
  for (const role of roles) await sql.unsafe(`drop owned by ${role} cascade; drop role ${role}`);
  await sql?.end({ timeout: 5 });
  await database?.drop();
});

/** The URL for a new role, which may do nothing in the database but connect. */
async function newRole(name: string): Promise<string> {
  const role = `${name}_${url.pathname.slice(-6)}`;
  await sql.unsafe(`create role ${role} login password 'pw'`);
  roles.push(role);
  return Object.assign(new URL(url), { username: role, password: 'pw' }).href;
}

const inSchemas = async () =>
  (await sql`select schemaname as schema, count(*)::int as tables from pg_tables
    where schemaname !~ '^(pg_|information_schema)' group by 1 order by 1`) as unknown as { schema: string }[];

async function readsAndWrites(server: RunningServer, name: string): Promise<void> {
  const { id } = await createSecret(server, name, 'first');
  const { body } = await call(developer(server), 'PATCH', `/v1/agent-secrets/${id}`, {
    currentRevision: 0,
    secretValue: { op: 'set', value: 'second' },
  });
  expect(body).toMatchObject({ revision: 1, secretValue: 'second' });
  expect((await secretsOf(server)).size).toBe(7);
}

test('a role that has a schema of its own and no other right is enough, without a variable', async () => {
  const own = await newRole('own');
  const role = new URL(own).username;
  await sql.unsafe(`create schema ${role} authorization ${role}`);
  const server = await startServer({ env: { DATABASE_URL: own, MASTER_KEYS } });
  await readsAndWrites(server, 'own');
  expect(await server.stop()).toBe(0);
  expect((await inSchemas()).map(({ schema }) => schema)).toEqual([role]);
  const verified = await runToEnd({ script: 'cli/verify-log.js', env: { DATABASE_URL: own, MASTER_KEYS } });
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining(': ok, revision') });
  // An installation that is found stays what is found, whatever stands in front of it in the search path.
  await sql.unsafe(
    `create schema in_front authorization ${role}; alter role ${role} set search_path = in_front, ${role}`,
  );
  const again = await runToEnd({ script: 'cli/verify-log.js', env: { DATABASE_URL: own, MASTER_KEYS } });
  expect(again).toMatchObject({ code: 0, stdout: verified.stdout });
});

test('several installations start at once in one database, and do not disturb each other', async () => {
  const schemas = ['public', 'Second "one"', 'third'];
  const servers = await Promise.all(
    schemas.map((DATABASE_SCHEMA) => startServer({ env: { DATABASE_URL: url.href, DATABASE_SCHEMA, MASTER_KEYS } })),
  );
  const [first, second] = servers as [RunningServer, RunningServer];
  await Promise.all(servers.map((server, index) => readsAndWrites(server, `schema${index}`)));
  const foreign = { url: second.url, token: first.facts().token };
  expect((await call(foreign, 'GET', `/v1/envs/${first.facts().environmentId}/agent-secrets`)).status).toBe(401);
  // Each is notified on a channel of its own.
  const streams = servers.map((server) =>
    fetch(`${server.url}/v1/envs/${server.facts().environmentId}/agent-secrets/changes`, {
      headers: { authorization: `Bearer ${server.facts().token}`, accept: 'text/event-stream' },
    }),
  );
  const opened = await Promise.all(streams);
  const channels = await until('all listen', async () => {
    const rows = await sql`select distinct query from pg_stat_activity
      where datname = current_database() and query like 'listen%'`;
    return rows.length === servers.length ? rows : undefined;
  });
  expect(channels).toHaveLength(3);
  await Promise.all(opened.map(({ body }) => body?.cancel()));
  expect(await Promise.all(servers.map((server) => server.stop()))).toEqual([0, 0, 0]);
});

test('a migration of one installation does not wait for that of another', async () => {
  const DATABASE_SCHEMA = 'unhurried';
  await sql.begin(async (tx) => {
    // What an installation in public, or in another schema, holds while it migrates.
    await tx`select pg_advisory_xact_lock(7305441018), pg_advisory_xact_lock(hashtextextended('third', 7305441018))`;
    const env = { DATABASE_URL: url.href, DATABASE_SCHEMA, MASTER_KEYS };
    expect(await runToEnd({ script: 'cli/prune-reads.js', env })).toMatchObject({ code: 0 });
  });
});

test('a schema that cannot be, or must not be made, is refused by its name', async () => {
  for (const DATABASE_SCHEMA of ['pg_own', 'information_schema', 'x'.repeat(64)]) {
    const { code, stderr } = await runToEnd({ env: { DATABASE_URL: url.href, DATABASE_SCHEMA, MASTER_KEYS } });
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Bad configuration: DATABASE_SCHEMA: /),
    });
  }
  const nobody = await newRole('nobody');
  const forbidden = await runToEnd({ env: { DATABASE_URL: nobody, DATABASE_SCHEMA: 'forbidden', MASTER_KEYS } });
  expect(forbidden).toMatchObject({ code: 1, stderr: expect.stringContaining('42501') });
  // Nothing may be created in public, where it would go without a schema of its own.
  const inPublic = await runToEnd({ env: { DATABASE_URL: nobody, MASTER_KEYS } });
  expect(inPublic).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Cannot start: /) });
});

/** Values that change how values are printed, parsed, found or written. */
const HOSTILE = {
  DateStyle: 'German, DMY',
  IntervalStyle: 'iso_8601',
  TimeZone: 'Asia/Kolkata',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  standard_conforming_strings: 'off',
  array_nulls: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  gin_fuzzy_search_limit: '1',
  exit_on_error: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  search_path: 'nowhere',
  client_encoding: 'LATIN1',
};

describe('with a role that is set otherwise in every way', () => {
  test('the service reads and writes as everywhere else', async () => {
    const hostile = await newRole('hostile');
    const role = new URL(hostile).username;
    await sql.unsafe(`create schema ${role} authorization ${role}`);
    for (const [name, value] of Object.entries(HOSTILE)) {
      await sql.unsafe(`alter role ${role} set ${name} = '${value}'`);
    }
    const env = { DATABASE_URL: hostile, DATABASE_SCHEMA: role, MASTER_KEYS };
    const server = await startServer({ env });
    const before = Date.now();
    await readsAndWrites(server, 'hostile');
    const { body } = await call(developer(server), 'GET', `/v1/envs/${server.facts().environmentId}/agent-secrets`);
    for (const { createdAt } of (body as { values: { createdAt?: string }[] }).values) {
      if (createdAt !== undefined) expect(Math.abs(Date.parse(createdAt) - before)).toBeLessThan(60_000);
    }
    await server.stop();
    const verified = await runToEnd({ script: 'cli/verify-log.js', env });
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining(': ok, revision 8, 7 secrets') });
  });

  test.each([
    ['default_transaction_read_only', 'on'],
    ['session_replication_role', 'replica'],
  ])('%s is refused by its name, with what to do', async (name, value) => {
    const set = await newRole(`set_${name.slice(0, 7)}`);
    const role = new URL(set).username;
    await sql.unsafe(`alter role ${role} superuser; alter role ${role} set ${name} = ${value}`);
    const env = { DATABASE_URL: set, DATABASE_SCHEMA: 'third', MASTER_KEYS };
    const { code, stderr } = await runToEnd({ env });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(`${name} is ${value}`) });
    expect(stderr).toMatch(/^Cannot start: [^\n]*alter role[^\n]*\n$/);
    expect((await runToEnd({ script: 'cli/rotate.js', args: ['status'], env })).stderr).toContain(
      `${name} is ${value}`,
    );
  });
});

test.each(['LATIN1', 'SQL_ASCII'])('a database with the encoding %s is refused', async (encoding) => {
  const name = `encoded_${encoding.toLowerCase()}_${url.pathname.slice(-6)}`;
  await sql.unsafe(`create database ${name} encoding '${encoding}' template template0 locale_provider libc locale 'C'`);
  try {
    const env = { DATABASE_URL: Object.assign(new URL(url), { pathname: `/${name}` }).href, MASTER_KEYS };
    const { code, stderr } = await runToEnd({ env });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `Cannot start: the database of DATABASE_URL has the encoding ${encoding}; UTF8 is needed\n`,
    });
  } finally {
    await sql.unsafe(`drop database ${name} with (force)`);
  }
});

describe.runIf(hasPgBouncer())('behind PgBouncer, where sessions are not the own', () => {
  test('every setting that has another value is refused by its name, also the schema', async () => {
    const pooled = await createEmptyDatabase();
    const own = postgres(pooled.url, { max: 1, onnotice: () => undefined });
    const name = new URL(pooled.url).pathname.slice(1);
    const pooler = await startPgBouncer(pooled.url);
    try {
      const env = { DATABASE_URL: pooler.url, DATABASE_POOLER: 'true', MASTER_KEYS };
      await own.unsafe(
        `alter database ${name} set bytea_output = 'escape'; alter database ${name} set array_nulls = off`,
      );
      const refused = await runToEnd({ env });
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/^Cannot start: [^\n]*bytea_output is escape[^\n]*\n$/);
      expect(refused.stderr).toContain('array_nulls is off');
      const elsewhere = await runToEnd({ env: { ...env, DATABASE_SCHEMA: 'elsewhere' } });
      expect(elsewhere.stderr).toMatch(/search_path/);
    } finally {
      await pooler.stop();
      await own.end({ timeout: 5 });
      await pooled.drop();
    }
  });
});
