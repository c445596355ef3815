// What a cipher of sealed values does, on views of the sealed value itself; and the one of them that OpenSSL has.
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
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
