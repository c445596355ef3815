// Rotating the master key: every data and digest key is wrapped anew under the current one, while the service runs.
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
  /** The id the operator expects to be current. */
  to?: string | undefined;
  /** Between batches; what is done stays done. */
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
 * Re-wraps what is not under the current master key. What was done before an interruption is not done again, and several
 * at once share the work. Refuses with INVALID_REQUEST when another master key than `to` is current.
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
        // One that does not open is its own environment's trouble; a key service that is away is everybody's.
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
