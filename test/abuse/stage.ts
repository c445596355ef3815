// The stage of an attack: the built service as it is started in production, with little heap, on a Postgres of its own; an
// attacker with a full environment, a victim with one small secret; and a process each for every attack and for the probe.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '../support/postgres/database.js';
import { ensureBuilt, type RunningServer, startServer } from '../support/server.js';

const HEAP_MB = 1_024;
/** The machine's memory is not the attackers': a service beyond this has failed anyway, and is ended. */
const KILL_ABOVE_MB = 3_000;
const PROBE_EVERY_MS = 20;

/** The default plan. */
const SECRETS = 1_000;
const VALUE_BYTES = 65_536;
const MOST_CHANGES = 100;
/** Types of this size, and so many: what one page of secrets shows. */
const TYPE_BYTES = 65_000;
const TYPES = 200;

/** What attackers know. */
export interface Facts {
  token: string;
  /** One of the same account that may see no value. */
  metadataToken: string;
  listEnvironment: string;
  secretIds: string[];
  /** The environment's revision before 100 of its values were kept by one change set, and their revision since. */
  beforeKept: number;
  keptRevision: number;
  typeEnvironment: string;
}

export interface Stage {
  facts: Facts;
  /** Starts a service, lets the attacks go on for so long, and tells how it went for everybody. */
  endure(attacks: readonly string[], options: { seconds: number; scale: number }): Promise<Report>;
  close(): Promise<void>;
}

export interface Latency {
  count: number;
  p50: number;
  p99: number;
  max: number;
  failures: Record<string, number>;
}

export interface Outcome {
  got: Record<string, number>;
  /** Answers that nobody should ever get. */
  wrong: Record<string, number>;
  megabytes: number;
}

export interface Report {
  /** How the service has ended, if it has. */
  death: string | undefined;
  beforeMb: number;
  peakMb: number;
  /** For how much of the time the service was ready to run, and others had the processor. */
  waitedPercent: number;
  health: Latency;
  read: Latency;
  /** The longest that the probe's own process was held up. */
  probeDelayMs: number;
  attacks: Record<string, Outcome>;
  /** What the service has logged of bugs, and the first of it. */
  bugs: number;
  firstBug: string | undefined;
}

export async function openStage(): Promise<Stage> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'agent-secrets-abuse-'));
  const dataDir = join(folder, 'data');
  const close = async () => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { facts, victim } = await fill({ DATABASE_URL: database.url }, dataDir);
    const env = {
      DATABASE_URL: database.url,
      NODE_ENV: 'production',
      MASTER_KEY_FILE: join(dataDir, 'master-keys.json'),
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
    };
    return {
      facts,
      close,
      async endure(attacks, options) {
        const server = await start(env, dataDir);
        try {
          return await endure(server, { facts, victim, attacks, ...options });
        } finally {
          await server.kill9();
        }
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The service as `npm start` has it: of these sources, or the build that ABUSE_MAIN names. */
async function start(env: Record<string, string>, dataDir: string): Promise<RunningServer> {
  const main = process.env.ABUSE_MAIN;
  const options = {
    env,
    dataDir,
    wrapper: ['/bin/sh', '-c', 'exec setsid "$0" --heap-growing-percent=100 "$@"'],
    ...(main ? { script: relative(await ensureBuilt(), resolve(main)) } : {}),
  };
  return startServer(options);
}

interface Victim {
  token: string;
  secretId: string;
}

/** Through the door, with a service that takes larger bodies than it would by default. */
async function fill(env: Record<string, string>, dataDir: string): Promise<{ facts: Facts; victim: Victim }> {
  const server = await start({ ...env, MAX_BODY_BYTES: String(16 * 1024 * 1024) }, dataDir);
  try {
    const operator = server.facts().token;
    const ask = (token: string, query: string, variables: object = {}) => answerTo(server, token, query, variables);
    const createAccount = async (name: string): Promise<string> => {
      const query = `mutation ($name: String!) { createAccount(input: { name: $name }) { ... on CreateAccountPayload { secret } } }`;
      return (await ask(operator, query, { name })).createAccount.secret;
    };
    const create = async (token: string, kind: string, input: object): Promise<string> => {
      const query = `mutation ($input: Create${kind}Input!) { create${kind}(input: $input) {
        ... on Create${kind}Payload { made: ${kind.charAt(0).toLowerCase()}${kind.slice(1)} { id } } ... on Refusal { message } } }`;
      return (await ask(token, query, { input }))[`create${kind}`].made.id;
    };
    const apply = async (token: string, environmentId: string, changes: object[]) => {
      const query = `mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) {
        ... on ApplyAgentSecretChangesPayload { applied environmentRevision results { ... on AgentSecretRevision { id: agentSecretId revision } ... on Refusal { message } } }
        ... on Refusal { message } } }`;
      const { applyAgentSecretChanges: set } = await ask(token, query, { input: { environmentId, changes } });
      if (!set.applied) throw new Error(`not filled: ${JSON.stringify(set).slice(0, 500)}`);
      return set as { environmentRevision: number; results: { id: string; revision: number }[] };
    };
    const text = { type: 'Str' };

    const token = await createAccount('attacker');
    const applicationId = await create(token, 'Application', { name: 'app' });
    const listEnvironment = await create(token, 'Environment', { applicationId, name: 'lists' });
    const typeEnvironment = await create(token, 'Environment', { applicationId, name: 'types' });
    const secretIds: string[] = [];
    let revision = 0;
    for (let from = 0; from < SECRETS; from += MOST_CHANGES) {
      const changes = Array.from({ length: MOST_CHANGES }, (_, index) => ({
        create: { path: [`s${from + index}`], secretType: text, secretValue: 'x'.repeat(VALUE_BYTES - 2) },
      }));
      const set = await apply(token, listEnvironment, changes);
      secretIds.push(...set.results.map(({ id }) => id));
      revision = set.environmentRevision;
    }
    const kept = secretIds.slice(0, MOST_CHANGES).map((id) => ({ update: { id, currentRevision: 0 } }));
    const { results } = await apply(token, listEnvironment, kept);
    const cases = Array.from({ length: Math.floor(TYPE_BYTES / 64) }, (_, index) => `c${index}`.padEnd(61, 'x'));
    for (let from = 0; from < TYPES; from += MOST_CHANGES) {
      const changes = Array.from({ length: MOST_CHANGES }, (_, index) => ({
        create: { path: [`t${from + index}`], secretType: { type: 'Enum', cases }, secretValue: cases[0] },
      }));
      await apply(token, typeEnvironment, changes);
    }

    const metadata = `mutation { createToken(input: { name: "metadata", scopes: [METADATA] }) { ... on CreateTokenPayload { secret } } }`;
    const { createToken } = await ask(token, metadata, {});

    const victim = await createAccount('victim');
    const theirs = await create(victim, 'Application', { name: 'app' });
    const environmentId = await create(victim, 'Environment', { applicationId: theirs, name: 'small' });
    const secret = { environmentId, path: ['small'], secretType: text, secretValue: 'small' };
    return {
      facts: {
        token,
        metadataToken: createToken.secret,
        listEnvironment,
        secretIds,
        beforeKept: revision,
        keptRevision: results[0]?.revision as number,
        typeEnvironment,
      },
      victim: { token: victim, secretId: await create(victim, 'AgentSecret', secret) },
    };
  } finally {
    await server.stop();
  }
}

async function answerTo({ graphqlUrl }: RunningServer, token: string, query: string, variables: object): Promise<any> {
  const response = await fetch(graphqlUrl, {
    method: 'POST',
    headers: { connection: 'close', authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: any; errors?: unknown };
  if (errors) throw new Error(`not filled: ${JSON.stringify(errors).slice(0, 500)}`);
  return data;
}

interface Ordeal {
  facts: Facts;
  victim: Victim;
  attacks: readonly string[];
  seconds: number;
  scale: number;
}

async function endure(server: RunningServer, { facts, victim, attacks, seconds, scale }: Ordeal): Promise<Report> {
  const { url, child } = server;
  const children: ChildProcess[] = [];
  const play = (script: string): ChildProcess => {
    // In a session of its own: Linux shares the processor out between sessions, as if these came from other machines.
    const forked = fork(fileURLToPath(new URL(script, import.meta.url)), { execArgv: [], detached: true });
    children.push(forked);
    return forked;
  };
  try {
    const readPath = `/v1/agent-secrets/${victim.secretId}`;
    const probe = play('./probe.mjs');
    probe.send({
      url,
      pid: child.pid,
      everyMs: PROBE_EVERY_MS,
      killAboveMb: KILL_ABOVE_MB,
      targets: { health: { path: '/healthz' }, read: { path: readPath, token: victim.token } },
    });
    await message(probe);
    const outcomes = attacks.map(async (name) => {
      const attacker = play('./attacker.mjs');
      const stop = () => attacker.connected && attacker.send('stop');
      child.once('exit', stop);
      attacker.send({ name, facts: { ...facts, url }, ms: seconds * 1_000, scale });
      const outcome = (await message(attacker)) as Outcome;
      child.off('exit', stop);
      return [name, outcome] as const;
    });
    const settled = Object.fromEntries(await Promise.all(outcomes));
    probe.send('stop');
    const { measured, memory, ownDelayMs } = (await message(probe)) as any;
    return {
      death: deathOf(server, memory.isKilled),
      beforeMb: memory.beforeMb,
      peakMb: memory.peakMb,
      waitedPercent: memory.waitedPercent,
      ...measured,
      probeDelayMs: ownDelayMs,
      attacks: settled,
      ...bugsIn(server),
    };
  } finally {
    for (const forked of children) forked.kill('SIGKILL');
  }
}

function bugsIn({ stderr }: RunningServer): Pick<Report, 'bugs' | 'firstBug'> {
  const lines = stderr()
    .split('\n')
    .filter((line) => line.includes('"unexpected error"'));
  return { bugs: lines.length, firstBug: lines[0]?.slice(0, 1_500) };
}

function deathOf({ child, stderr }: RunningServer, isKilled: boolean): string | undefined {
  if (isKilled) return `ended by the probe above ${KILL_ABOVE_MB} MB`;
  if (child.exitCode === null && child.signalCode === null) return undefined;
  const reason = /FATAL ERROR: .*/.exec(stderr())?.[0];
  return `${child.signalCode ?? child.exitCode}${reason ? `: ${reason}` : ''}`;
}

async function message(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`a process of the stage has ended (${code ?? signal})`);
  });
  const [said] = await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => undefined);
  return said;
}
