// This is `npm run bench`: it starts all servers, runs the rounds, and prints and writes the report. See README.md.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { barsOf } from './report/bars.js';
import { chart } from './report/chart.js';
import { isSound, type Report, type SubscriberResult } from './report/report.js';
import { medianOf } from './report/statistics.js';
import { markdown } from './report/tables.js';
import { measureRounds } from './rounds.js';
import { profileText } from './servers/profile.js';
import { HELP, isSelected, type Settings, settingsFrom } from './settings.js';
import { type Stage, setStage } from './stage.js';
import { measureSubscribers, SUBSCRIBERS } from './subscribers/subscribers.js';
import { type Scenario, scenarios, type Target } from './targets.js';

/** This file runs in test/bench/dist/test/bench, and the results stay in test/bench/results. */
const RESULTS = fileURLToPath(new URL('../../../results/', import.meta.url));
const POOL_SIZE = 4;

async function bench(stage: Stage, settings: Settings): Promise<Report> {
  const { doors, urls, seed, bareSeed } = stage;
  const { only, profile, rounds, seconds, connections } = settings;
  const selected = scenarios(doors, urls, seed, bareSeed, connections).flatMap((scenario) => {
    const targets = scenario.targets.filter(({ name }) => isSelected(`${scenario.name}: ${name}`, only));
    return targets.length > 0 ? [{ ...scenario, targets }] : [];
  });
  const withSubscribers = isSelected(SUBSCRIBERS, only);
  if (selected.length === 0 && !withSubscribers) throw new Error('--only: nothing has such a name');
  const loadAverage = Math.round((loadavg()[0] ?? 0) * 10) / 10;
  const errors = new Set<string>();
  const error = (text: string) => void errors.add(text);

  const profileFile = (scenario: Scenario, target: Target) => (profile ? fileOf(scenario, target) : undefined);
  const results = await measureRounds(stage, selected, settings, { progress, error, profileFile });
  const subscribers = withSubscribers ? await subscribersOf(stage, settings, error) : null;
  for (const text of errors) process.stderr.write(`${text}\n`);
  if (profile) {
    for (const scenario of selected) {
      for (const target of scenario.targets) {
        process.stdout.write(await profileText(`${scenario.name}, ${target.name}`, fileOf(scenario, target)));
      }
    }
  }
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
    settings: { rounds, seconds, connections, poolSize: POOL_SIZE, profiled: profile },
    results,
    subscribers,
    bars: barsOf(results, subscribers),
  };
}

/** Each round runs in a new process, so that nothing from an earlier round is counted. */
async function subscribersOf(
  stage: Stage,
  { subscribers: { rounds, seconds } }: Settings,
  error: (text: string) => void,
): Promise<SubscriberResult> {
  const results: SubscriberResult['rounds'] = [];
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}: ${SUBSCRIBERS}`);
    const server = await stage.startAnother();
    try {
      results.push(await measureSubscribers(stage.seed, server, seconds, error));
    } finally {
      await server.stop();
    }
  }
  return { name: SUBSCRIBERS, rounds: results, median: medianOf(results) };
}

function fileOf(scenario: Scenario, target: Target): string {
  return `${RESULTS}${`${scenario.name} ${target.name}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.cpuprofile`;
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
  progress('starting Postgres, the service and what it is compared with');
  const setting = setStage({ poolSize: POOL_SIZE });
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
    if (!stage.servers.peer) progress('without PostGraphile, which is not installed: npm run bench:peers\n');
    const report = await bench(stage, settings);
    await writeFile(`${RESULTS}latest.json`, `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(`${RESULTS}latest.svg`, chart(report));
    progress('');
    process.stdout.write(`${markdown(report)}\n`);
    if (!isSound(report)) {
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

/** The text includes the cause of the error, because fetch itself only says that it failed. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}
