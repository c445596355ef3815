// Replaces crypto/sealing.js in the bare service with the same functions, which do not encrypt. It is for comparison only.
import type { DataKey } from '../../../src/crypto/data-key.js';
import type { SealBinding } from '../../../src/crypto/seal-binding.js';

const HEAD = 5;

export const DEFAULT_SEAL_ALGORITHM = 'xchacha20-poly1305';

export function sealFormatOf(): number {
  return 0;
}

export class SealError extends Error {}

export function sealValue({ version }: DataKey, _: SealBinding, plaintext: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(HEAD + Buffer.byteLength(plaintext));
  bytes[0] = sealFormatOf();
  bytes.writeUInt32BE(version, 1);
  bytes.write(plaintext, HEAD);
  return bytes;
}

export function openValue(_: DataKey, __: SealBinding, bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8', HEAD);
}

export function sealedKeyVersion(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32BE(1);
}
