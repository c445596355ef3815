// What wraps data keys: the one seam behind which master keys live, in a local keyring or in a key service.

/** The cause of an UNAVAILABLE that is the key service's. */
export class KeyServiceUnreachable extends Error {
  constructor(trouble: string) {
    super(`the key service of TRANSIT_URL is not reachable (${trouble})`);
    this.name = 'KeyServiceUnreachable';
  }
}

/** A data key that only the holder of the named master key can use; safe to store beside the data. */
export interface WrappedKey {
  readonly masterKeyId: string;
  readonly bytes: Uint8Array;
}

/**
 * Wraps and unwraps data keys. Master keys never leave the provider.
 *
 * `context` is authenticated but not stored: it names the environment, purpose and version a key was made for, so that
 * a wrapped key copied to another row does not unwrap there.
 */
export interface KeyProvider {
  /** The master key that a wrap would use now; a stored key under another id is due for a re-wrap. */
  currentKeyId(): Promise<string>;
  /** The master keys it can name without being asked for one, the current one among them. */
  keyIds(): Promise<readonly string[]>;
  wrap(dataKey: Uint8Array, context: string): Promise<WrappedKey>;
  /** The caller owns the returned bytes and zeroes them once they are a `KeyObject`. */
  unwrap(wrapped: WrappedKey, context: string): Promise<Uint8Array>;
}
