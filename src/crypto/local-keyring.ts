// The local keyring: several master keys, each with an id, and the key provider that wraps data keys with them.
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { KeyProvider, WrappedKey } from './key-provider.js';

/** Master keys by id. `current` wraps new data keys; the others only unwrap what they wrapped earlier. */
export interface Keyring {
  readonly current: string;
  readonly keys: ReadonlyMap<string, KeyObject>;
}

export type KeyringReason =
  | 'missing'
  | 'exists'
  | 'unreadable'
  | 'unwritable'
  | 'exposed'
  | 'malformed'
  | 'unknown-master-key'
  | 'forbidden'
  | 'unsupported'
  | 'unwrap-refused';

/** A problem with master keys. The message is one line of place, problem and remedy, and never has any key material. */
export class KeyringError extends Error {
  readonly reason: KeyringReason;

  constructor(reason: KeyringReason, place: string, problem: string, remedy: string) {
    super(`${place}: ${problem}; ${remedy}`);
    this.name = 'KeyringError';
    this.reason = reason;
  }
}

const KEYRING_VERSION = 1;
const MASTER_KEY_BYTES = 32;
const WRAP_FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

// An id is shorter than any encoding of a 256-bit key (43 base64 characters). So a key that was put in the place of its
// id is rejected, and ids may be quoted in messages.
const KEY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;

/**
 * Parses the text of a key file; `place` is how error messages refer to it.
 *
 * The error of `JSON.parse` is dropped instead of attached as the cause, because its message quotes the text.
 */
export function parseKeyring(text: string, place = 'keyring'): Keyring {
  const malformed = (problem: string, remedy: string) => new KeyringError('malformed', place, problem, remedy);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw malformed('it is not valid JSON', 'restore it from your backup');
  }
  if (!isObject(parsed)) throw malformed('it is not a JSON object', 'expected "version", "current" and "keys"');
  const { version, current, keys, ...unknown } = parsed;
  if (version !== KEYRING_VERSION) {
    throw malformed('its "version" is missing or unknown', `expected "version": ${KEYRING_VERSION}`);
  }
  if (Object.keys(unknown).length > 0) {
    throw malformed('it has an unknown field', 'expected only "version", "current" and "keys"');
  }
  if (!isObject(keys)) throw malformed('"keys" is not an object', 'expected key ids with one base64 key each');
  if (Object.keys(keys).length === 0) throw malformed('"keys" is empty', 'add at least one key');

  const masterKeys = new Map<string, KeyObject>();
  for (const [id, encoded] of Object.entries(keys)) {
    if (!KEY_ID.test(id)) {
      throw malformed('an id in "keys" is malformed', 'expected 1 to 32 letters, digits, dots, dashes or underscores');
    }
    const key = decodeMasterKey(encoded);
    if (!key) throw malformed(`the key "${id}" is malformed`, 'expected the padded base64 of exactly 32 bytes');
    masterKeys.set(id, key);
  }
  if (typeof current !== 'string' || !masterKeys.has(current)) {
    throw malformed('"current" names no key of "keys"', `set it to one of ${[...masterKeys.keys()].join(', ')}`);
  }
  return { current, keys: masterKeys };
}

/** The text of a new key file with one newly generated master key. */
export function generateKeyring(): string {
  const { id, keys } = withFreshKey(new Map());
  return printKeyring({ current: id, keys });
}

/** The text of a key file, which `parseKeyring` can read. */
export function printKeyring({ current, keys }: Keyring): string {
  const encoded = [...keys].map(([id, key]) => [id, key.export().toString('base64')]);
  return `${JSON.stringify({ version: KEYRING_VERSION, current, keys: Object.fromEntries(encoded) }, null, 2)}\n`;
}

/** The same keys followed by a newly generated one with an unused id. */
export function withFreshKey(keys: Keyring['keys']): { id: string; keys: Keyring['keys'] } {
  let id: string;
  do {
    id = `k-${randomBytes(4).toString('hex')}`;
  } while (keys.has(id));
  const bytes = randomBytes(MASTER_KEY_BYTES);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return { id, keys: new Map([...keys, [id, key]]) };
}

/** Minimum time between two reloads of the key file that are caused by unknown master keys. */
const RELOAD_EVERY_MS = 1_000;

/**
 * Wraps data keys with AES-256-GCM under the keyring's current key.
 *
 * Layout of a wrapped key: 1 byte format, 12 bytes nonce, ciphertext, 16 bytes tag. Format, master key id and context
 * are the additional authenticated data.
 *
 * With `reload` the keyring may change while the service is running. Every wrap reloads it first: a data key that is
 * wrapped under a master key which is about to be removed, or is no longer in any file, would be lost together with
 * that key. An unwrap reloads it only when it does not know the master key.
 */
export function localKeyProvider(initial: Keyring, reload?: () => Promise<Keyring>): KeyProvider {
  let keyring = initial;
  let reloading: Promise<void> | undefined;
  let reloadedAt = Number.NEGATIVE_INFINITY;

  function refresh(): Promise<void> {
    reloading ??= (async () => {
      try {
        if (reload) keyring = await reload();
      } finally {
        reloadedAt = performance.now();
        reloading = undefined;
      }
    })();
    return reloading;
  }

  async function refreshForUnknown(id: string): Promise<void> {
    if (!reload || keyring.keys.has(id)) return;
    if (reloading || performance.now() - reloadedAt >= RELOAD_EVERY_MS) await refresh();
  }

  function masterKey(id: string): KeyObject {
    const key = keyring.keys.get(id);
    if (!key) {
      throw new KeyringError(
        'unknown-master-key',
        `master key "${id}"`,
        'it is not in the keyring',
        'put the key with this id back into the key file',
      );
    }
    return key;
  }

  async function wrap(dataKey: Uint8Array, context: string): Promise<WrappedKey> {
    await refresh();
    const masterKeyId = keyring.current;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', masterKey(masterKeyId), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(additionalData(masterKeyId, context));
    const ciphertext = cipher.update(dataKey);
    cipher.final();
    return { masterKeyId, bytes: Buffer.concat([Buffer.of(WRAP_FORMAT), nonce, ciphertext, cipher.getAuthTag()]) };
  }

  async function unwrap({ masterKeyId, bytes }: WrappedKey, context: string): Promise<Uint8Array> {
    await refreshForUnknown(masterKeyId);
    const key = masterKey(masterKeyId);
    const refused = () =>
      new KeyringError(
        'unwrap-refused',
        `master key "${masterKeyId}"`,
        `it does not unwrap the key of "${context}"`,
        'the stored key was changed or moved, or the key file holds another key under this id',
      );
    const bodyEnd = bytes.length - TAG_BYTES;
    if (bytes[0] !== WRAP_FORMAT || bodyEnd <= 1 + NONCE_BYTES) throw refused();
    const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(additionalData(masterKeyId, context));
    decipher.setAuthTag(bytes.subarray(bodyEnd));
    const dataKey = decipher.update(bytes.subarray(1 + NONCE_BYTES, bodyEnd));
    try {
      decipher.final();
    } catch {
      dataKey.fill(0);
      throw refused();
    }
    return dataKey;
  }

  async function keyIds(): Promise<string[]> {
    await refresh();
    return [...keyring.keys.keys()];
  }

  async function currentKeyId(): Promise<string> {
    await refresh();
    return keyring.current;
  }

  // Throws right away when the keyring has no current key.
  masterKey(keyring.current);
  return { currentKeyId, keyIds, wrap, unwrap };
}

/**
 * The encoding is unambiguous because a key id contains no colon. It is UTF-16 because UTF-8 maps all lone surrogates
 * to the same character.
 */
function additionalData(masterKeyId: string, context: string): Buffer {
  return Buffer.from(`wrap:${WRAP_FORMAT}:${masterKeyId}:${context}`, 'utf16le');
}

function decodeMasterKey(encoded: unknown): KeyObject | undefined {
  if (typeof encoded !== 'string') return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  try {
    // Node ignores characters that are not base64. Only the canonical encoding of 32 bytes survives the round trip.
    if (bytes.length !== MASTER_KEY_BYTES || bytes.toString('base64') !== encoded) return undefined;
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
