// Changes a key file that is in use: adds a master key, or makes another one current. The other keys stay unchanged.
import { type FileHandle, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { loadKeyFile, syncFolder } from './key-file.js';
import { type Keyring, KeyringError, printKeyring, withFreshKey } from './local-keyring.js';

/**
 * Adds a new master key and returns its id. The key wraps nothing until it is made current: every instance must have it
 * before any instance wraps with it.
 */
export function addMasterKey(path: string): Promise<string> {
  return change(path, ({ current, keys }) => {
    const { id, keys: more } = withFreshKey(keys);
    return { keyring: { current, keys: more }, result: id };
  });
}

/** Makes one of the file's master keys the current one, which from now on wraps new data keys. */
export async function useMasterKey(path: string, id: string): Promise<void> {
  await change(path, ({ keys }) => {
    if (!keys.has(id)) {
      const known = [...keys.keys()].join(', ');
      throw new KeyringError(
        'unknown-master-key',
        `key file ${path}`,
        `it has no master key "${id}"`,
        `it has ${known}`,
      );
    }
    return { keyring: { current: id, keys }, result: undefined };
  });
}

/**
 * Replaces the file with its changed content, atomically and durably: a concurrent reader gets either the old or the
 * new content. The draft has a fixed name and is created exclusively, so that only one change runs at a time: of two
 * concurrent changes, one would lose the other's new key.
 */
async function change<T>(path: string, edit: (keyring: Keyring) => { keyring: Keyring; result: T }): Promise<T> {
  // Loading the file first gives a missing one the error message that says how to create it. The real path is needed
  // because a rename would replace a symbolic link instead of the file it points to.
  await loadKeyFile(path);
  const target = await realpath(path);
  const draft = `${target}.new`;
  const handle = await openDraft(draft);
  try {
    const { keyring, result } = edit((await loadKeyFile(target)).keyring);
    await keepOwner(handle, target);
    await handle.writeFile(printKeyring(keyring));
    await handle.sync();
    await rename(draft, target);
    await syncFolder(dirname(target));
    return result;
  } catch (error) {
    await rm(draft, { force: true });
    throw error instanceof KeyringError ? error : unwritable(target, error);
  } finally {
    await handle.close();
  }
}

async function openDraft(draft: string): Promise<FileHandle> {
  try {
    return await open(draft, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(draft, error);
    throw new KeyringError(
      'exists',
      `key file ${draft}`,
      'another change is under way, or was cut short',
      'wait for it, or delete that file if nothing is running',
    );
  }
}

/** The command may run as root on a file of the service's user, who must be able to read it afterwards. */
async function keepOwner(draft: FileHandle, target: string): Promise<void> {
  const original = await open(target, 'r');
  try {
    const [wanted, actual] = [await original.stat(), await draft.stat()];
    if (wanted.uid !== actual.uid || wanted.gid !== actual.gid) await draft.chown(wanted.uid, wanted.gid);
  } finally {
    await original.close();
  }
}

function unwritable(path: string, error: unknown): KeyringError {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  return new KeyringError('unwritable', `key file ${path}`, `it cannot be changed (${code})`, 'run this as its owner');
}
