// Opens what a process needs to serve or to run a command: the database, the master keys and the caches.
import type { Config } from '../config/config.js';
import { createKeyCache } from '../crypto/environment-keys.js';
import type { KeyProvider } from '../crypto/key-provider.js';
import { checkMasterKeys } from '../crypto/master-key-check.js';
import type { SealAlgorithm } from '../crypto/sealing.js';
import { sodiumProblem } from '../crypto/xchacha20-poly1305.js';
import { createBearerCache } from '../domain/access/token.js';
import { createChangeFeed } from '../domain/changes/change-feed.js';
import { createReadAudit, type ReadAuditMode } from '../domain/reads/read-audit.js';
import type { Services } from '../domain/request/services.js';
import { createRevisionCache } from '../domain/secrets/revision-cache.js';
import { codeOf, type Logger, poolerWordsOf } from '../logging/logger.js';
import { createOutageLog } from '../logging/outage-log.js';
import { createSecurityLog } from '../logging/security-log.js';
import { createByteBudget } from '../scheduling/byte-budget.js';
import { memoryShare } from '../scheduling/memory-share.js';
import { createWriteQueue } from '../scheduling/write-queue.js';
import { type Database, openPostgres } from '../store/engine/client.js';
import { checkMigrated, migrate } from '../store/engine/migrate.js';
import { checkRights, grantRights } from '../store/engine/rights.js';
import { findSchema } from '../store/engine/server.js';
import { findEnvironmentKeySamples, findEnvironmentKeys, hasEnvironmentKeys } from '../store/keys/environment-key.js';
import { waitingForDatabase } from './database-wait.js';
import { createKeyProvider, findKeyProvider } from './master-keys.js';
import { checkServer } from './server-check.js';

/** Maximum number of environments whose keys are cached. */
const CACHED_KEYS = 10_000;

/**
 * Opens the configured database, migrates it or checks that it is migrated, and loads the master keys, which must match the
 * keys in the database. A database that cannot serve just now is waited for, for so many seconds; operators' commands do not
 * wait.
 */
export async function openServices(config: Config, log: Logger, waitSeconds = 0): Promise<Services> {
  // Before the database is opened or migrated, because it is useless without the master keys.
  const existingProvider = await findKeyProvider(config, log);
  const seconds = config.databaseUrl ? waitSeconds : 0;
  return waitingForDatabase(seconds, log, () => openOnDatabase(config, log, existingProvider));
}

async function openOnDatabase(config: Config, log: Logger, existingProvider: KeyProvider | undefined) {
  const db = await openDatabase(config, log);
  try {
    const options = { allowNewer: config.allowNewerSchema };
    if (config.migrate) {
      await migrate(db, options);
    } else {
      await checkMigrated(db, options);
      await checkRights(db);
    }
    const keyProvider = existingProvider ?? (await createKeyProvider(config, log, () => hasEnvironmentKeys(db)));
    await checkMasterKeys(keyProvider, await findEnvironmentKeySamples(db));
    return servicesOn(
      db,
      keyProvider,
      log,
      config.readAudit,
      availableAlgorithm(config, log),
      config.memoryBudgetBytes,
    );
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** The configured algorithm. Without libsodium it is AES, because in JavaScript a long value would hold up others. */
function availableAlgorithm({ sealAlgorithm }: Config, log: Logger): SealAlgorithm {
  if (sodiumProblem === undefined || sealAlgorithm === 'aes-256-gcm') return sealAlgorithm;
  log.warn(
    `sodium-native does not load here (${sodiumProblem}): new values are sealed with aes-256-gcm, and those sealed with ` +
      'xchacha20-poly1305 open slowly; set SEAL_ALGORITHM=aes-256-gcm on every instance and rotate the data keys',
  );
  return 'aes-256-gcm';
}

/** Creates the services on a database that is already open and migrated. */
export function servicesOn(
  db: Database,
  keyProvider: KeyProvider,
  log: Logger,
  readAudit: ReadAuditMode = 'async',
  sealAlgorithm?: SealAlgorithm,
  memoryBytes: number = memoryShare(),
): Services {
  const security = createSecurityLog(log);
  return {
    db,
    keyProvider,
    keys: createKeyCache({
      provider: keyProvider,
      load: (environmentId) => findEnvironmentKeys(db, environmentId),
      max: CACHED_KEYS,
      ...(sealAlgorithm && { sealAlgorithm }),
    }),
    writes: createWriteQueue(),
    revisions: createRevisionCache(),
    feed: createChangeFeed(db, log, undefined, security),
    bearers: createBearerCache(db, security),
    reads: createReadAudit(db, log, readAudit),
    memory: createByteBudget({ capacity: memoryBytes }),
    log,
    security,
  };
}

/** Migrates the configured database, and gives a role the rights that the service needs. */
export async function migrateDatabase(config: Config, log: Logger, grantTo: string | undefined): Promise<number> {
  const db = await openDatabase(config, log);
  try {
    const applied = await migrate(db, { allowNewer: config.allowNewerSchema });
    if (grantTo !== undefined) await grantRights(db, grantTo);
    return applied;
  } finally {
    await db.close();
  }
}

/** Opens the database for a command, without creating or migrating it; throws if it is missing or not migrated. */
export async function openExistingDatabase(config: Config, log: Logger): Promise<Database> {
  if (!config.databaseUrl && !(await (await embedded()).hasEmbedded(config.dataDir))) {
    throw new Error(`there is no database in ${config.dataDir}; set DATABASE_URL or DATA_DIR`);
  }
  const db = await openDatabase(config, log, false);
  try {
    await checkMigrated(db, { allowNewer: config.allowNewerSchema });
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** Loaded lazily, because the embedded database is not needed if DATABASE_URL is set. */
function embedded() {
  return import('../store/engine/embedded.js');
}

async function openDatabase(config: Config, log: Logger, writes = true): Promise<Database> {
  if (!config.databaseAddress) return (await embedded()).openEmbedded(config.dataDir);
  const outage = createOutageLog(log);
  // Outages are logged only after the start: a failed start reports its own reason.
  let isOpen = false;
  const options = {
    url: config.databaseAddress,
    poolSize: config.databasePoolSize,
    statementTimeout: config.databaseStatementTimeout,
    connectTimeout: 5,
    prepare: config.databasePrepare,
    pooler: config.databasePooler,
    onReplaced(error: unknown) {
      if (!isOpen) return;
      const code = codeOf(error) ?? 'NO_ANSWER';
      outage('database connection replaced', { code, detail: poolerWordsOf(error) });
    },
  };
  const schema = config.databaseSchema ?? (await findSchema(options));
  if (schema === undefined) {
    throw new Error(
      'the search_path of this role leads to no schema of the database of DATABASE_URL; set DATABASE_SCHEMA',
    );
  }
  const db = openPostgres({ ...options, schema });
  try {
    await checkServer(db, { isPooled: config.databasePooler, writes }, log);
    isOpen = true;
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}
