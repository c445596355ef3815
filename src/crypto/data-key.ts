// One version of an environment's data key. Its bytes are in a buffer of their own, which is overwritten when the key is
// collected: after it has left the cache and the last holder has let go of it.
import { createHash, createSecretKey, type KeyObject } from 'node:crypto';

const DATA_KEY_BYTES = 32;
const ID_PREFIX = 'agent-secrets-gateway:data-key-id:1\0';
const ID_BYTES = 16;

/**
 * Not the cache itself overwrites them, because a list or a change set may still use a key that the cache has dropped:
 * a value that it seals would then be sealed under zeros.
 */
const overwritten = new FinalizationRegistry<Uint8Array>((bytes) => bytes.fill(0));

/** The bytes are behind a getter, so that they are not in what prints objects: logs, errors, JSON. */
export class DataKey {
  readonly version: number;
  /** Tells this key from others of the same version; it says nothing about the bytes. */
  readonly id: Uint8Array;
  readonly #bytes: Uint8Array;
  #keyObject: KeyObject | undefined;

  /** Copies the bytes; the caller must overwrite its own. */
  constructor(version: number, bytes: Uint8Array) {
    if (bytes.length !== DATA_KEY_BYTES) throw new RangeError(`a data key has ${DATA_KEY_BYTES} bytes`);
    this.version = version;
    this.id = createHash('sha256').update(ID_PREFIX).update(bytes).digest().subarray(0, ID_BYTES);
    this.#bytes = Uint8Array.from(bytes);
    overwritten.register(this, this.#bytes);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The key as `node:crypto` is fastest with it. OpenSSL overwrites this copy when it is collected. */
  get keyObject(): KeyObject {
    this.#keyObject ??= createSecretKey(this.#bytes);
    return this.#keyObject;
  }
}
