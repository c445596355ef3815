// The interface for wrapping data keys. It hides where the master keys are: in a local keyring or in a key service.

/** The cause of an UNAVAILABLE error that comes from the key service. */
export class KeyServiceUnreachable extends Error {
  constructor(reason: string) {
    super(`the key service of TRANSIT_URL is not reachable (${reason})`);
    this.name = 'KeyServiceUnreachable';
  }
}

/** A data key that can only be unwrapped with the named master key; it is safe to store next to the data. */
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
  /** The master key that a wrap would use now; a stored key under another one should be wrapped anew. */
  currentKeyId(): Promise<string>;
  /** The ids of the master keys that it can list, among them the current one. It may be able to use others as well. */
  keyIds(): Promise<readonly string[]>;
  wrap(dataKey: Uint8Array, context: string): Promise<WrappedKey>;
  /** The caller owns the returned bytes and must zero them once it has made a key of them. */
  unwrap(wrapped: WrappedKey, context: string): Promise<Uint8Array>;
}
