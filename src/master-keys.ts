// Where the master keys are, by configuration: a key file, the environment, or a Transit engine.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config, TransitConfig } from './config.js';
import { createKeyFile, loadKeyFile } from './crypto/key-file.js';
import type { KeyProvider } from './crypto/key-provider.js';
import { KeyringError, localKeyProvider, parseKeyring } from './crypto/local-keyring.js';
import { isTransitKeyId, openTransitKeyProvider } from './crypto/transit-key-provider.js';
import type { Logger } from './log.js';
import { exists, makeFolder } from './store/folder.js';

/**
 * The configured provider; with both kinds configured, one that can move data keys from the other to it. `isNeeded` tells
 * whether there is data already that only existing keys can open.
 */
export async function openKeyProvider(
  config: Config,
  log: Logger,
  isNeeded: () => Promise<boolean>,
): Promise<KeyProvider> {
  const local = await openLocal(config, log, isNeeded);
  const transit =
    config.transit && (await openTransitKeyProvider({ ...config.transit, token: tokenOf(config.transit) }));
  const current = config.masterKeyProvider === 'local' ? local : transit;
  // The configuration has been checked: what is selected is there.
  if (!current) throw new Error(`no ${config.masterKeyProvider} master keys are configured`);
  if (!local || !transit) return current;
  return {
    ...current,
    keyIds: async () => (await Promise.all([local.keyIds(), transit.keyIds()])).flat(),
    unwrap: (wrapped, context) => (isTransitKeyId(wrapped.masterKeyId) ? transit : local).unwrap(wrapped, context),
  };
}

/** The configured provider, without making anything up; undefined where no master keys are configured. */
export async function openExistingKeyProvider(config: Config, log: Logger): Promise<KeyProvider | undefined> {
  const { masterKeys, masterKeyFile, transit } = config;
  const isDefault = masterKeyFile === join(config.dataDir, 'master-keys.json');
  const hasLocal =
    masterKeys !== undefined || (masterKeyFile !== undefined && (!isDefault || (await exists(masterKeyFile))));
  if (!hasLocal && !transit) return undefined;
  return openKeyProvider(
    { ...config, production: true, masterKeyFile: hasLocal ? masterKeyFile : undefined },
    log,
    async () => true,
  );
}

async function openLocal(
  { masterKeys, masterKeyFile, ...config }: Config,
  log: Logger,
  isNeeded: () => Promise<boolean>,
): Promise<KeyProvider | undefined> {
  if (masterKeys) return localKeyProvider(parseKeyring(masterKeys, 'MASTER_KEYS'));
  if (masterKeyFile === undefined) return undefined;
  // Production never makes a key up, and beside Transit a file is there to be read.
  const mayCreate = !config.production && config.masterKeyProvider === 'local';
  const { keyring, warnings } = mayCreate
    ? await loadOrCreate(masterKeyFile, isNeeded)
    : await loadKeyFile(masterKeyFile);
  for (const warning of warnings) log.warn(warning);
  return localKeyProvider(keyring, async () => (await loadKeyFile(masterKeyFile)).keyring);
}

/** Development makes its own key file at the first start, but never a second one for the same data. */
async function loadOrCreate(path: string, isNeeded: () => Promise<boolean>) {
  await makeFolder(dirname(path));
  try {
    return await loadKeyFile(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  if (!(await isNeeded())) {
    await createKeyFile(path).catch((failure: unknown) => {
      if (!(failure instanceof KeyringError) || failure.reason !== 'exists') throw failure;
    });
  }
  // Another instance may have started at the same moment, and have been faster.
  return loadKeyFile(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    throw new KeyringError(
      'missing',
      `key file ${path}`,
      'it does not exist, and the database has environments that cannot be opened without it',
      'restore it, or name it with MASTER_KEY_FILE',
    );
  });
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
