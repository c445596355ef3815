// One process per data folder: PGlite itself lets a second one in, and then one of the two loses its commits.
import { randomUUID } from 'node:crypto';
import { constants, open, readdir, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
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
  await listen(server, address).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EADDRINUSE' ? new DataFolderInUse(folder) : error;
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });
}

/** What a file system answers that knows no sockets: FAT, some network and shared folders. */
const NO_SOCKETS: ReadonlySet<unknown> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'ENOSYS']);
const SOCKET_NAME = /^owner.*\.sock$/;
const ASK_AGAIN_MS = 50;
/** How long to wait for a rival that neither takes the folder nor gives up. */
const PATIENCE_MS = 10_000;

/**
 * A socket of one's own in the folder first, then a look at the others': of any two rivals the later look sees the other
 * one. Whoever is told that the folder is held, or sees a rival with a lower name, gives up; with none but higher ones it
 * waits until they have. Names are never used twice, so that nobody removes what somebody else has just taken over.
 */
async function claimSocketIn(folder: string): Promise<() => Promise<void>> {
  // Socket addresses are short, folders may be long: the way through the descriptor always fits.
  const handle = await open(folder, 'r');
  const place = `/proc/self/fd/${handle.fd}`;
  const own = `owner-${randomUUID()}.sock`;
  let held = false;
  const server = createServer((socket) => socket.on('error', () => {}).end(held ? 'held' : 'contended'));
  const release = async () => {
    await new Promise((resolve) => server.close(resolve));
    await handle.close();
  };
  try {
    await listen(server, join(place, own));
    const dead = await outlast(place, own, folder);
    held = true;
    for (const name of dead) await rm(join(place, name), { force: true });
    server.unref();
    return release;
  } catch (error) {
    await release();
    // The name outside the file system holds all the same; only containers are not told apart.
    if (NO_SOCKETS.has((error as NodeJS.ErrnoException).code)) return async () => {};
    throw error;
  }
}

/** Resolves with the names that dead owners have left once no rival is alive; rejects when one has or gets the folder. */
async function outlast(place: string, own: string, folder: string): Promise<string[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const names = (await readdir(place)).filter((name) => SOCKET_NAME.test(name));
    const others = names.filter((name) => name !== own);
    const states = await Promise.all(others.map((name) => ask(join(place, name), deadline)));
    const alive = others.filter((_, index) => states[index] !== 'dead');
    // A new owner may have taken ours for a dead one's just before we listened.
    const isLost = !names.includes(own) || states.includes('held') || alive.some((name) => name < own);
    if (isLost || performance.now() > deadline) throw new DataFolderInUse(folder);
    if (alive.length === 0) return others;
    await setTimeout(ASK_AGAIN_MS);
  }
}

function ask(path: string, deadline: number): Promise<'held' | 'contended' | 'dead'> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    socket.setTimeout(Math.max(1, deadline - performance.now()), () => socket.destroy());
    socket.once('close', () => resolve(answer === 'held' ? 'held' : 'contended'));
    // Only these two say that nobody is there; a full backlog, for one, says the opposite.
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'ENOENT' || code === 'ECONNREFUSED' ? 'dead' : 'contended'),
    );
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
