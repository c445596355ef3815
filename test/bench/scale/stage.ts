// Prepares a small and a large database of the same kind, each with its own service as in production.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { createKeyFile } from '../../../src/crypto/key-file.js';
import { issueToken } from '../../../src/domain/access/token.js';
import { openPostgres } from '../../../src/store/engine/client.js';
import { startPostgresServer } from '../../support/postgres/server.js';
import { type ServerProcess, startService } from '../servers/servers.js';
import { findPostmaster } from '../servers/usage.js';
import { createDatabase } from '../stage.js';
import { findTerrain, type Terrain } from './terrain.js';

const ROOT = fileURLToPath(new URL('../../../../../../', import.meta.url));
const POOL_SIZE = 4;

/** A filled database and the service on it. */
export interface Side {
  name: 'small' | 'large';
  databaseUrl: string;
  server: ServerProcess;
  terrain: Terrain;
  /** This text is shown to people. */
  size: string;
}

export interface ScaleStage {
  small: Side;
  large: Side;
  keyFile: string;
  postgres: { describe: string; postmaster: number | null };
  close(): Promise<void>;
}

export interface ScaleOptions {
  /** The number of secrets to create, or the URL of a database that bench:seed has filled with keys of `keyFile`. */
  small: number | string;
  large: number | string;
  keyFile?: string | undefined;
  /** This is a setting of the Postgres that is started. */
  sharedBuffers: string;
  say(text: string): void;
}

export async function setScaleStage(options: ScaleOptions): Promise<ScaleStage> {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'agent-secrets-scale-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const keyFile = options.keyFile ?? join(folder, 'master-keys.json');
    if (options.keyFile === undefined) await createKeyFile(keyFile);
    let adminUrl: string | undefined;
    const databaseOf = async (given: number | string): Promise<string> => {
      if (typeof given === 'string') return given;
      if (adminUrl === undefined) {
        const server = await startPostgresServer({ durable: true, sharedBuffers: options.sharedBuffers });
        undo.push(() => server.stop());
        adminUrl = server.adminUrl;
      }
      const { databaseUrl, drop } = await createDatabase(adminUrl);
      undo.push(drop);
      options.say(`filling a database with ${given.toLocaleString('en')} secrets`);
      await fill(given, databaseUrl, keyFile, folder);
      return databaseUrl;
    };
    const open = async (name: Side['name'], given: number | string): Promise<Side> => {
      const databaseUrl = await databaseOf(given);
      const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
      undo.push(() => sql.end({ timeout: 5 }));
      const settings = {
        folder,
        keyFile,
        databaseUrl,
        poolSize: POOL_SIZE,
        main: join(ROOT, 'dist/main.js'),
      };
      const server = await startService(settings);
      undo.push(() => server.stop());
      const terrain = await findTerrain(sql, server.url, await tokensOf(sql, databaseUrl));
      const [size] = await sql<{ size: string }[]>`select pg_size_pretty(pg_database_size(current_database())) as size`;
      return { name, databaseUrl, server, terrain, size: size?.size ?? '' };
    };
    const small = await open('small', options.small);
    const large = await open('large', options.large);
    const sql = postgres(large.databaseUrl, { max: 1, onnotice: () => undefined });
    undo.push(() => sql.end({ timeout: 5 }));
    await sql`checkpoint`;
    return {
      ...{ small, large, keyFile, close },
      postgres: { describe: await describe(sql), postmaster: await findPostmaster(sql) },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function fill(secrets: number, databaseUrl: string, keyFile: string, folder: string): Promise<void> {
  const script = fileURLToPath(new URL('./fill.js', import.meta.url));
  const child = spawn(process.execPath, ['--enable-source-maps', script, '--secrets', String(secrets)], {
    cwd: folder,
    // The script prints tokens for other uses, so each account gets one more token here.
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: databaseUrl, MASTER_KEY_FILE: keyFile },
  });
  const stop = () => child.kill();
  process.once('exit', stop);
  const [code, signal] = await once(child, 'exit');
  process.off('exit', stop);
  if (code !== 0) throw new Error(`the database could not be filled (${code ?? signal})`);
}

/** The tokens are listed by account. */
async function tokensOf(sql: postgres.Sql, url: string): Promise<Map<string, string>> {
  const db = openPostgres({ url, poolSize: 1, statementTimeout: 10_000, connectTimeout: 5, prepare: true });
  try {
    const tokens = new Map<string, string>();
    for (const { id } of await sql<{ id: string }[]>`select distinct account_id as id from environments`) {
      tokens.set(id, (await issueToken(db, { accountId: id, name: 'scale' })).secret);
    }
    return tokens;
  } finally {
    await db.close();
  }
}

async function describe(sql: postgres.Sql): Promise<string> {
  const names = ['server_version', 'shared_buffers', 'fsync', 'synchronous_commit', 'full_page_writes'];
  const rows = await sql<{ name: string; value: string }[]>`
    select name, current_setting(name) as value from unnest(${names}::text[]) as name`;
  return rows.map(({ name, value }) => `${name} ${value}`).join(', ');
}
