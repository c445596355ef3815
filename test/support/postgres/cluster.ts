// One temporary Postgres cluster: makes its data folder, runs its server, and leaves nothing behind.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, chown, cp, open, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Account, serverAccount, serverFolder } from './account.js';
import { type PostgresBinaries, versionOf } from './binaries.js';
import { hasEnded, startKeeper } from './keeper.js';

const run = promisify(execFile);

const READY_WITHIN_MS = 30_000;
const POLL_MS = 10;
const PORT_ATTEMPTS = 5;

export interface ClusterOptions {
  durable: boolean;
  sharedBuffers: string;
  /** The cluster to follow as a streaming standby. It is halted for a moment, to be copied. */
  primary?: Cluster;
}

export interface Cluster {
  url: string;
  version: string;
  logFile: string;
  /** Everything the server writes: its data and its log. */
  folder: string;
  /** Shuts the server down, and keeps its folder. */
  halt(): Promise<void>;
  /** Starts the server again, on the same port. With `isAwaited` false, it does not wait until the server is ready. */
  resume(isAwaited?: boolean): Promise<void>;
  stop(): Promise<void>;
}

export async function startCluster(binaries: PostgresBinaries, options: ClusterOptions): Promise<Cluster> {
  const account = serverAccount();
  const folder = await serverFolder(account);
  const keeper = startKeeper(folder);
  let server: ChildProcess | undefined;
  let stopped: Promise<void> | undefined;

  async function stopOnce(): Promise<void> {
    if (server) await shutDown(server);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    await keeper.release();
  }

  function stop(): Promise<void> {
    stopped ??= stopOnce();
    return stopped;
  }

  try {
    const bin = await binaries.prepare(folder);
    const version = await versionOf(bin);
    const { primary } = options;
    const password = primary ? new URL(primary.url).password : randomBytes(24).toString('hex');
    if (primary) await copyCluster(primary, folder, account);
    else await initialise(bin, folder, account, password, options);
    let port: number;
    ({ server, port } = await launch(bin, folder, account));
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      version,
      logFile: logFileOf(folder),
      folder,
      async halt() {
        if (server) await shutDown(server);
      },
      async resume(isAwaited = true) {
        server = await startOn(port, bin, folder, account);
        if (isAwaited) await untilReady(server, folder);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function initialise(
  bin: string,
  folder: string,
  account: Account | undefined,
  password: string,
  options: ClusterOptions,
): Promise<void> {
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  await run(
    join(bin, 'initdb'),
    [
      ...['-D', data, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
      ...['--encoding=UTF8', '--locale=C', '--no-instructions', ...(options.durable ? [] : ['--no-sync'])],
    ],
    { cwd: folder, env: cleanEnvironment(), ...account },
  );
  await unlink(passwordFile);
  await appendFile(join(data, 'postgresql.conf'), settings(folder, options));
}

function settings(folder: string, { durable, sharedBuffers }: ClusterOptions): string {
  // A socket's address has room for about a hundred bytes; a server without one is better than no server.
  const socketFolder = /^[\w./-]{1,80}$/.test(folder) ? folder : '';
  const lines = [
    `listen_addresses = '127.0.0.1'`,
    `unix_socket_directories = '${socketFolder}'`,
    'max_connections = 200',
    `shared_buffers = '${sharedBuffers}'`,
    'logging_collector = off',
    'log_statement = none',
    // What a failing statement was given is in the log, where no value may be.
    'log_parameter_max_length_on_error = -1',
  ];
  if (!durable) lines.push('fsync = off', 'full_page_writes = off', 'synchronous_commit = off');
  return `\n${lines.join('\n')}\n`;
}

/** The data of a server that was shut down, made that of a standby which follows it. */
async function copyCluster(primary: Cluster, folder: string, account: Account | undefined): Promise<void> {
  const data = join(folder, 'data');
  await primary.halt();
  await cp(join(primary.folder, 'data'), data, { recursive: true, preserveTimestamps: true });
  await primary.resume();
  const { hostname, port, password } = new URL(primary.url);
  await rm(join(data, 'postmaster.pid'), { force: true });
  await writeFile(join(data, 'standby.signal'), '');
  await appendFile(
    join(data, 'postgresql.conf'),
    `unix_socket_directories = ''\nprimary_conninfo = 'host=${hostname} port=${port} user=postgres password=${password}'\n`,
  );
  if (account) await run('chown', ['-R', `${account.uid}:${account.gid}`, data]);
}

/** Somebody else may take a free port before the server does: then another one is tried. */
async function launch(bin: string, folder: string, account: Account | undefined) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = await startOn(port, bin, folder, account);
    try {
      await untilReady(server, folder);
      return { server, port };
    } catch (error) {
      await shutDown(server);
      const written = await readFile(logFileOf(folder), 'utf8');
      if (attempt < PORT_ATTEMPTS && written.includes('Address already in use')) continue;
      throw new Error(`${String(error)}${written && `; its log says:\n${written.trimEnd()}`}`);
    }
  }
}

async function startOn(port: number, bin: string, folder: string, account: Account | undefined) {
  const log = await open(logFileOf(folder), 'w');
  const server = spawn(join(bin, 'postgres'), ['-D', join(folder, 'data'), '-p', String(port)], {
    cwd: folder,
    env: cleanEnvironment(),
    stdio: ['ignore', log.fd, log.fd],
    // Its own process group: Ctrl-C is for the test run, whose keeper then stops the server in good order.
    detached: true,
    ...account,
  });
  server.unref();
  await log.close();
  return server;
}

async function untilReady(server: ChildProcess, folder: string): Promise<void> {
  let failure: Error | undefined;
  server.once('error', (error) => {
    failure = error;
  });
  for (const started = performance.now(); performance.now() - started < READY_WITHIN_MS; await sleep(POLL_MS)) {
    if (failure) throw failure;
    if (hasEnded(server)) throw new Error(`postgres ended at once (${server.exitCode ?? server.signalCode})`);
    // What pg_ctl looks at, too: line 8 is the state.
    const lock = await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
    if (lock.split('\n')[7]?.trim() === 'ready') return;
  }
  throw new Error(`postgres was not ready within ${READY_WITHIN_MS} ms`);
}

/** SIGINT asks for a fast shutdown, SIGQUIT for an immediate one. Both end every process of the server. */
async function shutDown(server: ChildProcess): Promise<void> {
  // Awaiting alone does not keep Node running: without this a teardown with nothing else to do would end half-way.
  server.ref();
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (hasEnded(server)) return;
    const patience = AbortSignal.timeout(3_000);
    const ended = once(server, 'exit', { signal: patience }).catch(() => undefined);
    server.kill(signal);
    await ended;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1');
  return address.port;
}

/** The developer's own PG* settings, locale and time zone are none of the server's business. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}

function logFileOf(folder: string): string {
  return join(folder, 'server.log');
}
