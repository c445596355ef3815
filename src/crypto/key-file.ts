// The key file: the local keyring on disk, created once and never overwritten.
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { generateKeyring, type Keyring, KeyringError, parseKeyring } from './local-keyring.js';

export interface LoadedKeyFile {
  readonly keyring: Keyring;
  /** What the operator should mend but need not mend now; one line each, free of key material. */
  readonly warnings: readonly string[];
}

const MODE_OWNER_ONLY = 0o600;
const OPEN_TO_GROUP_OR_OTHERS = 0o077;

/** Reads a key file; refuses a missing or malformed one, warns about one that others may open. */
export async function loadKeyFile(path: string): Promise<LoadedKeyFile> {
  const place = placeOf(path);
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    // The open file is asked, not the path: a swap in between cannot pass off another file's mode.
    const { mode } = await handle.stat();
    const bytes = await handle.readFile();
    const text = bytes.toString('utf8');
    bytes.fill(0);
    return { keyring: parseKeyring(text, place), warnings: modeWarnings(path, mode) };
  } catch (error) {
    if (error instanceof KeyringError) throw error;
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
 * Creates a key file with one fresh master key, mode 0600. Of several processes that try at once exactly one succeeds;
 * the others get a `KeyringError` with reason `exists` and can load the winner's file.
 */
export async function createKeyFile(path: string): Promise<void> {
  const text = generateKeyring();
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeNew(draft, text);
    try {
      // A link is exclusive like O_EXCL, and the name appears with its whole content: a loser of the race, or a
      // process started after a crash, never reads half a file.
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

/** What hard links and folder syncs answer where there are none: FAT, some network mounts, Windows. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  'EACCES',
  'EINVAL',
  'EISDIR',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EPERM',
]);

/** Durable before it returns: whoever seals under a key that a power cut can take has lost the data. */
async function writeNew(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', MODE_OWNER_ONLY);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the new name itself durable, where a folder can be opened and synced. */
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

function modeWarnings(path: string, mode: number): string[] {
  if (process.platform === 'win32' || (mode & OPEN_TO_GROUP_OR_OTHERS) === 0) return [];
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  return [`${placeOf(path)}: it is open to group or others (mode ${octal}); restrict it with chmod 600`];
}

function placeOf(path: string): string {
  return `key file ${path}`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}
