// Starts one private, real Postgres server for a test run, or uses the one that TEST_DATABASE_URL names.
import postgres from 'postgres';
import { findEmbeddedBinaries, findSystemBinaries, OLDEST_MAJOR, type PostgresBinaries } from './binaries.js';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.js';

type PostgresSource = 'system' | 'embedded';

interface PostgresServerOptions {
  /** For benchmarks: commits reach the disk. Off by default, for speed. */
  durable?: boolean;
  /** For benchmarks, too: as Postgres writes sizes. Default: 128MB. */
  sharedBuffers?: string;
  /** Use this source or fail. Default: TEST_POSTGRES, else TEST_DATABASE_URL, else the first source that works. */
  source?: PostgresSource;
}

export interface PostgresServer {
  /** For the postgres client and as DATABASE_URL alike; its role may create databases. */
  adminUrl: string;
  /** For people: which Postgres this is. */
  describe: string;
  /** What the server logs; gone after stop(). Null: the server is not ours (TEST_DATABASE_URL). */
  logFile: string | null;
  /** Everything it writes, the log included; null as above. */
  folder: string | null;
  stop(): Promise<void>;
}

export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const forced = options.source ?? forcedSource();
  const url = process.env.TEST_DATABASE_URL;
  if (forced === undefined && url) return useServer(url);
  if (process.platform === 'win32')
    throw new Error('The tests cannot start Postgres on Windows: set TEST_DATABASE_URL');

  const { durable = false, sharedBuffers = '128MB' } = options;
  const { cluster, binaries } = await startOwnCluster({ durable, sharedBuffers }, forced);
  return {
    adminUrl: cluster.url,
    describe: `PostgreSQL ${cluster.version} from ${binaries.label}`,
    logFile: cluster.logFile,
    folder: cluster.folder,
    stop: cluster.stop,
  };
}

/** Starts a cluster from the first source that works, or from the one that is forced. */
export async function startOwnCluster(
  options: ClusterOptions,
  forced = forcedSource(),
): Promise<{ cluster: Cluster; binaries: PostgresBinaries }> {
  const failures: string[] = [];
  for (const source of forced ? [forced] : (['system', 'embedded'] as const)) {
    let candidates: PostgresBinaries[] = [];
    try {
      candidates = source === 'system' ? await findSystemBinaries() : [await findEmbeddedBinaries()];
    } catch (error) {
      failures.push(`${source}: ${messageOf(error)}`);
    }
    for (const binaries of candidates) {
      try {
        return { cluster: await startCluster(binaries, options), binaries };
      } catch (error) {
        failures.push(`${source}, ${binaries.label}: ${messageOf(error)}`);
      }
    }
  }
  throw new Error(
    [
      'No Postgres for the tests. Tried:',
      ...failures.map((failure) => `- ${failure.replaceAll('\n', '\n  ')}`),
      `Set TEST_DATABASE_URL, install Postgres ${OLDEST_MAJOR} or newer, or install the dev dependencies.`,
    ].join('\n'),
  );
}

function forcedSource(): PostgresSource | undefined {
  const value = process.env.TEST_POSTGRES;
  if (!value) return undefined;
  if (value === 'system' || value === 'embedded') return value;
  throw new Error(`TEST_POSTGRES must be "system" or "embedded", not ${JSON.stringify(value)}`);
}

/** Never falls back to another source: who names a server wants that one. */
async function useServer(url: string): Promise<PostgresServer> {
  let sql: postgres.Sql | undefined;
  try {
    sql = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => undefined });
    const [row] = await sql<{ version: string; number: number; allowed: boolean }[]>`
      select current_setting('server_version') as version,
        current_setting('server_version_num')::int as number,
        (select rolcreatedb or rolsuper from pg_roles where rolname = current_user) as allowed`;
    if (!row || row.number < OLDEST_MAJOR * 10_000) throw new Error(`version ${row?.version} is too old`);
    if (!row.allowed) throw new Error('its role may not create databases');
    return {
      adminUrl: url,
      describe: `PostgreSQL ${row.version} from TEST_DATABASE_URL`,
      logFile: null,
      folder: null,
      stop: async () => undefined,
    };
  } catch (error) {
    throw new Error(`TEST_DATABASE_URL does not name a usable server: ${messageOf(error)}`);
  } finally {
    await sql?.end({ timeout: 5 });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
