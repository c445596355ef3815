// Opens the configured master keys: from a key file, from an environment variable, or from a Transit server.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config/config.js';
import type { TransitConfig } from '../config/transit.js';
import { createKeyFile, loadKeyFile } from '../crypto/key-file.js';
import type { KeyProvider } from '../crypto/key-provider.js';
import { KeyringError, localKeyProvider, parseKeyring } from '../crypto/local-keyring.js';
import { isTransitKeyId, openTransitKeyProvider } from '../crypto/transit-key-provider.js';
import { exhaustionIn } from '../errors/exhaustion.js';
import type { Logger } from '../logging/logger.js';
import { exists, makeFolder } from '../store/engine/folder.js';
import { checkFolders } from './folder-permissions.js';

/**
 * The configured provider. If both kinds are configured, it also unwraps data keys of the other kind, so that these can
 * be rewrapped. Undefined in development if the key file does not exist yet; in production that is an error, because no
 * key file is ever created there.
 */
export async function findKeyProvider(config: Config, log: Logger): Promise<KeyProvider | undefined> {
  try {
    return await openKeyProvider(config, log);
  } catch (error) {
    const mayCreate = !config.production && config.masterKeyProvider === 'local';
    if (!mayCreate || !isMissing(error)) throw error;
    return undefined;
  }
}

/**
 * Creates the key file at the first start in development. `isNeeded` tells whether the database already has keys that
 * need an existing key file: then no new file is created, and a missing one is an error.
 */
export async function createKeyProvider(
  config: Config,
  log: Logger,
  isNeeded: () => Promise<boolean>,
): Promise<KeyProvider> {
  const path = config.masterKeyFile as string;
  await makeFolder(dirname(path));
  if (!(await isNeeded())) {
    await createKeyFile(path).catch((failure: unknown) => {
      if (!(failure instanceof KeyringError) || failure.reason !== 'exists') throw failure;
    });
  }
  // Reads the file again even after creating it failed, because another instance may have created it at the same time.
  return openKeyProvider(config, log).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    throw new KeyringError(
      'missing',
      `key file ${path}`,
      'it does not exist, and the database has environments that cannot be opened without it',
      'restore it, or name it with MASTER_KEY_FILE',
    );
  });
}

async function openKeyProvider(config: Config, log: Logger): Promise<KeyProvider> {
  const local = await openLocal(config, log);
  const transit =
    config.transit && (await openTransitKeyProvider({ ...config.transit, token: tokenOf(config.transit) }));
  const current = config.masterKeyProvider === 'local' ? local : transit;
  // Cannot happen: the configuration check guarantees that the selected provider is configured.
  if (!current) throw new Error(`no ${config.masterKeyProvider} master keys are configured`);
  if (!local || !transit) return current;
  return {
    ...current,
    keyIds: async () => (await Promise.all([local.keyIds(), transit.keyIds()])).flat(),
    unwrap: (wrapped, context) => (isTransitKeyId(wrapped.masterKeyId) ? transit : local).unwrap(wrapped, context),
  };
}

/** The configured provider; never creates a key file. Undefined if no master keys are configured. */
export async function openExistingKeyProvider(config: Config, log: Logger): Promise<KeyProvider | undefined> {
  const { masterKeys, masterKeyFile, transit } = config;
  const isDefault = masterKeyFile === join(config.dataDir, 'master-keys.json');
  const hasLocal =
    masterKeys !== undefined || (masterKeyFile !== undefined && (!isDefault || (await exists(masterKeyFile))));
  if (!hasLocal && !transit) return undefined;
  return openKeyProvider({ ...config, masterKeyFile: hasLocal ? masterKeyFile : undefined }, log);
}

async function openLocal(config: Config, log: Logger): Promise<KeyProvider | undefined> {
  const { masterKeys, masterKeyFile, production } = config;
  if (production) await checkFolders(config);
  if (masterKeys) return localKeyProvider(parseKeyring(masterKeys, 'MASTER_KEYS'));
  if (masterKeyFile === undefined) return undefined;
  const load = () => loadKeyFile(masterKeyFile, { ownerOnly: production });
  const { keyring, warnings } = await load();
  for (const warning of warnings) log.warn(warning);
  return localKeyProvider(keyring, async () => (await load()).keyring);
}

function isMissing(error: unknown): boolean {
  return error instanceof KeyringError && error.reason === 'missing';
}

function tokenOf({ token, tokenFile }: TransitConfig): () => Promise<string> {
  return async () => {
    if (token !== undefined) return token;
    try {
      return (await readFile(String(tokenFile), 'utf8')).trim();
    } catch (error) {
      const exhaustion = exhaustionIn(error);
      if (exhaustion) throw exhaustion;
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      throw new KeyringError(
        'unreadable',
        `token file ${tokenFile}`,
        `it cannot be read (${code})`,
        'check TRANSIT_TOKEN_FILE',
      );
    }
  };
}
