// Refuses folders in production in which other users of the host could put a key file of their own.
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config/config.js';
import { octal } from '../crypto/key-file.js';

const WRITABLE_BY_GROUP_OR_OTHERS = 0o022;
/** In a folder with this bit, as /tmp has it, nobody can replace the files of others. */
const STICKY = 0o1000;

/**
 * Throws if other users may write the data folder or the folder of the key file. Folders that do not exist are skipped:
 * production makes none, and a missing key file is reported where it is read.
 */
export async function checkFolders({ dataDir, masterKeyFile }: Config): Promise<void> {
  // Even a sticky data folder is refused: commands look for a key file there, and others could put one.
  await checkFolder('data folder', dataDir, { allowSticky: false });
  if (masterKeyFile === undefined) return;
  const target = await realpath(masterKeyFile).catch(() => masterKeyFile);
  for (const folder of new Set([dirname(masterKeyFile), dirname(target)])) {
    await checkFolder('folder of the key file', folder, { allowSticky: true });
  }
}

async function checkFolder(what: string, folder: string, { allowSticky }: { allowSticky: boolean }): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (process.platform === 'win32' || !found?.isDirectory()) return;
  const isSafe = (found.mode & WRITABLE_BY_GROUP_OR_OTHERS) === 0 || (allowSticky && (found.mode & STICKY) !== 0);
  if (isSafe) return;
  throw new Error(
    `${what} ${folder}: group or others may write it (mode ${octal(found.mode)}); restrict it: chmod go-w ${folder}`,
  );
}
