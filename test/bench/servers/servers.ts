// Starts and stops the processes that are measured. Each one has its own port.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FloorReady, FloorSettings } from './floor.js';
import type { ProbeReply, ProbeRequest } from './probe.js';

export interface ServerProcess {
  url: string;
  pid: number;
  /** Asks the process for what only the process itself can tell. */
  ask(request: ProbeRequest): Promise<ProbeReply>;
  stop(): Promise<void>;
}

const PROBE = ['--import', new URL('./probe.js', import.meta.url).href];
/** This file runs in test/bench/dist/test/bench/servers. */
const PEERS = new URL('../../../../peers/', import.meta.url);
const PEER_NODE = fileURLToPath(new URL('node_modules/node/bin/node', PEERS));

export function startFloor(settings: FloorSettings): Promise<ServerProcess> {
  const script = fileURLToPath(new URL('./floor.js', import.meta.url));
  return startComparison('the floor', process.execPath, script, { FLOOR: JSON.stringify(settings) });
}

export interface PeerSettings {
  databaseUrl: string;
  poolSize: number;
}

/** Starts PostGraphile, and returns undefined where it is not installed. */
export async function startPeer(settings: PeerSettings): Promise<ServerProcess | undefined> {
  if (!existsSync(PEER_NODE)) return undefined;
  const script = fileURLToPath(new URL('server.mjs', PEERS));
  return startComparison('the peer', PEER_NODE, script, { PEER: JSON.stringify(settings) });
}

async function startComparison(
  name: string,
  node: string,
  script: string,
  env: Record<string, string>,
): Promise<ServerProcess> {
  const child = spawn(node, [...PROBE, script], {
    stdio: ['ignore', 2, 2, 'ipc'],
    env: { PATH: process.env.PATH, NODE_ENV: 'production', GRAPHILE_ENV: 'production', ...env },
  });
  const [ready] = (await Promise.race([once(child, 'message'), ended(child, name)])) as [FloorReady];
  return serverProcess(child, `http://127.0.0.1:${ready.port}`);
}

export interface ServiceSettings {
  /** This is the path of the built service, `dist/main.js`. */
  main: string;
  folder: string;
  databaseUrl: string;
  poolSize: number;
  keyFile: string;
  /** These variables are added to those that every service gets. */
  env?: Record<string, string>;
}

/** `npm start` has the same options. The second one collects garbage when the heap has doubled, not quadrupled. */
const FLAGS = ['--enable-source-maps', '--heap-growing-percent=100'];

/** Starts the service as `npm start` does in production, without any of our own environment variables. */
export async function startService(settings: ServiceSettings): Promise<ServerProcess> {
  const stdio: StdioOptions = ['ignore', 'pipe', 2, 'ipc'];
  const child = spawn(process.execPath, [...FLAGS, ...PROBE, settings.main], {
    cwd: settings.folder,
    stdio,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      LOG_LEVEL: 'error',
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE_URL: settings.databaseUrl,
      DATABASE_POOL_SIZE: String(settings.poolSize),
      MASTER_KEY_FILE: settings.keyFile,
      ...settings.env,
    },
  });
  const url = await Promise.race([announcedUrl(child), ended(child, 'the service')]);
  return serverProcess(child, url);
}

function serverProcess(child: ChildProcess, url: string): ServerProcess {
  const gone = ended(child, url);
  gone.catch(() => undefined);
  async function ask(request: ProbeRequest): Promise<ProbeReply> {
    const replied = once(child, 'message');
    child.send(request);
    const [reply] = (await Promise.race([replied, gone])) as [ProbeReply];
    if (reply.problem !== undefined) throw new Error(`${request.ask} failed: ${reply.problem}`);
    return reply;
  }
  return { url, pid: child.pid as number, ask, stop: () => stop(child) };
}

/** The first line that the service prints contains its address. */
function announcedUrl(child: ChildProcess): Promise<string> {
  let printed = '';
  return new Promise((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0];
      if (url !== undefined && printed.includes('\n')) resolve(url);
    });
  });
}

async function ended(child: ChildProcess, name: string): Promise<never> {
  const [code, signal] = await once(child, 'exit');
  throw new Error(`${name} ended too early (${code ?? signal})`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exit;
  clearTimeout(late);
}
