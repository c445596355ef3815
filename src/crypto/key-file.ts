// The key file: reads the local keyring from disk, and creates a new file without ever overwriting an existing one.
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { exhaustionIn } from '../errors/exhaustion.js';
import { generateKeyring, type Keyring, KeyringError, parseKeyring } from './local-keyring.js';

export interface LoadedKeyFile {
  readonly keyring: Keyring;
  /** Problems that the operator should fix, though not at once; one line each, without key material. */
  readonly warnings: readonly string[];
}

const MODE_OWNER_ONLY = 0o600;
const OPEN_TO_GROUP_OR_OTHERS = 0o077;
const OPEN_BEYOND_GROUP_READ = 0o037;

export interface KeyFileOptions {
  /** Whether a file that other users may open is refused, as in production; otherwise it only causes a warning. */
  ownerOnly?: boolean | undefined;
}

/** Reads a key file. Rejects with a `KeyringError` if it is missing or malformed, or open to others where that matters. */
export async function loadKeyFile(path: string, { ownerOnly = false }: KeyFileOptions = {}): Promise<LoadedKeyFile> {
  const place = placeOf(path);
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    // The mode is that of the open file, not of the path, so that it belongs to the file that is read even if another
    // file takes its name in between.
    const { mode, uid } = await handle.stat();
    const isExposed = process.platform !== 'win32' && (mode & forbiddenBits(uid)) !== 0;
    const problem = `it is open to group or others (mode ${octal(mode)})`;
    const remedy = `restrict it: chmod 600 ${path}`;
    if (isExposed && ownerOnly) throw new KeyringError('exposed', place, problem, remedy);
    const bytes = await handle.readFile();
    const text = bytes.toString('utf8');
    bytes.fill(0);
    return { keyring: parseKeyring(text, place), warnings: isExposed ? [`${place}: ${problem}; ${remedy}`] : [] };
  } catch (error) {
    if (error instanceof KeyringError) throw error;
    const exhaustion = exhaustionIn(error);
    if (exhaustion) throw exhaustion;
    if (codeOf(error) === 'ENOENT') {
      throw new KeyringError(
        'missing',
        place,
        'it does not exist',
        'restore it from your backup, or, if nothing is sealed yet, create one: npm run master-key -- FILE',
      );
    }
    throw new KeyringError(
      'unreadable',
      place,
      `it cannot be read (${codeOf(error)})`,
      'give this process a regular file it may read',
    );
  } finally {
    await handle?.close();
  }
}

/**
 * Creates a key file with one new master key and mode 0600. When several processes try at once, exactly one succeeds;
 * the others get a `KeyringError` with reason `exists` and can load the file of the one that did.
 */
export async function createKeyFile(path: string): Promise<void> {
  const text = generateKeyring();
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeNew(draft, text);
    try {
      // A hard link is as exclusive as O_EXCL, and the name appears together with the complete content. So neither a
      // process that lost the race nor one that is started after a crash can read a partial file.
      await link(draft, path);
    } catch (error) {
      if (!UNSUPPORTED.has(codeOf(error))) throw error;
      await writeNew(path, text);
    }
    await syncFolder(dirname(path));
  } catch (error) {
    const place = placeOf(path);
    if (codeOf(error) === 'EEXIST') {
      throw new KeyringError('exists', place, 'it exists already', 'use it; it is never overwritten');
    }
    throw new KeyringError(
      'unwritable',
      place,
      `it cannot be created (${codeOf(error)})`,
      'choose an existing folder this process may write',
    );
  } finally {
    await rm(draft, { force: true });
  }
}

/** Error codes where hard links or folder syncs are not supported: FAT, some network mounts, Windows. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  'EACCES',
  'EINVAL',
  'EISDIR',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EPERM',
]);

/** The file is durable before this returns: data sealed under a key that is lost in a power failure is lost, too. */
async function writeNew(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', MODE_OWNER_ONLY);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a new name in the folder durable, on systems where a folder can be opened and synced. */
export async function syncFolder(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    await handle.sync();
  } catch (error) {
    if (!UNSUPPORTED.has(codeOf(error))) throw error;
  } finally {
    await handle?.close();
  }
}

/** The rule of Postgres for private keys: a file of root's may be readable by the group of a service that is not root. */
function forbiddenBits(owner: number): number {
  const isRoots = owner === 0 && process.geteuid?.() !== 0;
  return isRoots ? OPEN_BEYOND_GROUP_READ : OPEN_TO_GROUP_OR_OTHERS;
}

/** The permission bits of a mode, as chmod takes them. */
export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function placeOf(path: string): string {
  return `key file ${path}`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}
