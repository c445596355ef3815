// Addresses on real servers: Unix sockets, several hosts with a standby among them, and secrets that are in files.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { createSecret, freePort, secretsOf, until } from '../../server/process/client.js';
import type { Cluster } from '../../support/postgres/cluster.js';
import { startOwnCluster } from '../../support/postgres/server.js';
import { runToEnd, startServer } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MASTER_KEYS = generateKeyring();
const SETTINGS = { durable: false, sharedBuffers: '128MB' };
let server: Cluster;
let admin: URL;
let folder: string;
let sql: postgres.Sql;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-addresses-'));
  ({ cluster: server } = await startOwnCluster(SETTINGS));
  admin = new URL(server.url);
  sql = postgres(server.url, { max: 1, onnotice: () => undefined });
});
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const credentials = () => `${admin.username}:${admin.password}@`;
const command = (env: Record<string, string>) =>
  runToEnd({ script: 'cli/prune-reads.js', env: { MASTER_KEYS, ...env } });
/** The connections of the service through each kind of socket. */
const connections = async () =>
  (await sql`select distinct client_addr is null as local, datname from pg_stat_activity
    where application_name = 'agent-secrets-gateway'`) as unknown as { local: boolean; datname: string }[];

test('a Unix socket is used, and nothing else on this machine, in every way that psql knows to write it', async () => {
  const socket = server.folder as string;
  await sql`create database through_socket`;
  const running = await startServer({
    env: {
      DATABASE_URL: `postgres://${credentials()}/through_socket?host=${socket}&port=${admin.port}`,
      MASTER_KEYS,
    },
  });
  await createSecret(running, 'socket', 'x');
  expect(await connections()).toEqual([{ local: true, datname: 'through_socket' }]);
  await running.stop();
  // With a host in front, which psql does not take into account either.
  for (const DATABASE_URL of [
    `postgres://${credentials()}localhost:1/through_socket?host=${socket}&port=${admin.port}`,
    `postgres://${credentials()}${encodeURIComponent(socket)}:${admin.port}/through_socket`,
    `host=${socket} port=${admin.port} dbname=through_socket user=${admin.username} password=${admin.password}`,
  ]) {
    expect(await command({ DATABASE_URL })).toMatchObject({ code: 0, stdout: '0\n' });
  }
  const { code, stderr } = await command({
    DATABASE_URL: `postgres://${credentials()}localhost:${admin.port}/through_socket?host=${folder}`,
  });
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/not reachable \(ENOENT\)/) });
});

test('a parameter that is not supported is refused by its name, before anything is connected to', async () => {
  for (const options of [{}, { script: 'cli/verify-log.js' }, { script: 'cli/rotate.js', args: ['status'] }]) {
    const { code, stderr } = await runToEnd({
      ...options,
      env: { DATABASE_URL: `${server.url}?sslmod=require`, MASTER_KEYS },
    });
    expect(code).not.toBe(0);
    expect(stderr).toBe('Bad configuration: DATABASE_URL: the parameter sslmod is not supported; leave it out\n');
  }
});

describe('a secret in a file', () => {
  test('is read from it: the address, the master keys, a password', async () => {
    const files = { url: join(folder, 'url'), keys: join(folder, 'keys'), passwords: join(folder, 'passwords') };
    await writeFile(files.url, `${server.url}\n`);
    await writeFile(files.keys, `${MASTER_KEYS}\n`);
    const production = { NODE_ENV: 'production', MASTER_KEYS_FILE: files.keys };
    const first = await startServer({ env: { ...production, DATABASE_URL_FILE: files.url } });
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    await first.stop();

    const withoutPassword = `postgres://${admin.username}@${admin.host}/postgres`;
    await writeFile(files.passwords, `*:${admin.port}:*:*:${admin.password}\n`, { mode: 0o600 });
    expect(await command({ DATABASE_URL: `${withoutPassword}?passfile=${files.passwords}` })).toMatchObject({
      code: 0,
    });
    await writeFile(files.passwords, `${admin.password}\n`);
    const byVariable = { DATABASE_URL: withoutPassword, PGPASSWORD_FILE: files.passwords };
    expect(await command(byVariable)).toMatchObject({ code: 0 });
  });

  test('that is given twice, empty or not there is refused by its name, without what is in it', async () => {
    const file = join(folder, 'c4n4ry-url');
    await writeFile(file, 'postgres://u:c4n4ry@h/d?sslmod=x');
    await writeFile(join(folder, 'empty'), '\n');
    for (const [env, line] of [
      [{ DATABASE_URL: server.url, DATABASE_URL_FILE: file }, 'DATABASE_URL: give it or DATABASE_URL_FILE, not both'],
      [{ MASTER_KEYS, MASTER_KEYS_FILE: file }, 'MASTER_KEYS: give it or MASTER_KEYS_FILE, not both'],
      [{ DATABASE_URL_FILE: join(folder, 'empty') }, `DATABASE_URL_FILE: ${join(folder, 'empty')} is empty`],
      [{ DATABASE_URL_FILE: '/nowhere' }, 'DATABASE_URL_FILE: /nowhere cannot be read (ENOENT)'],
      [{ DATABASE_URL_FILE: file }, 'DATABASE_URL: the parameter sslmod is not supported; leave it out'],
    ] as const) {
      const { code, stderr } = await runToEnd({ env: { ...env } });
      expect({ code, stderr }).toEqual({ code: 1, stderr: `Bad configuration: ${line}\n` });
    }
  });
});

describe('several hosts', () => {
  let standby: Cluster;
  let at: { primary: string; standby: string; nobody: string };
  beforeAll(async () => {
    await sql`create database several`;
    // It is halted for a moment, to be copied.
    await sql.end({ timeout: 5 });
    ({ cluster: standby } = await startOwnCluster({ ...SETTINGS, primary: server }));
    sql = postgres(server.url, { max: 1, onnotice: () => undefined });
    at = {
      primary: admin.host,
      standby: new URL(standby.url).host,
      nobody: `127.0.0.1:${await freePort()}`,
    };
  });
  afterAll(() => standby?.stop());

  const urlOf = (hosts: string[], query: string) => `postgres://${credentials()}${hosts.join()}/several?${query}`;

  test('are tried in their order, and the one that can be written to is found behind others', async () => {
    for (const target of ['read-write', 'primary']) {
      const hosts = [at.nobody, at.standby, at.primary];
      const running = await startServer({
        dataDir: join(folder, 'data'),
        env: { DATABASE_URL: urlOf(hosts, `target_session_attrs=${target}`), MASTER_KEYS },
      });
      await createSecret(running, `on${target.replace('-', '')}`, 'x');
      expect(await connections()).toEqual([{ local: false, datname: 'several' }]);
      await running.stop();
    }
    expect(await command({ DATABASE_URL: urlOf([at.nobody, at.primary], '') })).toMatchObject({ code: 0 });
  });

  test('none of which is what is asked for are all named, with what they are', async () => {
    const { stderr } = await command({
      DATABASE_URL: urlOf([at.nobody, at.standby], 'target_session_attrs=read-write'),
    });
    expect(stderr).toBe(
      `Cannot remove records: the database of DATABASE_URL is not reachable (CONNECT_NO_HOST): ${at.nobody}: ECONNREFUSED; ${at.standby}: it is a standby\n`,
    );
    const alone = await command({ DATABASE_URL: urlOf([at.primary], 'target_session_attrs=standby') });
    expect(alone.stderr).toContain(`${at.primary}: it is a primary that can be written to`);
  });

  test('a standby is read from where it is asked for', async () => {
    const verify = (target: string) =>
      runToEnd({
        script: 'cli/verify-log.js',
        env: { DATABASE_URL: urlOf([at.primary, at.standby], `target_session_attrs=${target}`), MASTER_KEYS },
      });
    const reader = postgres(standby.url, { max: 1, onnotice: () => undefined, database: 'several' });
    try {
      await until('the standby has caught up', async () => {
        const [row] = await reader`select count(*)::int as count from agent_secrets`.catch(() => []);
        return row?.count === 8;
      });
      for (const target of ['standby', 'read-only', 'prefer-standby']) {
        expect(await verify(target)).toMatchObject({ code: 0, stdout: expect.stringContaining(': ok, revision') });
      }
    } finally {
      await reader.end({ timeout: 5 });
    }
  });

  test('a host that accepts and says nothing costs its time only, and the next one is taken', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    try {
      const host = `127.0.0.1:${(silent.address() as { port: number }).port}`;
      const url = urlOf([host, at.primary], 'connect_timeout=1&target_session_attrs=read-write');
      expect(await command({ DATABASE_URL: url })).toMatchObject({ code: 0 });
    } finally {
      silent.close();
    }
  });

  test('after a failover the service goes on with the new primary, without a restart', async () => {
    const hosts = [at.primary, at.standby];
    const running = await startServer({
      dataDir: join(folder, 'data'),
      env: { DATABASE_URL: urlOf(hosts, 'target_session_attrs=read-write'), MASTER_KEYS },
    });
    const before = (await secretsOf(running)).size;
    const promoter = postgres(standby.url, { max: 1, onnotice: () => undefined });
    await until('the standby has caught up', async () => {
      const [{ lsn }] = (await sql`select pg_current_wal_lsn() as lsn`) as [{ lsn: string }];
      return (await promoter`select pg_last_wal_replay_lsn() >= ${lsn}::pg_lsn as done`)[0]?.done;
    });
    await sql.end({ timeout: 5 });
    await server.stop();
    await promoter`select pg_promote()`;
    await promoter.end({ timeout: 5 });
    await until('a write is done', async () =>
      createSecret(running, 'after', 'x').then(
        () => true,
        () => false,
      ),
    );
    expect((await secretsOf(running)).size).toBe(before + 1);
    expect((await fetch(`${running.url}/readyz`)).status).toBe(200);
    await running.stop();
  });
});
