// A key provider whose master keys are in a Transit engine (Vault, OpenBao). The engine wraps and unwraps data keys,
// and its own keys never leave it.
import { randomBytes } from 'node:crypto';
import { AppError } from '../errors/errors.js';
import { withCause } from '../errors/refusals.js';
import { type KeyProvider, KeyServiceUnreachable, type WrappedKey } from './key-provider.js';
import { KeyringError } from './local-keyring.js';
import { type TransitConnection, TransitRefusal, transitClient } from './transit-client.js';

export interface TransitOptions extends TransitConnection {
  /** The path at which the engine is mounted. */
  readonly mount: string;
  /** The name of a key in the engine. Its type must be an AEAD, for example aes256-gcm96. */
  readonly key: string;
}

/** Marks the key ids of Transit: an id of a local keyring contains no colon. */
const PREFIX = 'transit:';
const RETRY_AFTER_SECONDS = 5;
const CIPHERTEXT = /^vault:v([1-9]\d{0,8}):[A-Za-z0-9+/]+=*$/;

/** Whether a stored data key was wrapped by a Transit engine. */
export function isTransitKeyId(masterKeyId: string): boolean {
  return masterKeyId.startsWith(PREFIX);
}

/**
 * Checks that the service responds, that the token may use the key, and that the key really authenticates the wrap
 * context. Rejects with a KeyringError, or with UNAVAILABLE, whose cause says more.
 */
export async function openTransitKeyProvider(options: TransitOptions): Promise<KeyProvider> {
  const provider = transitKeyProvider(options);
  const place = placeOf(options);
  const wrapped = await provider.wrap(randomBytes(32), 'check:1');
  const opened = await provider.unwrap(wrapped, 'check:2').catch((error: unknown) => {
    if (error instanceof KeyringError && error.reason === 'unwrap-refused') return undefined;
    throw error;
  });
  if (opened) {
    const remedy = 'use an AEAD key such as aes256-gcm96, in a version of the service that knows associated_data';
    throw new KeyringError('unsupported', place, 'it does not bind associated_data', remedy);
  }
  return provider;
}

/**
 * A wrapped key is stored as the text of the service's ciphertext. The context is passed as associated data. The
 * version of the Transit key is part of the ciphertext and of the master key id, so a rotation in Transit makes a new
 * master key here.
 */
function transitKeyProvider(options: TransitOptions): KeyProvider {
  const client = transitClient(options);
  const place = placeOf(options);
  const idOf = (version: string | number) => `${PREFIX}${pathOf(options)}:v${version}`;

  async function post(verb: 'encrypt' | 'decrypt', body: object): Promise<Record<string, unknown>> {
    try {
      return await client.post(`${options.mount}/${verb}/${options.key}`, body);
    } catch (error) {
      if (error instanceof TransitRefusal && !isAboutCiphertext(error))
        throw refusing(keyringErrorFrom(error, options));
      throw error instanceof KeyringError ? refusing(error) : error;
    }
  }

  async function wrap(plaintext: Uint8Array, context: string): Promise<WrappedKey> {
    const data = await post('encrypt', { plaintext: base64(plaintext), associated_data: associatedData(context) });
    const ciphertext = String(data.ciphertext);
    const version = CIPHERTEXT.exec(ciphertext)?.[1];
    if (version === undefined)
      throw new KeyringError('unsupported', place, 'its answer is no ciphertext', 'check TRANSIT_URL');
    return { masterKeyId: idOf(version), bytes: Buffer.from(ciphertext) };
  }

  async function unwrap({ masterKeyId, bytes }: WrappedKey, context: string): Promise<Uint8Array> {
    const of = `master key "${masterKeyId}"`;
    const refused = () =>
      new KeyringError(
        'unwrap-refused',
        of,
        `it does not unwrap the key of "${context}"`,
        'the stored key was changed or moved, or Transit holds another key of this name',
      );
    const ciphertext = Buffer.from(bytes).toString('latin1');
    const version = CIPHERTEXT.exec(ciphertext)?.[1];
    if (!masterKeyId.startsWith(idOf(''))) {
      throw new KeyringError(
        'unknown-master-key',
        of,
        `it is not in ${place}`,
        'set TRANSIT_MOUNT and TRANSIT_KEY to it',
      );
    }
    if (version === undefined || masterKeyId !== idOf(version)) throw refused();
    try {
      const data = await post('decrypt', { ciphertext, associated_data: associatedData(context) });
      return Buffer.from(String(data.plaintext), 'base64');
    } catch (error) {
      if (!(error instanceof TransitRefusal)) throw error;
      if (!error.problems.some((problem) => problem.includes('too old'))) throw refused();
      const remedy = 'lower it until npm run rotate -- master-key has re-wrapped what is under this version';
      throw new KeyringError('unknown-master-key', of, 'it is below min_decryption_version', remedy);
    }
  }

  /** The version is only found in a ciphertext; reading it from the key itself would require another permission. */
  async function currentKeyId(): Promise<string> {
    return (await wrap(randomBytes(32), 'check:current')).masterKeyId;
  }

  return { currentKeyId, keyIds: async () => [await currentKeyId()], wrap, unwrap };
}

/**
 * The service is there but does not serve: whoever looks after it has to change something, and nothing has to be
 * changed here. The operator finds the cause in the log.
 */
function refusing(cause: KeyringError): AppError {
  const what = cause.reason === 'missing' ? 'does not know its key' : 'refuses this service';
  const details = { retryAfter: RETRY_AFTER_SECONDS, forOperator: cause.message };
  return withCause(new AppError('UNAVAILABLE', `The key service ${what}, try again later`, details), cause);
}

/** Whether an error response is about the stored bytes, not about the key, the token or the mount. */
function isAboutCiphertext({ problems }: TransitRefusal): boolean {
  if (problems.some(isNewer)) return false;
  return problems.some((problem) => /authentication failed|unable to decrypt|invalid ciphertext|too old/.test(problem));
}

/** The stored key was wrapped by a version of the key that the service does not have. */
function isNewer(problem: string): boolean {
  return problem.includes('too new');
}

function keyringErrorFrom({ status, problems }: TransitRefusal, options: TransitOptions): KeyringError {
  const place = placeOf(options);
  const { mount, key } = options;
  if (status === 403) {
    const remedy = `give a token that may update ${mount}/encrypt/${key} and ${mount}/decrypt/${key}`;
    return new KeyringError('forbidden', place, 'permission denied', remedy);
  }
  if (status === 404 || problems.some((problem) => problem.includes('not found') || isNewer(problem))) {
    return new KeyringError(
      'missing',
      place,
      'there is no such key',
      'make it, or set TRANSIT_MOUNT and TRANSIT_KEY to yours',
    );
  }
  // The service's own message is left out, because it may quote the request.
  return new KeyringError('unsupported', place, `the service answered ${status}`, 'see its audit log');
}

/** Whether this is what an UNAVAILABLE error of the key service has as its cause. Its message is for the operator. */
export function isOfKeyService(cause: unknown): cause is KeyringError | KeyServiceUnreachable {
  return cause instanceof KeyringError || cause instanceof KeyServiceUnreachable;
}

function placeOf(options: TransitOptions): string {
  return `Transit key ${pathOf(options)}`;
}

function pathOf({ namespace, mount, key }: TransitOptions): string {
  return [namespace, mount, key].filter(Boolean).join('/');
}

/** The Transit key may also serve other purposes. The prefix makes ciphertexts of those invalid here. */
function associatedData(context: string): string {
  return base64(Buffer.from(`agent-secrets-gateway:wrap:1:${context}`));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
