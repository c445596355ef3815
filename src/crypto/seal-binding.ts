// What a sealed value is bound to, encoded as the additional authenticated data of its cipher.
import type { DataKey } from './data-key.js';

/** What a sealed value belongs to, and what its readers rely on; it cannot be opened for anything else. */
export interface SealBinding {
  readonly environmentId: string;
  readonly agentSecretId: string;
  /** The dotted canonical path. */
  readonly path: string;
  /** The type document in canonical form. */
  readonly secretType: string;
  /** The revision that set the value. It stays the same in later revisions that keep the value. */
  readonly revision: bigint;
}

const LARGEST_REVISION = 2n ** 63n - 1n;

/** Revisions have eight bytes in the encoding; another one would be encoded as one that is equal in these bytes. */
export function isBindable({ revision }: SealBinding): boolean {
  return revision >= 0n && revision <= LARGEST_REVISION;
}

const HEAD_BYTES = 1 + 4 + 8 + 3 * 4;
/** Used again by each call, because the encoding is on the way of every read. */
let buffer = Buffer.allocUnsafeSlow(4096);
let view = new DataView(buffer.buffer);

/**
 * Format, key version, revision, the lengths of environment, secret and path, the id of the key, then environment,
 * secret, path and type. No two bindings have the same encoding, because the type is the rest behind parts of known
 * length. The texts are UTF-16, because UTF-8 maps all lone surrogates to the same character.
 *
 * The result is valid until the next call.
 */
export function additionalData(format: number, dataKey: DataKey, binding: SealBinding): Uint8Array {
  const { environmentId, agentSecretId, path, secretType, revision } = binding;
  const textAt = HEAD_BYTES + dataKey.id.length;
  // One text, because each call of `write` costs more than the bytes that it writes.
  const text = environmentId + agentSecretId + path + secretType;
  const length = textAt + 2 * text.length;
  if (length > buffer.length) {
    buffer = Buffer.allocUnsafeSlow(2 * length);
    view = new DataView(buffer.buffer);
  }
  buffer[0] = format;
  view.setUint32(1, dataKey.version);
  view.setBigUint64(5, revision);
  view.setUint32(13, environmentId.length);
  view.setUint32(17, agentSecretId.length);
  view.setUint32(21, path.length);
  buffer.set(dataKey.id, HEAD_BYTES);
  buffer.write(text, textAt, 'utf16le');
  return buffer.subarray(0, length);
}

/**
 * The encoding of format 1, which has neither path nor type. Each number ends with a colon, the first id is preceded by
 * its length, and the second id is the rest.
 */
export function additionalDataOfFormat1(
  { version }: DataKey,
  { environmentId, agentSecretId, revision }: SealBinding,
): Uint8Array {
  return Buffer.from(
    `seal:1:${version}:${revision}:${environmentId.length}:${environmentId}${agentSecretId}`,
    'utf16le',
  );
}
