// One process per data folder: PGlite itself lets a second one in, and then one of the two loses its commits.
import { rmSync, statSync } from 'node:fs';
import { constants, open, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { makeFolder } from './folder.js';

/** Another process holds the data folder. */
export class DataFolderInUse extends Error {
  constructor(folder: string) {
    super(`the data folder ${folder} is in use by another process; stop that one or set DATA_DIR to another folder`);
    this.name = 'DataFolderInUse';
  }
}

/**
 * Takes the folder for this process until the returned function is called or the process ends, however it ends: the
 * kernel drops the lock with the process, so kill -9 leaves nothing stale. Rejects with DataFolderInUse.
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  await makeFolder(folder);
  return process.platform === 'linux' || process.platform === 'win32' ? lockByName(folder) : lockByFile(folder);
}

/**
 * Linux and Windows: a socket name outside the file system, made of what identifies the folder under any spelling. On
 * Linux that name is the network namespace's own, so a socket in the folder tells containers apart that share a volume.
 */
async function lockByName(folder: string): Promise<() => Promise<void>> {
  const { dev, ino } = await stat(folder, { bigint: true });
  const name = `agent-secrets-gateway-${dev}-${ino}`;
  if (process.platform === 'win32') return claim(`\\\\.\\pipe\\${name}`, folder);
  const release = await claim(`\0${name}`, folder);
  try {
    const releaseSocket = await claimSocketIn(folder);
    return async () => {
      await releaseSocket();
      await release();
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Listens at an address; DataFolderInUse when somebody else does. */
async function claim(address: string, folder: string): Promise<() => Promise<void>> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new DataFolderInUse(folder) : error),
    );
    server.listen(address, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

/** What a file system answers that knows no sockets: FAT, some network and shared folders. */
const NO_SOCKETS: ReadonlySet<unknown> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'ENOSYS']);
/** How long another one that found the same dead owner may take from its last look at it to its removal. */
const SETTLE_MS = 100;

/** The name outlives its process after kill -9; then nobody answers at it, and it is taken over. */
async function claimSocketIn(folder: string): Promise<() => Promise<void>> {
  // Socket addresses are short, folders may be long: the way through the descriptor always fits.
  const handle = await open(folder, 'r');
  const path = `/proc/self/fd/${handle.fd}/owner.sock`;
  try {
    const dead = identityOf(path);
    if (await answers(path)) throw new DataFolderInUse(folder);
    // Looked at and removed in one go: meanwhile it may have become somebody's who is alive.
    if (dead && identityOf(path) === dead) rmSync(path, { force: true });
    const release = await claim(path, folder);
    const own = identityOf(path);
    if (dead) await setTimeout(SETTLE_MS);
    if (own === undefined || identityOf(path) !== own) {
      // Closing would remove the name, which is somebody else's now; it ends with this process.
      throw new DataFolderInUse(folder);
    }
    return async () => {
      await release();
      await handle.close();
    };
  } catch (error) {
    await handle.close();
    // The name outside the file system holds all the same; only containers are not told apart.
    if (NO_SOCKETS.has((error as NodeJS.ErrnoException).code)) return async () => {};
    throw error;
  }
}

/** Numbers of removed files are used again, moments of change are not. */
function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.ino} ${found.ctimeNs}`;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    // Only these two say that nobody is there; a full backlog, for one, says the opposite.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ENOENT' && code !== 'ECONNREFUSED'));
  });
}

/** The BSDs and macOS lock a file as they open it (O_EXLOCK), which Node passes through though it does not name it. */
async function lockByFile(folder: string): Promise<() => Promise<void>> {
  const O_EXLOCK = 0x20;
  try {
    const file = await open(
      join(folder, 'lock'),
      constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK,
    );
    return () => file.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') throw new DataFolderInUse(folder);
    throw error;
  }
}
