// Rotates the master key: wraps every data key and digest key again under the current master key while the service
// runs.
import { keyContext } from '../../crypto/environment-keys.js';
import { KeyringError } from '../../crypto/local-keyring.js';
import { invalidRequest } from '../../errors/refusals.js';
import {
  countKeysByMasterKey,
  findKeysOfOtherMasterKeys,
  updateWrappedKey,
  type WrappedKeyRow,
} from '../../store/keys/master-key.js';
import type { Services } from '../request/services.js';

const KEYS_PER_BATCH = 100;

export interface MasterKeyRotationInput {
  /** The id of the master key that the operator expects to be current. */
  to?: string | undefined;
  /** Checked between batches. Completed batches remain. */
  signal?: AbortSignal | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface MasterKeyRotation {
  masterKeyId: string;
  rewrapped: number;
  /** Keys that stay under another master key, one line each. */
  failures: string[];
}

/**
 * Re-wraps every key that is not under the current master key. An interrupted rotation can be repeated without doing
 * its work again, and several rotations that run at the same time share the work. Throws INVALID_REQUEST when the
 * current master key is not `to`.
 */
export async function rotateMasterKey(
  { db, keyProvider }: Services,
  { to, signal, onProgress }: MasterKeyRotationInput = {},
): Promise<MasterKeyRotation> {
  const masterKeyId = await keyProvider.currentKeyId();
  if (to !== undefined && to !== masterKeyId) {
    throw invalidRequest(`the current master key is ${masterKeyId}, not ${to}; npm run master-key -- use FILE ${to}`);
  }
  const counts = await countKeysByMasterKey(db);
  const total = counts.reduce((sum, { count, ...key }) => (key.masterKeyId === masterKeyId ? sum : sum + count), 0);
  const failures: string[] = [];
  let rewrapped = 0;
  let after: WrappedKeyRow | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const keys = await findKeysOfOtherMasterKeys(db, masterKeyId, after, KEYS_PER_BATCH);
    if (keys.length === 0) return { masterKeyId, rewrapped, failures };
    for (const key of keys) {
      try {
        if (await rewrap(key)) rewrapped += 1;
      } catch (error) {
        // A key that cannot be unwrapped affects only its own environment, so the rotation continues. An unreachable
        // key service affects all keys, so it ends the rotation.
        if (!(error instanceof KeyringError)) throw error;
        failures.push(error.message);
      }
    }
    after = keys.at(-1);
    onProgress?.(rewrapped, total);
  }

  async function rewrap(key: WrappedKeyRow): Promise<boolean> {
    const context = keyContext(key.environmentId, key.purpose, key.version);
    const bytes = await keyProvider.unwrap({ masterKeyId: key.masterKeyId, bytes: key.wrapped }, context);
    try {
      const wrappedAgain = await keyProvider.wrap(bytes, context);
      return await updateWrappedKey(
        db,
        { ...key, masterKeyId: wrappedAgain.masterKeyId, wrapped: wrappedAgain.bytes },
        key.wrapped,
      );
    } finally {
      bytes.fill(0);
    }
  }
}
