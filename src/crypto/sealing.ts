// Sealing: encrypts and authenticates a value, bound to the place where it is stored, and opens it again.
import { toUSVString } from 'node:util';
import type { DataKey } from './data-key.js';
import { additionalData, additionalDataOfFormat1, isBindable, type SealBinding } from './seal-binding.js';
import { aes256Gcm, type SealCipher, TAG_BYTES } from './seal-ciphers.js';
import { xchacha20Poly1305 } from './xchacha20-poly1305.js';

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

/** The ciphers that new values can be sealed with. */
export const SEAL_ALGORITHMS = ['xchacha20-poly1305', 'aes-256-gcm'] as const;
export type SealAlgorithm = (typeof SEAL_ALGORITHMS)[number];
export const DEFAULT_SEAL_ALGORITHM: SealAlgorithm = 'xchacha20-poly1305';

// Layout in bytes: format (1), key version (4, big endian), nonce (24 or 12), ciphertext, authentication tag (16).
// The encrypted plaintext: length of the UTF-8 text (4, big endian), the text, zeros as padding up to the bucket size.
//
// Format 1: AES-256-GCM, without path and type in the binding; it is only opened. Format 2: XChaCha20-Poly1305.
// Format 3: AES-256-GCM. A format of its own for each cipher keeps the key version in the same place in all of them.
const CIPHERS: Readonly<Record<number, SealCipher>> = { 1: aes256Gcm, 2: xchacha20Poly1305, 3: aes256Gcm };
const FORMATS: Readonly<Record<SealAlgorithm, number>> = { 'xchacha20-poly1305': 2, 'aes-256-gcm': 3 };
const NONCE_AT = 5;
const LENGTH_BYTES = 4;
const SMALL_BUCKET = 64;
const SMALL_UP_TO = 1024;
const LARGE_BUCKET = 256;

/** Seals a text under a new random nonce. */
export function sealValue(
  dataKey: DataKey,
  binding: SealBinding,
  plaintext: string,
  algorithm: SealAlgorithm = DEFAULT_SEAL_ALGORITHM,
): Uint8Array {
  if (toUSVString(plaintext) !== plaintext) {
    throw errorAbout(dataKey.version, binding, 'its text has lone surrogates, which UTF-8 cannot keep');
  }
  if (!isBindable(binding)) throw errorAbout(dataKey.version, binding, 'its revision is out of range');
  const format = FORMATS[algorithm];
  const cipher = cipherOf(format);
  const bodyAt = NONCE_AT + cipher.nonceBytes;
  const textAt = bodyAt + LENGTH_BYTES;
  const length = Buffer.byteLength(plaintext);
  const paddedEnd = bodyAt + paddedLength(length);

  // Not from Buffer's pool: the sealed value would keep a slab with unrelated data in memory, and expose it through its
  // `buffer` property.
  const sealed = Buffer.allocUnsafeSlow(paddedEnd + TAG_BYTES);
  sealed[0] = format;
  sealed.writeUInt32BE(dataKey.version, 1);
  sealed.writeUInt32BE(length, bodyAt);
  sealed.write(plaintext, textAt);
  sealed.fill(0, textAt + length, paddedEnd);
  const aad = additionalData(format, dataKey, binding);
  cipher.encrypt(dataKey, aad, sealed.subarray(NONCE_AT, bodyAt), sealed.subarray(bodyAt));
  return sealed;
}

/** Opens what `sealValue` made for this binding, now or in an earlier format; throws a `SealError` for anything else. */
export function openValue(dataKey: DataKey, binding: SealBinding, sealed: Uint8Array): string {
  const version = readKeyVersion(sealed);
  if (version === undefined) throw errorAbout(dataKey.version, binding, 'it is no sealed value');
  if (version !== dataKey.version) {
    throw errorAbout(version, binding, `it needs that key, not version ${dataKey.version}`);
  }
  const format = sealed[0] as number;
  const cipher = cipherOf(format);
  const bodyAt = NONCE_AT + cipher.nonceBytes;
  // `subarray` gives views of the input, which may be a Buffer or a plain Uint8Array; nothing is copied.
  const aad = format === 1 ? additionalDataOfFormat1(dataKey, binding) : additionalData(format, dataKey, binding);
  const padded = isBindable(binding)
    ? cipher.decrypt(dataKey, aad, sealed.subarray(NONCE_AT, bodyAt), sealed.subarray(bodyAt))
    : undefined;
  const plaintext = padded && textOf(padded);
  padded?.fill(0);
  if (plaintext === undefined) {
    throw errorAbout(version, binding, 'it was changed, moved from another row, or sealed under another key');
  }
  return plaintext;
}

/** The data key version that is needed to open a sealed value. It is not authenticated before the value is opened. */
export function sealedKeyVersion(sealed: Uint8Array): number {
  const version = readKeyVersion(sealed);
  if (version === undefined) throw new SealError('it is no sealed value: too short, or of an unknown format', {});
  return version;
}

/** The first byte of values that are sealed with this algorithm. */
export function sealFormatOf(algorithm: SealAlgorithm): number {
  return FORMATS[algorithm];
}

function cipherOf(format: number): SealCipher {
  return CIPHERS[format] as SealCipher;
}

function readKeyVersion(sealed: Uint8Array): number | undefined {
  const cipher = CIPHERS[sealed[0] ?? 0];
  if (!cipher || sealed.length < NONCE_AT + cipher.nonceBytes + SMALL_BUCKET + TAG_BYTES) return undefined;
  return (((sealed[1] ?? 0) << 24) | ((sealed[2] ?? 0) << 16) | ((sealed[3] ?? 0) << 8) | (sealed[4] ?? 0)) >>> 0;
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

function errorAbout(keyVersion: number, { environmentId, agentSecretId }: SealBinding, problem: string): SealError {
  const subject = { keyVersion, environmentId, agentSecretId };
  const value = `value of agent secret ${agentSecretId} in environment ${environmentId} (data key version ${keyVersion})`;
  return new SealError(`${value}: ${problem}`, subject);
}
