// TLS to a real Postgres: what each sslmode accepts and refuses, for the service and for a command alike.
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { until } from '../../server/process/client.js';
import { type Certificates, makeCertificates, useCertificates } from '../../support/postgres/certificates.js';
import { type PostgresServer, startPostgresServer } from '../../support/postgres/server.js';
import { runToEnd, startServer } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MASTER_KEYS = generateKeyring();
let postgresServer: PostgresServer;
let certificates: Certificates;
let sql: postgres.Sql;
beforeAll(async () => {
  postgresServer = await startPostgresServer();
  certificates = await makeCertificates('localhost', 'certified');
  sql = postgres(postgresServer.adminUrl, { max: 1, ssl: false, onnotice: () => undefined });
  await sql`create role certified login superuser`;
  await useCertificates(postgresServer.adminUrl, certificates);
  await until('the server speaks TLS', async () => (await sql`show ssl`)[0]?.ssl === 'on');
});
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await postgresServer?.stop();
  await certificates?.remove();
});

function urlWith(query: string, { host = 'localhost', user = '' } = {}): string {
  const url = new URL(postgresServer.adminUrl);
  url.hostname = host;
  if (user) Object.assign(url, { username: user, password: '' });
  return `${url.href}?${query}`;
}

const command = (url: string, env: Record<string, string> = {}) =>
  runToEnd({ script: 'cli/prune-reads.js', env: { DATABASE_URL: url, MASTER_KEYS, ...env } });

test('the service and its commands use TLS where the server has it, and check what they are told to', async () => {
  const server = await startServer({ env: { DATABASE_URL: urlWith(''), MASTER_KEYS } });
  const used = await sql`select ssl from pg_stat_ssl join pg_stat_activity using (pid)
    where application_name = 'agent-secrets-gateway'`;
  expect(used.length).toBeGreaterThan(0);
  expect(used.every(({ ssl }) => ssl)).toBe(true);
  await server.stop();
  for (const query of [
    'sslmode=require',
    `sslmode=verify-ca&sslrootcert=${certificates.root}`,
    `sslmode=verify-full&sslrootcert=${certificates.root}`,
  ]) {
    expect(await command(urlWith(query))).toMatchObject({ code: 0, stdout: '0\n' });
  }
  const byVariables = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: certificates.root };
  expect(await command(urlWith(''), byVariables)).toMatchObject({ code: 0 });
  // The name in the certificate is another one, which verify-ca does not look at.
  const byAddress = urlWith(`sslmode=verify-ca&sslrootcert=${certificates.root}`, { host: '127.0.0.1' });
  expect(await command(byAddress)).toMatchObject({ code: 0 });
});

test('a certificate that is not of the authority, or of another name, is refused with the reason', async () => {
  for (const [url, reason] of [
    [urlWith(`sslmode=verify-full&sslrootcert=${certificates.strangeRoot}`), /unable to verify|self-signed/i],
    [urlWith(`sslmode=require&sslrootcert=${certificates.strangeRoot}`), /unable to verify|self-signed/i],
    [urlWith('sslmode=verify-full'), /unable to verify|self-signed/i],
    [urlWith('sslrootcert=system'), /unable to verify|self-signed/i],
    [urlWith(`sslmode=verify-full&sslrootcert=${certificates.root}`, { host: '127.0.0.1' }), /does not match/],
  ] as const) {
    const { code, stdout, stderr } = await command(url);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Cannot remove records: the database of DATABASE_URL is not reachable \(CONNECT_TLS\): /);
    expect(stderr).toMatch(reason);
  }
});

test('sslmode=disable does without, and a server without TLS is refused where it is asked for', async () => {
  expect(await command(urlWith('sslmode=disable'))).toMatchObject({ code: 0 });
  await sql.unsafe('alter system set ssl = off');
  await sql`select pg_reload_conf()`;
  await until('the server speaks no TLS', async () => (await sql`show ssl`)[0]?.ssl === 'off');
  try {
    const { stderr } = await command(urlWith('sslmode=require'));
    expect(stderr).toContain('(CONNECT_TLS): the server offers no TLS, and sslmode asks for it');
    expect(await command(urlWith('sslmode=prefer'))).toMatchObject({ code: 0 });
  } finally {
    await sql.unsafe('alter system set ssl = on');
    await sql`select pg_reload_conf()`;
    await until('the server speaks TLS', async () => (await sql`show ssl`)[0]?.ssl === 'on');
  }
});

test('TLS begins at once where sslnegotiation asks for it, with a Postgres that can do so (17 or newer)', async () => {
  const { code, stderr } = await command(
    urlWith(`sslmode=verify-full&sslrootcert=${certificates.root}&sslnegotiation=direct`),
  );
  const [{ version }] = (await sql`select current_setting('server_version_num')::int as version`) as [
    { version: number },
  ];
  if (version >= 170_000) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  else expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('(CONNECT_TLS)') });
});

test("a user's certificate is sent, with its key, in place of a password", async () => {
  const rules = join(postgresServer.folder as string, 'data', 'pg_hba.conf');
  const before = await readFile(rules, 'utf8');
  await writeFile(rules, 'hostssl all certified all cert\n');
  await appendFile(rules, before);
  await sql`select pg_reload_conf()`;
  const { root, userCertificate, userKey } = certificates;
  const given = `sslmode=verify-full&sslrootcert=${root}&sslcert=${userCertificate}&sslkey=${userKey}`;
  await until('the rule counts', async () => (await command(urlWith(given, { user: 'certified' }))).code === 0);
  const { code, stderr } = await command(urlWith('sslmode=require', { user: 'certified' }));
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('(28000)') });
});
