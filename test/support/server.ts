// The built service as a process of its own, for tests of start and stop: nothing of it outlives the test run.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import {
  access,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { DevelopmentFacts } from '../../src/start/development.js';
import { leaksInFiles, leaksInText } from './canary-files.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Below node_modules, so that packages resolve; ignored by git, and gone with the next `npm ci`. */
const BUILDS = join(ROOT, 'node_modules', '.cache', 'agent-secrets-gateway');
const UNUSED_AFTER_MS = 3_600_000;
/** Far more than a start takes, for a machine that does ten other things. */
const START_WITHIN_MS = 60_000;
const END_WITHIN_MS = 40_000;

export interface ServerOptions {
  /** On top of PATH, PORT=0, DATA_DIR and no delay at the stop; nothing else of the developer's environment reaches the service. */
  env?: Record<string, string>;
  /** Default: a new folder that `stop` and `kill9` remove. */
  dataDir?: string;
  cwd?: string;
}

export interface RunningServer {
  url: string;
  graphqlUrl: string;
  dataDir: string;
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Its log lines from warnings upwards, and whatever else it says on standard error. */
  complaints(): string;
  /** What stands in development.json now. */
  facts(): DevelopmentFacts;
  /** Sends the signal (SIGTERM) and answers the exit code; null when a signal ended the process. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  kill9(): Promise<void>;
}

interface LaunchOptions extends ServerOptions {
  script?: string;
  args?: string[];
  /** A command that runs the service, such as `unshare -n`. */
  wrapper?: string[];
}

let building: Promise<string> | undefined;

/**
 * The folder of the compiled service, for the sources as they are now. Every state of the sources has a folder of its own,
 * so neither other test runs nor a `npm run build` meanwhile can disturb this one. Types are not checked: `verify` does.
 */
export function ensureBuilt(): Promise<string> {
  building ??= build();
  return building;
}

/** Starts the service and waits until it listens; rejects with what it said when it ends instead. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const launched = await launch(options);
  const { child, dataDir, said, ended, cleanUp } = launched;
  const url = await within(START_WITHIN_MS, launched, 'listening', said.listening);
  if (url === undefined) {
    await cleanUp();
    throw new Error(`the service ended at once (${child.exitCode ?? child.signalCode}): ${said.stderr}${said.stdout}`);
  }
  return {
    url,
    graphqlUrl: `${url}/graphql`,
    dataDir,
    child,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    complaints: () => said.stderr.replace(/^\{"level":"(debug|info)",.*\n/gm, ''),
    facts: () => JSON.parse(readFileSync(join(dataDir, 'development.json'), 'utf8')),
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await within(END_WITHIN_MS, launched, 'gone', ended);
      await cleanUp();
      return child.exitCode;
    },
    async kill9() {
      child.kill('SIGKILL');
      await ended;
      await cleanUp();
    },
  };
}

/** A start on the embedded database, as a newcomer makes it. */
export async function startDevelopmentServer() {
  const server = await startServer();
  const { token, environmentId } = server.facts();
  return { url: server.url, graphqlUrl: server.graphqlUrl, token, environmentId, stop: () => server.stop() };
}

/** Runs a start that is expected to fail, or one of the operator commands (`cli/…`), to its end. */
export async function runToEnd({ withinMs = END_WITHIN_MS, ...options }: LaunchOptions & { withinMs?: number } = {}) {
  const launched = await launch(options);
  await within(withinMs, launched, 'gone', launched.ended);
  await launched.cleanUp();
  return { code: launched.child.exitCode, stdout: launched.said.stdout, stderr: launched.said.stderr };
}

/** Starts the process without waiting for anything, for starts that a test interrupts. */
export async function launch(options: LaunchOptions) {
  const { env = {}, dataDir, cwd = ROOT, script = 'main.js', args = [], wrapper = [] } = options;
  const built = await ensureBuilt();
  const own = dataDir === undefined ? await mkdtemp(join(tmpdir(), 'agent-secrets-data-')) : undefined;
  const folder = dataDir ?? join(own as string, 'data');
  // What the database's folder is made of is older; file systems round.
  const began = Date.now() - 2_000;
  const command = [...wrapper, process.execPath, '--enable-source-maps', join(built, script), ...args];
  const child = spawn(command[0] as string, command.slice(1), {
    cwd,
    env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: folder, DRAIN_DELAY_SECONDS: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const release = keep(child, own);
  const ended = once(child, 'close').then(() => undefined);
  const said = { stdout: '', stderr: '', listening: ended as Promise<string | undefined> };
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  const greeted = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.stdout += text;
      const url = /^Agent secrets gateway on (\S+)\n/.exec(said.stdout)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  said.listening = Promise.race([greeted, ended]);
  /** Fails when a canary is in what the process has said or stored. */
  async function cleanUp(): Promise<void> {
    release();
    const leaks = leaksInText(said.stdout + said.stderr);
    leaks.push(...(existsSync(folder) ? await leaksInFiles(folder, { since: began }) : []));
    if (own !== undefined) await rm(own, { recursive: true, force: true, maxRetries: 3 });
    if (leaks.length > 0) throw new Error(`a canary leaked from a process:\n${leaks.join('\n')}`);
  }
  return { child, dataDir: folder, said, ended, cleanUp };
}

type Launched = Awaited<ReturnType<typeof launch>>;

async function within<T>(ms: number, launched: Launched, what: string, outcome: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      launched.child.kill('SIGKILL');
      launched.ended.then(launched.cleanUp);
      reject(new Error(`the service was not ${what} within ${ms} ms: ${launched.said.stderr}${launched.said.stdout}`));
    }, ms);
  });
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A shell that outlives us when we are killed: its input ends with us, and unless it was released, it ends the service. */
function keep(child: ChildProcess, folder: string | undefined): () => void {
  const script = 'read -r word; [ "$word" = released ] || { kill -9 "$1"; [ -z "$2" ] || rm -rf "$2"; }';
  const keeper = spawn('/bin/sh', ['-c', script, 'keeper', String(child.pid), folder ?? ''], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  keeper.on('error', () => undefined);
  keeper.stdin.on('error', () => undefined);
  keeper.unref();
  return () => keeper.stdin.end('released\n');
}

async function build(): Promise<string> {
  await mkdir(BUILDS, { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    const hash = await hashOfSources();
    const folder = join(BUILDS, hash);
    if (!(await exists(folder))) await compile(folder);
    // Somebody may edit while the compiler reads.
    if ((await hashOfSources()) === hash) {
      await utimes(folder, new Date(), new Date());
      await prune();
      return join(folder, 'dist');
    }
    await rm(folder, { recursive: true, force: true });
    if (attempt === 5) throw new Error('the sources keep changing while they are compiled');
  }
}

/** Under another name first: whoever sees the folder may use it, and of several at once the first wins. */
async function compile(folder: string): Promise<void> {
  const draft = join(BUILDS, `draft-${randomBytes(6).toString('hex')}`);
  await mkdir(draft);
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  await promisify(execFile)(tsc, ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(draft, 'dist')], {
    cwd: ROOT,
  });
  await writeFile(join(draft, 'package.json'), '{"type":"module"}\n');
  await symlink(join(ROOT, 'drizzle'), join(draft, 'drizzle'), 'junction');
  await rename(draft, folder).catch(async (error: unknown) => {
    await rm(draft, { recursive: true, force: true });
    if (!(await exists(folder))) throw error;
  });
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256');
  const inSrc = await readdir(join(ROOT, 'src'), { recursive: true, withFileTypes: true });
  const files = inSrc.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of ['tsconfig.json', 'tsconfig.build.json'].map((name) => join(ROOT, name)).concat(files.sort())) {
    hash.update(`${file}\0`).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}

async function prune(): Promise<void> {
  for (const name of await readdir(BUILDS)) {
    const folder = join(BUILDS, name);
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > UNUSED_AFTER_MS) await rm(folder, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
