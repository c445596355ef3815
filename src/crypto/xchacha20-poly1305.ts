// XChaCha20-Poly1305 by libsodium. Where its binary does not load, an implementation in JavaScript takes its place: it is
// slow, but a value that another instance has sealed opens everywhere.
import { randomFillSync } from 'node:crypto';
import type { Sodium } from 'sodium-native';
import { type SealCipher, TAG_BYTES } from './seal-ciphers.js';

const NONCE_BYTES = 24;
/** Large enough for every value of the default plan. */
const openBuffer = Buffer.allocUnsafeSlow(65 * 1024);

function sodiumCipher(sodium: Sodium): SealCipher {
  return {
    nonceBytes: NONCE_BYTES,
    encrypt({ bytes }, additionalData, nonce, body) {
      sodium.randombytes_buf(nonce);
      const plaintext = body.subarray(0, body.length - TAG_BYTES);
      sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(body, plaintext, additionalData, null, nonce, bytes);
    },
    decrypt({ bytes }, additionalData, nonce, body) {
      const length = body.length - TAG_BYTES;
      const plaintext = length > openBuffer.length ? Buffer.allocUnsafeSlow(length) : openBuffer.subarray(0, length);
      try {
        sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(plaintext, null, body, additionalData, nonce, bytes);
        return plaintext;
      } catch {
        return undefined;
      }
    },
  };
}

/** The same without a binary. */
export async function portableXchacha20Poly1305(): Promise<SealCipher> {
  const { xchacha20poly1305 } = await import('@noble/ciphers/chacha.js');
  return {
    nonceBytes: NONCE_BYTES,
    encrypt({ bytes }, additionalData, nonce, body) {
      randomFillSync(nonce);
      body.set(xchacha20poly1305(bytes, nonce, additionalData).encrypt(body.subarray(0, body.length - TAG_BYTES)));
    },
    decrypt({ bytes }, additionalData, nonce, body) {
      try {
        const plaintext = xchacha20poly1305(bytes, nonce, additionalData).decrypt(body);
        return Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.length);
      } catch {
        return undefined;
      }
    },
  };
}

const loaded = await import('sodium-native').then(
  ({ default: sodium }) => ({ sodium, problem: undefined }),
  (error: NodeJS.ErrnoException) => ({ sodium: undefined, problem: error.code ?? 'unknown error' }),
);

/** Why libsodium is not there, as an error code; undefined where it is. */
export const sodiumProblem: string | undefined = loaded.problem;

export const xchacha20Poly1305: SealCipher = loaded.sodium
  ? sodiumCipher(loaded.sodium)
  : await portableXchacha20Poly1305();
