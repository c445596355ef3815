// What a process needs before it can serve or administer: database, keys, caches, in the order they depend on each other.
import type { Config } from './config.js';
import { createKeyCache } from './crypto/environment-keys.js';
import type { KeyProvider } from './crypto/key-provider.js';
import type { Services } from './domain/context.js';
import { createBearerCache } from './domain/token.js';
import { createWriteQueue } from './domain/write-queue.js';
import type { Logger } from './log.js';
import { openKeyProvider } from './master-keys.js';
import { type Database, openPostgres } from './store/client.js';
import { openEmbedded } from './store/embedded.js';
import { findEnvironmentKeys } from './store/environment-key.js';
import { migrate } from './store/migrate.js';

/** Environments whose keys stay in memory. */
const CACHED_KEYS = 10_000;

/** Opens and migrates the configured database and loads the master keys. */
export async function openServices(config: Config, log: Logger): Promise<Services> {
  const keyProvider = await openKeyProvider(config, log);
  const db = await openDatabase(config);
  try {
    await migrate(db);
    return servicesOn(db, keyProvider, log);
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** Services on a database that is already open and migrated. */
export function servicesOn(db: Database, keyProvider: KeyProvider, log: Logger): Services {
  return {
    db,
    keyProvider,
    keys: createKeyCache({
      provider: keyProvider,
      load: (environmentId) => findEnvironmentKeys(db, environmentId),
      max: CACHED_KEYS,
    }),
    writes: createWriteQueue(),
    bearers: createBearerCache(db),
    log,
  };
}

async function openDatabase(config: Config): Promise<Database> {
  if (!config.databaseUrl) return openEmbedded(config.dataDir);
  const db = openPostgres({
    url: config.databaseUrl,
    poolSize: config.databasePoolSize,
    statementTimeout: config.databaseStatementTimeout,
    connectTimeout: 5,
    prepare: config.databasePrepare,
  });
  await db.ping();
  return db;
}
