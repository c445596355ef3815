// What a process needs before it can serve or administer: database, keys, caches, in the order they depend on each other.
import { dirname } from 'node:path';
import type { Config } from './config.js';
import { createKeyCache } from './crypto/environment-keys.js';
import { createKeyFile, loadKeyFile } from './crypto/key-file.js';
import type { KeyProvider } from './crypto/key-provider.js';
import { KeyringError, localKeyProvider, parseKeyring } from './crypto/local-keyring.js';
import { checkMasterKeys } from './crypto/master-key-check.js';
import type { Services } from './domain/context.js';
import { createBearerCache } from './domain/token.js';
import { createWriteQueue } from './domain/write-queue.js';
import type { Logger } from './log.js';
import { type Database, openPostgres } from './store/client.js';
import { openEmbedded } from './store/embedded.js';
import { findEnvironmentKeySamples, findEnvironmentKeys, hasEnvironmentKeys } from './store/environment-key.js';
import { makeFolder } from './store/folder.js';
import { migrate } from './store/migrate.js';
import { findServer } from './store/server.js';

/** The oldest major version that everything here runs on. */
const OLDEST_POSTGRES = 15;

/** Environments whose keys stay in memory. */
const CACHED_KEYS = 10_000;

/** Opens and migrates the configured database and loads the master keys, which must be those of the database. */
export async function openServices(config: Config, log: Logger): Promise<Services> {
  const given = await findKeyProvider(config, log);
  const db = await openDatabase(config, log);
  try {
    await migrate(db);
    const keyProvider = given ?? (await createKeyProvider(config, log, db));
    await checkMasterKeys(keyProvider, await findEnvironmentKeySamples(db));
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

async function openDatabase(config: Config, log: Logger): Promise<Database> {
  if (!config.databaseUrl) return openEmbedded(config.dataDir);
  const db = openPostgres({
    url: config.databaseUrl,
    poolSize: config.databasePoolSize,
    statementTimeout: config.databaseStatementTimeout,
    connectTimeout: 5,
    prepare: config.databasePrepare,
    pooler: config.databasePooler,
  });
  try {
    const server = await findServer(db);
    if (server.versionNumber < OLDEST_POSTGRES * 10_000) {
      throw new Error(
        `the database of DATABASE_URL is Postgres ${server.version}; ${OLDEST_POSTGRES} or newer is needed`,
      );
    }
    if (server.statementTimeout === 0 || server.idleInTransactionTimeout === 0) {
      log.warn(
        'DATABASE_POOLER: without statement_timeout and idle_in_transaction_session_timeout nothing ends a statement whose client has gone; set both with alter role',
      );
    }
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** Undefined in development when there is no key file yet; production never makes one up. */
async function findKeyProvider(config: Config, log: Logger): Promise<KeyProvider | undefined> {
  if (config.masterKeys) return localKeyProvider(parseKeyring(config.masterKeys, 'MASTER_KEYS'));
  if (!config.production) await makeFolder(dirname(config.masterKeyFile));
  try {
    return await keyFileProvider(config, log);
  } catch (error) {
    if (!(error instanceof KeyringError) || error.reason !== 'missing' || config.production) throw error;
    return undefined;
  }
}

async function keyFileProvider(config: Config, log: Logger): Promise<KeyProvider> {
  const { keyring, warnings } = await loadKeyFile(config.masterKeyFile);
  for (const warning of warnings) log.warn(warning);
  return localKeyProvider(keyring);
}

/** Development makes its own key file at the first start, but never a second one for the same data. */
async function createKeyProvider(config: Config, log: Logger, db: Database): Promise<KeyProvider> {
  if (await hasEnvironmentKeys(db)) {
    // Another instance may have started at the same moment, and have been faster.
    return keyFileProvider(config, log).catch((error: unknown) => {
      if (!(error instanceof KeyringError) || error.reason !== 'missing') throw error;
      throw new KeyringError(
        'missing',
        `key file ${config.masterKeyFile}`,
        'it does not exist, and the database has environments that cannot be opened without it',
        'restore it, or name it with MASTER_KEY_FILE',
      );
    });
  }
  await createKeyFile(config.masterKeyFile).catch((failure: unknown) => {
    if (!(failure instanceof KeyringError) || failure.reason !== 'exists') throw failure;
  });
  return keyFileProvider(config, log);
}
