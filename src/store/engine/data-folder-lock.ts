// Locks the data folder for one process. PGlite itself admits a second one, and then one of the two loses its commits.
import { randomUUID } from 'node:crypto';
import { constants, open, readdir, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { makeFolder } from './folder.js';

/** Another process holds the lock of the data folder. */
export class DataFolderInUse extends Error {
  constructor(folder: string) {
    super(`the data folder ${folder} is in use by another process; stop that one or set DATA_DIR to another folder`);
    this.name = 'DataFolderInUse';
  }
}

/**
 * Locks the folder for this process until the returned function is called or the process ends, in whatever way: the
 * kernel releases the lock together with the process, so even kill -9 leaves no stale lock. Rejects with
 * DataFolderInUse.
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  await makeFolder(folder);
  return process.platform === 'linux' || process.platform === 'win32' ? lockByName(folder) : lockByFile(folder);
}

/**
 * Linux and Windows: listens on a socket name outside the file system. The name consists of the folder's device and
 * inode numbers, which are the same for every spelling of its path. On Linux such a name is only known in its network
 * namespace; so a second socket, inside the folder, excludes processes in other containers that share the volume.
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

/** Listens at an address; throws DataFolderInUse when another process already does. */
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

/** Error codes of file systems that do not support sockets: FAT, some network and shared folders. */
const NO_SOCKETS: ReadonlySet<unknown> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'ENOSYS']);
const SOCKET_NAME = /^owner.*\.sock$/;
const RETRY_MS = 50;
/** How long to wait for a rival that neither takes the folder nor gives up. */
const TIMEOUT_MS = 10_000;

/**
 * Locks the folder by an election among the processes that want it. Each process first creates a socket of its own in
 * the folder, then looks for the sockets of others: of any two rivals, the one that looks later sees the other. A
 * process gives up when a rival responds that it holds the folder, or when a rival has a lower name; as long as all
 * rivals have higher names, it waits for them to give up. Names are never reused, so that no process removes the socket
 * of another one that has just taken the name over.
 */
async function claimSocketIn(folder: string): Promise<() => Promise<void>> {
  // The length of a socket address is limited, and the path of the folder may be longer: the path through the file
  // descriptor always fits.
  const handle = await open(folder, 'r');
  const place = `/proc/self/fd/${handle.fd}`;
  const own = `owner-${randomUUID()}.sock`;
  let isHolder = false;
  const server = createServer((socket) => socket.on('error', () => {}).end(isHolder ? 'held' : 'contended'));
  const release = async () => {
    await new Promise((resolve) => server.close(resolve));
    await handle.close();
  };
  try {
    await listen(server, join(place, own));
    const dead = await awaitRivals(place, own, folder);
    isHolder = true;
    for (const name of dead) await rm(join(place, name), { force: true });
    server.unref();
    return release;
  } catch (error) {
    await release();
    // The name outside the file system is still locked; only processes in other containers are not excluded.
    if (NO_SOCKETS.has((error as NodeJS.ErrnoException).code)) return async () => {};
    throw error;
  }
}

/**
 * Resolves with the socket names that dead processes have left, once no rival is alive. Rejects when a rival holds the
 * folder or wins it.
 */
async function awaitRivals(place: string, own: string, folder: string): Promise<string[]> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const names = (await readdir(place)).filter((name) => SOCKET_NAME.test(name));
    const others = names.filter((name) => name !== own);
    const states = await Promise.all(others.map((name) => probe(join(place, name), deadline)));
    const alive = others.filter((_, index) => states[index] !== 'dead');
    // A new holder may have removed this process's socket as a dead one, just before this process began to listen.
    const isLost = !names.includes(own) || states.includes('held') || alive.some((name) => name < own);
    if (isLost || performance.now() > deadline) throw new DataFolderInUse(folder);
    if (alive.length === 0) return others;
    await setTimeout(RETRY_MS);
  }
}

function probe(path: string, deadline: number): Promise<'held' | 'contended' | 'dead'> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    socket.setTimeout(Math.max(1, deadline - performance.now()), () => socket.destroy());
    socket.once('close', () => resolve(answer === 'held' ? 'held' : 'contended'));
    // Only these two codes mean that no process is listening. A full backlog, for example, means the opposite.
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'ENOENT' || code === 'ECONNREFUSED' ? 'dead' : 'contended'),
    );
  });
}

/**
 * BSDs and macOS can lock a file on opening it (O_EXLOCK). Node passes the flag on, though it has no constant for it.
 */
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
