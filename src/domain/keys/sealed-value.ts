// Encrypts values on their way in. Except for opened-value.ts, and for the rotation of data keys in data-key.ts, no other
// file of the domain calls the ciphers.
import { valueDigest } from '../../crypto/digest.js';
import type { EnvironmentKeys } from '../../crypto/environment-keys.js';
import type { SealBinding } from '../../crypto/seal-binding.js';
import { sealValue } from '../../crypto/sealing.js';
import type { Context } from '../request/context.js';
import { otherKeysThan, writingKeys } from './current-keys.js';

/** An encrypted value as a write stores it. All fields are null without a value. */
export interface SealedValue {
  sealedValue: Uint8Array | null;
  /** The revision that sets the value. The encryption is bound to it. */
  valueRevision: bigint | null;
  valueDigest: Uint8Array | null;
  /** The version of the data key. */
  keyVersion: number | null;
  /** Names the keys that made value and digest. */
  keysId: Uint8Array | null;
}

export const NO_VALUE: SealedValue = Object.freeze({
  sealedValue: null,
  valueRevision: null,
  valueDigest: null,
  keyVersion: null,
  keysId: null,
});

/** The secret that a value belongs to. The encryption is bound to all four fields, none of which ever changes. */
export interface SealedSubject {
  environmentId: string;
  id: string;
  path: string;
  secretType: string;
}

/** Encrypts a value before anything else sees it, bound to its secret and to the revision that sets it. */
export function sealWith(
  keys: EnvironmentKeys,
  subject: SealedSubject,
  revision: bigint,
  plaintext: string | null,
): SealedValue {
  if (plaintext === null) return NO_VALUE;
  const binding = bindingOf(subject, revision);
  return {
    sealedValue: sealValue(keys.current, binding, plaintext, keys.sealAlgorithm),
    valueRevision: revision,
    valueDigest: digestOf(keys, subject.id, revision, plaintext),
    keyVersion: keys.current.version,
    keysId: keys.id,
  };
}

/**
 * Encrypts a value and writes it. Repeats both once when nothing was written because the database no longer has the keys
 * that this instance still had in its cache: another instance has replaced them, or the database has gone back.
 */
export async function sealAndWrite<T>(
  ctx: Context,
  subject: SealedSubject,
  revision: bigint,
  plaintext: string | null,
  write: (sealed: SealedValue) => Promise<T | undefined>,
): Promise<{ sealed: SealedValue; written: T | undefined }> {
  if (plaintext === null) return { sealed: NO_VALUE, written: await write(NO_VALUE) };
  const { environmentId } = subject;
  const cachedKeys = await writingKeys(ctx.services, environmentId);
  const sealed = sealWith(cachedKeys, subject, revision, plaintext);
  const written = await write(sealed);
  const keys = written === undefined ? await otherKeysThan(cachedKeys, ctx.services, environmentId) : undefined;
  if (!keys) return { sealed, written };
  const resealed = sealWith(keys, subject, revision, plaintext);
  return { sealed: resealed, written: await write(resealed) };
}

/**
 * The input contains the id and the revision, so that the log does not show whether two revisions have the same value.
 */
export function digestOf(keys: EnvironmentKeys, id: string, revision: bigint, plaintext: string): Uint8Array {
  return valueDigest(keys.digest, `${id}:${revision}:${plaintext}`);
}

export function bindingOf({ environmentId, id, path, secretType }: SealedSubject, revision: bigint): SealBinding {
  return { environmentId, agentSecretId: id, path, secretType, revision };
}
