// npm run bench: sets the stage, runs the rounds, prints and writes the report. See README.md.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runLoad } from './load.js';
import { sharesIn } from './profile.js';
import { markdown, medianOf, type Report, type Result, type Round, roundOf, type Usage } from './report.js';
import { type Stage, setStage } from './stage.js';
import { type Scenario, scenarios, type Target } from './targets.js';
import { cpuOf, cpuOfPostgres, residentMegabytes } from './usage.js';

/** From test/bench/dist/test/bench: the results stay in test/bench/results. */
const RESULTS = fileURLToPath(new URL('../../../results/', import.meta.url));
const POOL_SIZE = 4;
const PROFILED_FUNCTIONS = 30;
const PROFILED_MODULES = 20;

const HELP = `Usage: npm run bench -- [options]

  --rounds n        measured rounds of every target       (5)
  --seconds n       length of a round                      (2)
  --warmup n        seconds of load before the first round (2)
  --connections n   concurrent connections, 1 to 64        (32)
  --only text       targets whose "scenario: target" contains the text, ignoring case; may be repeated
  --profile         where the servers' time goes, per target (slows them down)
  --quick           a smoke test: one short round of everything
`;

interface Settings {
  rounds: number;
  seconds: number;
  warmup: number;
  connections: number;
  only: string[];
  profile: boolean;
}

function settingsFrom(args: string[]): Settings | undefined {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      warmup: { type: 'string' },
      connections: { type: 'string', default: '32' },
      only: { type: 'string', multiple: true, default: [] },
      profile: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const usual = values.quick ? { rounds: 1, seconds: 0.5, warmup: 0.3 } : { rounds: 5, seconds: 2, warmup: 2 };
  return {
    rounds: number('rounds', values.rounds ?? usual.rounds, 1, 1_000),
    seconds: number('seconds', values.seconds ?? usual.seconds, 0.1, 3_600),
    warmup: number('warmup', values.warmup ?? usual.warmup, 0, 3_600),
    connections: number('connections', values.connections, 1, 64),
    only: values.only,
    profile: values.profile,
  };
}

function number(name: string, given: string | number, min: number, max: number): number {
  const value = Number(given);
  if (!(value >= min && value <= max)) throw new Error(`--${name}: expected a number from ${min} to ${max}`);
  return value;
}

async function bench(stage: Stage, settings: Settings): Promise<Report> {
  const { servers } = stage;
  const urls = { floor: servers.floor.url, service: servers.service.url, bare: servers.bare.url };
  const selected = scenarios(stage.seed, stage.bareSeed, urls, settings.connections).flatMap((scenario) => {
    const targets = scenario.targets.filter((target) => isSelected(scenario, target, settings.only));
    return targets.length > 0 ? [{ ...scenario, targets }] : [];
  });
  if (selected.length === 0) throw new Error('--only: nothing has such a name');
  const loadAverage = Math.round((loadavg()[0] ?? 0) * 10) / 10;

  for (const { name, targets } of selected) {
    progress(`warm-up: ${name}`);
    for (const target of targets) await measure(stage, target, settings.warmup, settings, undefined);
  }
  const rounds = new Map<Target, Round[]>(selected.flatMap(({ targets }) => targets.map((target) => [target, []])));
  const errors = new Set<string>();
  for (let round = 0; round < settings.rounds; round++) {
    for (const { name, targets } of selected) {
      progress(`round ${round + 1} of ${settings.rounds}: ${name}`);
      const results = new Map<Target, Round>();
      // Another one begins in every round, so that none always follows the same one.
      for (const target of rotated(targets, round)) {
        const file = settings.profile ? profileFile(name, target) : undefined;
        const { firstError, ...result } = await measure(stage, target, settings.seconds, settings, file);
        if (firstError !== undefined) errors.add(`${name}, ${target.name}: ${firstError}`);
        results.set(target, result);
      }
      const floor = targets.find(({ server }) => server !== 'service');
      const floorRate = floor && results.get(floor)?.requestsPerSecond;
      for (const [target, result] of results) {
        const ofFloor = floorRate && target !== floor ? result.requestsPerSecond / floorRate : null;
        rounds.get(target)?.push({ ...result, ofFloor });
      }
    }
  }
  for (const error of errors) process.stderr.write(`${error}\n`);
  const results = selected.flatMap(({ name, targets }) =>
    targets.map((target): Result => {
      const own = rounds.get(target) as Round[];
      return { scenario: name, target: target.name, rounds: own, median: medianOf(own) };
    }),
  );
  if (settings.profile) await printProfiles(selected);
  return {
    date: new Date().toISOString(),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGigabytes: Math.round(totalmem() / 2 ** 30),
      node: process.versions.node,
      postgres: stage.postgres.describe,
      loadAverage,
    },
    settings: {
      rounds: settings.rounds,
      seconds: settings.seconds,
      connections: settings.connections,
      poolSize: POOL_SIZE,
      profiled: settings.profile,
    },
    results,
  };
}

function isSelected(scenario: Scenario, target: Target, only: readonly string[]): boolean {
  const name = `${scenario.name}: ${target.name}`.toLowerCase();
  return only.length === 0 || only.some((text) => name.includes(text.toLowerCase()));
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

async function measure(
  stage: Stage,
  target: Target,
  seconds: number,
  { connections }: Settings,
  profileTo: string | undefined,
): Promise<Round & { firstError: string | undefined }> {
  const server = stage.servers[target.server];
  const script = await target.script();
  const profile = profileTo === undefined ? undefined : server.profile;
  await profile?.start();
  const before = await usageOf(stage, server.pid);
  const load = await runLoad(server.url, connections, seconds, script);
  const after = await usageOf(stage, server.pid);
  await profile?.stop(profileTo as string);
  return { ...roundOf(load, before, after, await residentMegabytes(server.pid)), firstError: load.firstError };
}

async function usageOf({ postgres }: Stage, server: number): Promise<Usage> {
  const [serverCpu, postgresCpu] = await Promise.all([cpuOf(server), cpuOfPostgres(postgres.postmaster)]);
  const { user, system } = process.cpuUsage();
  return { server: serverCpu, postgres: postgresCpu, load: user + system };
}

function profileFile(scenario: string, target: Target): string {
  return `${RESULTS}${`${scenario} ${target.name}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.cpuprofile`;
}

/** Of each target's last round. */
async function printProfiles(selected: readonly Scenario[]): Promise<void> {
  for (const { name, targets } of selected) {
    for (const target of targets) {
      const { functions, modules } = await sharesIn(profileFile(name, target));
      const lines = (shares: typeof functions) =>
        shares.map(({ place, share }) => `${(share * 100).toFixed(1).padStart(6)} %  ${place}`);
      const text = [
        `Self time of ${name}, ${target.name}: by module`,
        ...lines(modules.slice(0, PROFILED_MODULES)),
        'by function',
        ...lines(functions.slice(0, PROFILED_FUNCTIONS)),
      ];
      process.stdout.write(`${text.join('\n')}\n\n`);
    }
  }
}

function progress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}

async function main(): Promise<void> {
  const settings = settingsFrom(process.argv.slice(2));
  if (!settings) {
    process.stdout.write(HELP);
    return;
  }
  await mkdir(RESULTS, { recursive: true });
  progress('starting Postgres, the service and the floor');
  const setting = setStage({ poolSize: POOL_SIZE, profiled: settings.profile });
  const interrupted = (signal: NodeJS.Signals) => {
    setting
      .then((stage) => stage.close())
      .catch(() => undefined)
      .finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  const stage = await setting;
  try {
    const report = await bench(stage, settings);
    await writeFile(`${RESULTS}latest.json`, `${JSON.stringify(report, null, 2)}\n`);
    progress('');
    process.stdout.write(`${markdown(report)}\n`);
    const isSound = report.results.every(({ rounds }) =>
      rounds.every((round) => round.errors === 0 && round.requests > 0),
    );
    if (!isSound) {
      process.stderr.write('There were errors: the figures say nothing.\n');
      process.exitCode = 1;
    }
  } finally {
    await stage.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
});

/** With what lies behind it: fetch says no more than that it failed. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}
