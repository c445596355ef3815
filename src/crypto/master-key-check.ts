// Checks that the configured master keys are those that a database was written under, before anything is written to it
// under other ones.
import { keyContext, type StoredKey } from './environment-keys.js';
import type { KeyProvider } from './key-provider.js';
import { KeyringError } from './local-keyring.js';

/** Rejects with a KeyringError that names the master key. `samples` are some stored keys of every master key in use. */
export async function checkMasterKeys(
  provider: KeyProvider,
  samples: readonly (StoredKey & { environmentId: string })[],
): Promise<void> {
  const refusals = new Map<string, KeyringError>();
  const proven = new Set<string>();
  for (const { environmentId, purpose, version, masterKeyId, wrapped } of samples) {
    // One key that unwraps is sufficient proof: a corrupt row only affects its own environment.
    if (proven.has(masterKeyId)) continue;
    try {
      const context = keyContext(environmentId, purpose, version);
      (await provider.unwrap({ masterKeyId, bytes: wrapped }, context)).fill(0);
      proven.add(masterKeyId);
    } catch (error) {
      if (!(error instanceof KeyringError)) throw error;
      refusals.set(masterKeyId, error);
    }
  }
  for (const [masterKeyId, { reason }] of refusals) {
    if (proven.has(masterKeyId)) continue;
    throw new KeyringError(
      reason,
      `master key "${masterKeyId}"`,
      `this database was written under it, and ${reason === 'unwrap-refused' ? 'the key given under this id is another one' : 'it is not among the master keys given'}`,
      'restore the master keys that belong to this database from your backup, or correct MASTER_KEY_FILE or DATABASE_URL',
    );
  }
}
