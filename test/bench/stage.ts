// Everything a run needs, and nothing of it left behind: a Postgres with fsync, the service, the floor, their data.
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import postgres, { type Sql } from 'postgres';
import { createKeyFile } from '../../src/crypto/key-file.js';
import { startPostgresServer } from '../support/postgres-server.js';
import { get, type Seed, seed, seedFloor } from './seed.js';
import { type ServerProcess, startFloor, startService } from './servers.js';
import type { Server } from './targets.js';
import { findPostmaster } from './usage.js';

/** From test/bench/dist/test/bench. */
export const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));

export interface Stage {
  servers: Record<Server, ServerProcess>;
  seed: Seed;
  /** The same things in the bare service's own database. */
  bareSeed: Seed;
  postgres: { describe: string; postmaster: number | null };
  close(): Promise<void>;
}

export interface StageOptions {
  /** The same for the service and the floor. */
  poolSize: number;
  profiled: boolean;
}

export async function setStage({ poolSize, profiled }: StageOptions): Promise<Stage> {
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
    const service = await startService({ main, folder, databaseUrl, poolSize, keyFile, profiled });
    undo.push(() => service.stop());
    const seeded = await seed(service.url, databaseUrl);
    await seedFloor(sql, service.url, seeded);
    const floor = await startFloor({ databaseUrl, poolSize, accountId: seeded.accountId }, profiled);
    undo.push(() => floor.stop());
    await compare(floor.url, service.url, seeded);

    const own = await createDatabase(server.adminUrl);
    undo.push(own.drop);
    const bare = await startService({
      ...{ folder, poolSize, keyFile, profiled, databaseUrl: own.databaseUrl },
      main: await bareService(),
      env: { READ_AUDIT: 'off' },
    });
    undo.push(() => bare.stop());
    const bareSeed = await seed(bare.url, own.databaseUrl);
    return {
      servers: { floor, service, bare },
      seed: seeded,
      bareSeed,
      postgres: { describe: await describe(sql, server.describe), postmaster: await findPostmaster(sql) },
      close: closeOnce,
    };
  } catch (error) {
    await closeOnce();
    throw error;
  }
}

/** The built service without sealing; there is no switch for that in it. */
async function bareService(): Promise<string> {
  const folder = join(ROOT, 'test/bench/dist/bare');
  await rm(folder, { recursive: true, force: true });
  await cp(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  await symlink(join(ROOT, 'drizzle'), join(folder, 'drizzle'), 'junction');
  await cp(fileURLToPath(new URL('./unsealed.js', import.meta.url)), join(folder, 'dist/crypto/sealing.js'));
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

/** A comparison of servers that answer different things would compare nothing. */
async function compare(floorUrl: string, serviceUrl: string, { token, listed }: Seed): Promise<void> {
  for (const { environmentId, secretIds } of listed.slice(0, 2)) {
    const paths = [
      `/v1/envs/${environmentId}/agent-secrets`,
      ...secretIds.slice(0, 10).map((id) => `/v1/agent-secrets/${id}`),
    ];
    for (const path of paths) {
      const [ours, floor] = await Promise.all([get(serviceUrl + path, token), get(floorUrl + path, token)]);
      if (!isDeepStrictEqual(ours, floor)) throw new Error(`the floor's answer to ${path} is another one than ours`);
    }
  }
}

async function describe(sql: Sql, server: string): Promise<string> {
  const [row] = await sql<{ fsync: string; commit: string }[]>`
    select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`;
  return `${server}, fsync ${row?.fsync}, synchronous_commit ${row?.commit}`;
}
