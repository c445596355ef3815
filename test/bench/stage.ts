// Starts everything that a run needs, and removes it afterwards: a Postgres with fsync, the service, the floor, the data.
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres, { type Sql } from 'postgres';
import { createKeyFile } from '../../src/crypto/key-file.js';
import { startPostgresServer } from '../support/postgres/server.js';
import { compare } from './compare.js';
import { type Doors, doorsOf, type Server, type Urls } from './load/doors.js';
import { type Seed, seed, seedFloor } from './seed/seed.js';
import { type ServerProcess, startFloor, startPeer, startService } from './servers/servers.js';
import { findPostmaster } from './servers/usage.js';

/** This file runs in test/bench/dist/test/bench. */
export const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));

export interface Stage {
  /** The peer is there only when it is installed. */
  servers: Record<Exclude<Server, 'peer'>, ServerProcess> & { peer: ServerProcess | undefined };
  urls: Urls;
  doors: Doors;
  seed: Seed;
  /** This is the same data in the bare service's own database. */
  bareSeed: Seed;
  postgres: { describe: string; postmaster: number | null };
  /** Starts one more process of the service on the same database. The caller has to stop it. */
  startAnother(): Promise<ServerProcess>;
  close(): Promise<void>;
}

export interface StageOptions {
  /** All servers get the same number. */
  poolSize: number;
}

export async function setStage({ poolSize }: StageOptions): Promise<Stage> {
  const undo: (() => Promise<unknown>)[] = [];
  let closed: Promise<void> | undefined;
  const close = async () => {
    for (const step of undo.reverse()) await step();
  };
  const closeOnce = () => {
    closed ??= close();
    return closed;
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'agent-secrets-bench-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const server = await startPostgresServer({ durable: true });
    undo.push(() => server.stop());
    const { databaseUrl, drop } = await createDatabase(server.adminUrl);
    undo.push(drop);
    const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
    undo.push(() => sql.end({ timeout: 5 }));

    const keyFile = join(folder, 'master-keys.json');
    await createKeyFile(keyFile);
    const main = join(ROOT, 'dist/main.js');
    const startAnother = () => startService({ main, folder, databaseUrl, poolSize, keyFile });
    const service = await startAnother();
    undo.push(() => service.stop());
    const seeded = await seed(service.url, databaseUrl);
    await seedFloor(sql, service.url, seeded);
    const floor = await startFloor({ databaseUrl, poolSize, accountId: seeded.accountId });
    undo.push(() => floor.stop());
    const peer = await startPeer({ databaseUrl, poolSize });
    if (peer) undo.push(() => peer.stop());

    const own = await createDatabase(server.adminUrl);
    undo.push(own.drop);
    const bare = await startService({
      ...{ folder, poolSize, keyFile, databaseUrl: own.databaseUrl },
      main: await bareService(),
      env: { READ_AUDIT: 'off' },
    });
    undo.push(() => bare.stop());
    const bareSeed = await seed(bare.url, own.databaseUrl);
    const urls = { floor: floor.url, service: service.url, bare: bare.url, peer: peer?.url };
    const doors = doorsOf(urls, seeded, bareSeed);
    await compare(doors, urls, seeded);
    return {
      servers: { floor, service, bare, peer },
      urls,
      doors,
      seed: seeded,
      bareSeed,
      postgres: { describe: await describe(sql, server.describe), postmaster: await findPostmaster(sql) },
      startAnother,
      close: closeOnce,
    };
  } catch (error) {
    await closeOnce();
    throw error;
  }
}

/** Makes a copy of the built service without sealing, because the service has no option for that. */
async function bareService(): Promise<string> {
  const folder = join(ROOT, 'test/bench/dist/bare');
  await rm(folder, { recursive: true, force: true });
  await cp(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  await symlink(join(ROOT, 'drizzle'), join(folder, 'drizzle'), 'junction');
  await cp(fileURLToPath(new URL('./servers/unsealed.js', import.meta.url)), join(folder, 'dist/crypto/sealing.js'));
  return join(folder, 'dist/main.js');
}

export async function createDatabase(adminUrl: string) {
  const name = `agent_secrets_bench_${randomBytes(6).toString('hex')}`;
  const asAdmin = async (work: (sql: Sql) => Promise<unknown>) => {
    const sql = postgres(adminUrl, { max: 1, onnotice: () => undefined });
    try {
      await work(sql);
    } finally {
      await sql.end({ timeout: 5 });
    }
  };
  await asAdmin((sql) => sql`create database ${sql(name)} template template0 encoding 'UTF8' locale 'C'`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return {
    databaseUrl: url.href,
    drop: () => asAdmin((sql) => sql`drop database if exists ${sql(name)} with (force)`),
  };
}

async function describe(sql: Sql, server: string): Promise<string> {
  const [row] = await sql<{ fsync: string; commit: string }[]>`
    select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`;
  return `${server}, fsync ${row?.fsync}, synchronous_commit ${row?.commit}`;
}
