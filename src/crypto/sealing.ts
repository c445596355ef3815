// Sealing: encrypts and authenticates a value, bound to the place where it is stored, and opens it again.
import { createCipheriv, createDecipheriv, type DecipherGCM, randomFillSync } from 'node:crypto';
import { toUSVString } from 'node:util';
import type { DataKey } from './data-key.js';

/** The place that a sealed value belongs to; it cannot be opened for any other place. */
export interface SealBinding {
  readonly environmentId: string;
  readonly agentSecretId: string;
  /** The revision that set the value. It stays the same in later revisions that keep the value. */
  readonly revision: bigint;
}

/** The key and the secret that a `SealError` is about. */
export interface SealSubject {
  readonly keyVersion?: number;
  readonly environmentId?: string;
  readonly agentSecretId?: string;
}

/** A value cannot be sealed or opened. The message names key version and ids, never any part of the plaintext. */
export class SealError extends Error {
  readonly subject: SealSubject;

  constructor(message: string, subject: SealSubject) {
    super(message);
    this.name = 'SealError';
    this.subject = subject;
  }
}

// Layout in bytes: format (1), key version (4, big endian), nonce (12), ciphertext, authentication tag (16).
// The encrypted plaintext: length of the UTF-8 text (4, big endian), the text, zeros as padding up to the bucket size.
const FORMAT = 1;
const NONCE_AT = 5;
const NONCE_BYTES = 12;
const BODY_AT = NONCE_AT + NONCE_BYTES;
const TAG_BYTES = 16;
const LENGTH_BYTES = 4;
const SMALL_BUCKET = 64;
const SMALL_UP_TO = 1024;
const LARGE_BUCKET = 256;
const SMALLEST_SEALED = BODY_AT + SMALL_BUCKET + TAG_BYTES;
const ALGORITHM = 'aes-256-gcm';
const TAG_OPTION = { authTagLength: TAG_BYTES } as const;

/**
 * Seals a text with AES-256-GCM under a new random nonce.
 *
 * Random 96-bit nonces are safe for 2^32 values per data key, far more than an environment writes between rotations.
 * They are drawn one by one: a pool of random bytes would be repeated by a cloned virtual machine, and a repeated nonce
 * breaks GCM.
 */
export function sealValue(dataKey: DataKey, binding: SealBinding, plaintext: string): Uint8Array {
  if (toUSVString(plaintext) !== plaintext) {
    const subject = subjectOf(dataKey.version, binding);
    throw new SealError(`${describe(subject)}: its text has lone surrogates, which UTF-8 cannot keep`, subject);
  }
  const length = Buffer.byteLength(plaintext);
  const padded = Buffer.alloc(paddedLength(length));
  padded.writeUInt32BE(length, 0);
  padded.write(plaintext, LENGTH_BYTES);

  // Not from Buffer's pool: the sealed value would keep a slab with unrelated data in memory, and expose it through its
  // `buffer` property.
  const sealed = Buffer.allocUnsafeSlow(BODY_AT + padded.length + TAG_BYTES);
  sealed[0] = FORMAT;
  sealed.writeUInt32BE(dataKey.version, 1);
  randomFillSync(sealed, NONCE_AT, NONCE_BYTES);

  const cipher = createCipheriv(ALGORITHM, dataKey.keyObject, sealed.subarray(NONCE_AT, BODY_AT), TAG_OPTION);
  cipher.setAAD(additionalData(dataKey.version, binding));
  sealed.set(cipher.update(padded), BODY_AT);
  padded.fill(0);
  cipher.final();
  sealed.set(cipher.getAuthTag(), sealed.length - TAG_BYTES);
  return sealed;
}

/** Opens what `sealValue` made for this binding; throws a `SealError` for anything else. */
export function openValue(dataKey: DataKey, binding: SealBinding, sealed: Uint8Array): string {
  const version = readKeyVersion(sealed);
  if (version !== dataKey.version) {
    const subject = version === undefined ? subjectOf(dataKey.version, binding) : subjectOf(version, binding);
    const problem =
      version === undefined ? 'it is no sealed value' : `it needs that key, not version ${dataKey.version}`;
    throw new SealError(`${describe(subject)}: ${problem}`, subject);
  }
  // `subarray` gives views of the input, which may be a Buffer or a plain Uint8Array; nothing is copied.
  const tagAt = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, dataKey.keyObject, sealed.subarray(NONCE_AT, BODY_AT), TAG_OPTION);
  decipher.setAAD(additionalData(version, binding));
  decipher.setAuthTag(sealed.subarray(tagAt));
  const padded = decipher.update(sealed.subarray(BODY_AT, tagAt));
  const plaintext = isAuthentic(decipher) ? textOf(padded) : undefined;
  padded.fill(0);
  if (plaintext === undefined) throw openingError(version, binding);
  return plaintext;
}

/** The data key version that is needed to open a sealed value. It is not authenticated before the value is opened. */
export function sealedKeyVersion(sealed: Uint8Array): number {
  const version = readKeyVersion(sealed);
  if (version === undefined) throw new SealError('it is no sealed value: too short, or of an unknown format', {});
  return version;
}

function readKeyVersion(sealed: Uint8Array): number | undefined {
  if (sealed.length < SMALLEST_SEALED || sealed[0] !== FORMAT) return undefined;
  return (((sealed[1] ?? 0) << 24) | ((sealed[2] ?? 0) << 16) | ((sealed[3] ?? 0) << 8) | (sealed[4] ?? 0)) >>> 0;
}

function isAuthentic(decipher: DecipherGCM): boolean {
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  }
}

function textOf(padded: Buffer): string | undefined {
  const length = padded.readUInt32BE(0);
  if (paddedLength(length) !== padded.length) return undefined;
  return padded.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length);
}

/**
 * The size of length field and text, rounded up. Steps of 64 bytes up to 1 KiB hide how long a password is. Steps of
 * 256 bytes above that enlarge a long value by at most a quarter, and a value of 64 KiB by 0.4 per cent.
 */
function paddedLength(length: number): number {
  const needed = LENGTH_BYTES + length;
  const bucket = needed <= SMALL_UP_TO ? SMALL_BUCKET : LARGE_BUCKET;
  return Math.ceil(needed / bucket) * bucket;
}

/**
 * The additional authenticated data: format, key version, revision, environment and secret, encoded so that no two
 * bindings give the same bytes. Each number ends with a colon, the first id is preceded by its length, and the second
 * id is the rest. The encoding is UTF-16 because UTF-8 maps all lone surrogates to the same character.
 */
function additionalData(keyVersion: number, { environmentId, agentSecretId, revision }: SealBinding): Buffer {
  return Buffer.from(
    `seal:${FORMAT}:${keyVersion}:${revision}:${environmentId.length}:${environmentId}${agentSecretId}`,
    'utf16le',
  );
}

function openingError(keyVersion: number, binding: SealBinding): SealError {
  const subject = subjectOf(keyVersion, binding);
  return new SealError(
    `${describe(subject)}: it was changed, moved from another row, or sealed under another key`,
    subject,
  );
}

function subjectOf(keyVersion: number, { environmentId, agentSecretId }: SealBinding): SealSubject {
  return { keyVersion, environmentId, agentSecretId };
}

function describe({ keyVersion, environmentId, agentSecretId }: SealSubject): string {
  return `value of agent secret ${agentSecretId} in environment ${environmentId} (data key version ${keyVersion})`;
}
