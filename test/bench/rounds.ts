// Runs the rounds. In each round, all targets of a scenario run directly after one another.
import { runLoad, runSchedule } from './load/load.js';
import { type Result, type Round, roundOf, type Usage } from './report/report.js';
import { medianOf } from './report/statistics.js';
import { cpuOf, cpuOfPostgres, residentMegabytes } from './servers/usage.js';
import type { Settings } from './settings.js';
import type { Stage } from './stage.js';
import { PACE, type Scenario, type Target } from './targets.js';

interface Watcher {
  progress(text: string): void;
  error(text: string): void;
  /** Returns the file for the profile of a target, or undefined when it gets no profile. */
  profileFile(scenario: Scenario, target: Target): string | undefined;
}

export async function measureRounds(
  stage: Stage,
  selected: readonly Scenario[],
  settings: Settings,
  { progress, error, profileFile }: Watcher,
): Promise<Result[]> {
  for (const scenario of selected) {
    progress(`warm-up: ${scenario.name}`);
    for (const target of scenario.targets) await measure(stage, scenario, target, settings.warmup, settings);
  }
  const rounds = new Map<Target, Round[]>(selected.flatMap(({ targets }) => targets.map((target) => [target, []])));
  for (let round = 0; round < settings.rounds; round++) {
    for (const scenario of selected) {
      const { name, targets, kind } = scenario;
      progress(`round ${round + 1} of ${settings.rounds}: ${name}`);
      const results = new Map<Target, Round>();
      // Every round begins with another target, so that no target always follows the same one.
      for (const target of rotated(targets, round)) {
        const file = profileFile(scenario, target);
        const { firstError, ...result } = await measure(stage, scenario, target, settings.seconds, settings, file);
        if (firstError !== undefined) error(`${name}, ${target.name}: ${firstError}`);
        results.set(target, result);
      }
      const floor = targets.find(({ server }) => server === 'floor' || server === 'bare');
      const peer = targets.find(({ server }) => server === 'peer');
      const ratio = (result: Round, base: Target | undefined) => {
        const rate = base && results.get(base)?.requestsPerSecond;
        return rate && kind !== 'latency' ? result.requestsPerSecond / rate : null;
      };
      for (const [target, result] of results) {
        const ofFloor = target === floor ? null : ratio(result, floor);
        const ofPeer = target.server === 'service' ? ratio(result, peer) : null;
        rounds.get(target)?.push({ ...result, ofFloor, ofPeer });
      }
    }
  }
  return selected.flatMap(({ name: scenario, kind, targets }) =>
    targets.map((target): Result => {
      const own = rounds.get(target) as Round[];
      return { scenario, kind, target: target.name, server: target.server, rounds: own, median: medianOf(own) };
    }),
  );
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

async function measure(
  stage: Stage,
  { kind }: Scenario,
  target: Target,
  seconds: number,
  { connections }: Settings,
  profileTo?: string,
): Promise<Round & { firstError: string | undefined }> {
  const server = stage.servers[target.server];
  if (!server) throw new Error(`${target.name} is not there`);
  const script = await target.script();
  if (profileTo) await server.ask({ ask: 'startProfile' });
  if (kind === 'delay') await server.ask({ ask: 'startDelays' });
  const before = await usageOf(stage, server.pid);
  const load =
    kind === 'latency'
      ? await runSchedule(server.url, connections, seconds, PACE, script)
      : await runLoad(server.url, kind === 'delay' ? 1 : connections, seconds, script);
  const after = await usageOf(stage, server.pid);
  const { longestDelay = null } = kind === 'delay' ? await server.ask({ ask: 'stopDelays' }) : {};
  if (profileTo) await server.ask({ ask: 'stopProfile', file: profileTo });
  const resident = await residentMegabytes(server.pid);
  return { ...roundOf(load, before, after), resident, longestDelay, firstError: load.firstError };
}

async function usageOf({ postgres }: Stage, server: number): Promise<Usage> {
  const [serverCpu, postgresCpu] = await Promise.all([cpuOf(server), cpuOfPostgres(postgres.postmaster)]);
  const { user, system } = process.cpuUsage();
  return { server: serverCpu, postgres: postgresCpu, load: user + system };
}
