// The processes that are measured: each alone, on a port of its own, started and stopped by the run.
import { type ChildProcess, fork, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FloorReady, FloorSettings } from './floor.js';
import type { ProfilerReply, ProfilerRequest } from './profiler.js';

export interface ServerProcess {
  url: string;
  pid: number;
  /** Profiles what the server does between the calls; where the service was started for it. */
  profile?: { start(): Promise<void>; stop(file: string): Promise<void> };
  stop(): Promise<void>;
}

const PROFILER = ['--import', new URL('./profiler.js', import.meta.url).href];

export async function startFloor(settings: FloorSettings, profiled: boolean): Promise<ServerProcess> {
  const child = fork(fileURLToPath(new URL('./floor.js', import.meta.url)), {
    stdio: ['ignore', 2, 2, 'ipc'],
    execArgv: profiled ? PROFILER : [],
    env: { PATH: process.env.PATH, FLOOR: JSON.stringify(settings) },
  });
  const [ready] = (await Promise.race([once(child, 'message'), ended(child, 'the floor')])) as [FloorReady];
  return serverProcess(child, `http://127.0.0.1:${ready.port}`, profiled);
}

export interface ServiceSettings {
  /** The built service: `dist/main.js`. */
  main: string;
  folder: string;
  databaseUrl: string;
  poolSize: number;
  keyFile: string;
  profiled: boolean;
  /** On top of what every service is told. */
  env?: Record<string, string>;
}

/** Those of `npm start`. The second collects garbage when the heap has doubled, not when it has grown fourfold. */
const FLAGS = ['--enable-source-maps', '--heap-growing-percent=100'];

/** As in production: what `npm start` runs, with nothing of our own environment. */
export async function startService(settings: ServiceSettings): Promise<ServerProcess> {
  const stdio: StdioOptions = ['ignore', 'pipe', 2, ...(settings.profiled ? (['ipc'] as const) : [])];
  const child = spawn(process.execPath, [...FLAGS, ...(settings.profiled ? PROFILER : []), settings.main], {
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
  return serverProcess(child, url, settings.profiled);
}

function serverProcess(child: ChildProcess, url: string, profiled: boolean): ServerProcess {
  const pid = child.pid as number;
  return { url, pid, ...(profiled ? { profile: profileOver(child) } : {}), stop: () => stop(child) };
}

/** The first thing the service prints is where it listens. */
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
  throw new Error(`${name} ended before it was ready (${code ?? signal})`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exit;
  clearTimeout(late);
}

function profileOver(child: ChildProcess): NonNullable<ServerProcess['profile']> {
  async function ask(request: ProfilerRequest): Promise<void> {
    const reply = once(child, 'message');
    child.send(request);
    const [{ problem }] = (await reply) as [ProfilerReply];
    if (problem !== undefined) throw new Error(`the profiler failed: ${problem}`);
  }
  return { start: () => ask({ profile: 'start' }), stop: (file) => ask({ profile: 'stop', file }) };
}
