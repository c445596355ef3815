// Changing a key file in use: a master key is added, or another one made current; the others stay as they are.
import { type FileHandle, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { loadKeyFile, syncFolder } from './key-file.js';
import { type Keyring, KeyringError, printKeyring, withFreshKey } from './local-keyring.js';

/** Adds a fresh master key and answers its id. It wraps nothing before it is current: every instance must have it first. */
export function addMasterKey(path: string): Promise<string> {
  return change(path, ({ current, keys }) => {
    const { id, keys: more } = withFreshKey(keys);
    return { keyring: { current, keys: more }, result: id };
  });
}

/** Makes one of the file's master keys the current one: from now on it wraps new data keys. */
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
 * Replaces the file by its changed content, at once and durably: whoever reads it meanwhile reads the old one or the new
 * one. One change at a time, by the exclusive name of the draft: of two at once, one would lose the other's new key.
 */
async function change<T>(path: string, edit: (keyring: Keyring) => { keyring: Keyring; result: T }): Promise<T> {
  // Refuses a missing file in the words that say how to make one; a rename would replace a link, not what it points to.
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

/** Root may change the file of the service's user; the service must be able to read it afterwards. */
async function keepOwner(draft: FileHandle, target: string): Promise<void> {
  const now = await open(target, 'r');
  try {
    const [was, is] = [await now.stat(), await draft.stat()];
    if (was.uid !== is.uid || was.gid !== is.gid) await draft.chown(was.uid, was.gid);
  } finally {
    await now.close();
  }
}

function unwritable(path: string, error: unknown): KeyringError {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  return new KeyringError('unwritable', `key file ${path}`, `it cannot be changed (${code})`, 'run this as its owner');
}
