// The embedded database, which is the default: PGlite in this process, on a data folder that only one process may use.
import { appendFile, chmod, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { PGlite, type Transaction } from '@electric-sql/pglite';
import { dataDir as preparedDataFolder } from '@electric-sql/pglite-prepopulatedfs';
import { extract } from 'tar';
import { type Database, guarded, inTransaction, session } from './client.js';
import { lockDataFolder } from './data-folder-lock.js';
import { exists } from './folder.js';
import { withOneRetry } from './outage.js';

/** The default of 128 MB of shared buffers would be touched at every start, for a database with a single reader. */
const SETTINGS = '\nshared_buffers = 16MB\n';

/** Opens the database below `folder`, and creates it first if needed. Without a folder it is kept in memory. */
export async function openEmbedded(folder: string | undefined): Promise<Database> {
  const release = folder === undefined ? async () => {} : await lockDataFolder(folder);
  try {
    const pglite = await open(folder);
    const run = (target: PGlite | Transaction) => async (text: string, parameters: unknown[]) =>
      (await target.query<Record<string, unknown>>(text, parameters)).rows;
    return {
      kind: 'embedded',
      schema: undefined,
      ...session(run(pglite), (text) => pglite.exec(text)),
      transaction: (work) =>
        withOneRetry(() =>
          guarded(() => pglite.transaction((tx) => inTransaction(run(tx), (text) => tx.exec(text), work))),
        ),
      // Only this process uses the database, so there is no other process to notify or to listen to.
      notify: async () => {},
      listen: () => async () => {},
      async ping() {
        await guarded(() => pglite.query('select 1'));
        return { isWritable: true };
      },
      async close() {
        if (!pglite.closed) await pglite.close();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Whether there is a database below `folder`. */
export function hasEmbedded(folder: string): Promise<boolean> {
  return exists(join(folder, 'postgres'));
}

async function open(folder: string | undefined): Promise<PGlite> {
  if (folder === undefined) return PGlite.create({ loadDataDir: await preparedDataFolder() });
  const path = join(folder, 'postgres');
  if (!(await exists(path))) await initialise(path);
  try {
    return await PGlite.create(path);
  } catch (error) {
    throw new Error(`the embedded database in ${path} does not open; restore it from a backup, or move it away`, {
      cause: error,
    });
  }
}

/**
 * Unpacks a data folder that is already initialised, because initdb would take seconds and 800 MB. It is unpacked under
 * a temporary name first, so that a start that is killed half-way leaves no incomplete database behind.
 */
async function initialise(path: string): Promise<void> {
  const unfinished = `${path}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  const archive = (await preparedDataFolder()).stream() as ReadableStream<Uint8Array>;
  const problems: string[] = [];
  const onwarn = (code: string, message: string) => {
    // This one is reported for every entry: the paths in the archive begin with a slash, which is stripped.
    if (code !== 'TAR_ENTRY_INFO') problems.push(message);
  };
  await pipeline(Readable.fromWeb(archive), extract({ cwd: unfinished, onwarn }));
  if (problems.length > 0) throw new Error(`cannot unpack the database into ${path}: ${problems[0]}`);
  await appendFile(join(unfinished, 'postgresql.conf'), SETTINGS);
  await chmod(unfinished, 0o700);
  await rename(unfinished, path);
}
