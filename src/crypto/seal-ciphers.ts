// The ciphers of sealed values. What they encrypt and decrypt is a view of the sealed value itself.
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import sodium from 'sodium-native';
import type { DataKey } from './data-key.js';

/** The length of the authentication tag, which ends every ciphertext. */
export const TAG_BYTES = 16;

export interface SealCipher {
  readonly nonceBytes: number;
  /**
   * Encrypts `body` in place: the plaintext, followed by room for the tag. Fills `nonce` with a new random one.
   *
   * Nonces are drawn one by one: a pool of random bytes would be repeated by a cloned virtual machine, and a repeated
   * nonce breaks both ciphers.
   */
  encrypt(key: DataKey, additionalData: Uint8Array, nonce: Uint8Array, body: Uint8Array): void;
  /**
   * The plaintext of `body`, or undefined when it is not authentic. It is valid until the next call, and the caller
   * overwrites it after use.
   */
  decrypt(key: DataKey, additionalData: Uint8Array, nonce: Uint8Array, body: Uint8Array): Buffer | undefined;
}

/** Large enough for every value of the default plan. */
const openBuffer = Buffer.allocUnsafeSlow(65 * 1024);

/** XChaCha20-Poly1305 by libsodium. Its nonces are long enough to be random for any number of values. */
export const xchacha20Poly1305: SealCipher = {
  nonceBytes: 24,
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

const AES = 'aes-256-gcm';
const TAG_OPTION = { authTagLength: TAG_BYTES } as const;

/**
 * AES-256-GCM by OpenSSL, which FIPS allows. Random 96-bit nonces are safe for 2^32 values per data key, far more than
 * an environment writes between rotations.
 */
export const aes256Gcm: SealCipher = {
  nonceBytes: 12,
  encrypt({ keyObject }, additionalData, nonce, body) {
    randomFillSync(nonce);
    const tagAt = body.length - TAG_BYTES;
    const cipher = createCipheriv(AES, keyObject, nonce, TAG_OPTION);
    cipher.setAAD(additionalData);
    body.set(cipher.update(body.subarray(0, tagAt)));
    cipher.final();
    body.set(cipher.getAuthTag(), tagAt);
  },
  decrypt({ keyObject }, additionalData, nonce, body) {
    const tagAt = body.length - TAG_BYTES;
    const decipher = createDecipheriv(AES, keyObject, nonce, TAG_OPTION);
    decipher.setAAD(additionalData);
    decipher.setAuthTag(body.subarray(tagAt));
    const plaintext = decipher.update(body.subarray(0, tagAt));
    try {
      decipher.final();
      return plaintext;
    } catch {
      plaintext.fill(0);
      return undefined;
    }
  },
};
