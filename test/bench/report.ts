// What a run has found: numbers per round, medians, and the table for people.
import { type Load, percentile } from './load.js';

export interface Round {
  requests: number;
  seconds: number;
  errors: number;
  requestsPerSecond: number;
  /** Requests per second as a share of the floor's in the same round; null for the floor. */
  ofFloor: number | null;
  p50: number;
  p99: number;
  /** Microseconds of processor time per request; null where it cannot be measured. */
  serverCpu: number | null;
  postgresCpu: number | null;
  loadCpu: number | null;
  /** Megabytes after the round. */
  resident: number | null;
}

export interface Result {
  scenario: string;
  target: string;
  rounds: Round[];
  /** Of each number by itself. */
  median: Round;
}

export interface Report {
  date: string;
  command: string;
  machine: { cpu: string; cores: number; memoryGigabytes: number; node: string; postgres: string; loadAverage: number };
  settings: { rounds: number; seconds: number; connections: number; poolSize: number; profiled: boolean };
  results: Result[];
}

export interface Usage {
  server: number | null;
  postgres: number | null;
  load: number | null;
}

export function roundOf(load: Load, before: Usage, after: Usage, resident: number | null): Round {
  const perRequest = (name: keyof Usage) => {
    const [from, to] = [before[name], after[name]];
    return from === null || to === null || load.requests === 0 ? null : (to - from) / load.requests;
  };
  return {
    requests: load.requests,
    seconds: load.seconds,
    errors: load.errors,
    requestsPerSecond: load.requests / load.seconds,
    ofFloor: null,
    p50: percentile(load.latencies, 0.5),
    p99: percentile(load.latencies, 0.99),
    serverCpu: perRequest('server'),
    postgresCpu: perRequest('postgres'),
    loadCpu: perRequest('load'),
    resident,
  };
}

export function medianOf(rounds: readonly Round[]): Round {
  const names = Object.keys(rounds[0] as Round) as (keyof Round)[];
  return Object.fromEntries(
    names.map((name) => [name, median(rounds.flatMap((round) => round[name] ?? []))]),
  ) as unknown as Round;
}

function median(numbers: readonly number[]): number | null {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return null;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/** Markdown that reads well in a terminal, too. */
export function markdown({ date, command, machine, settings, results }: Report): string {
  const rows = results.map(({ scenario, target, rounds, median }) => {
    return [
      scenario,
      target,
      digits(median.requestsPerSecond, 0),
      digits(median.ofFloor, 2),
      rounds.flatMap(({ ofFloor }) => ofFloor?.toFixed(2) ?? []).join(' '),
      digits(median.p50, 1),
      digits(median.p99, 1),
      digits(median.serverCpu, 0),
      digits(median.postgresCpu, 0),
      digits(median.loadCpu, 0),
      digits(median.resident, 0),
      String(rounds.reduce((sum, round) => sum + round.errors, 0)),
    ];
  });
  const heads = [
    '',
    'target',
    'req/s',
    '× floor',
    'in each round',
    'p50 ms',
    'p99 ms',
    'CPU µs',
    'Postgres µs',
    'load µs',
    'RSS MB',
    'errors',
  ];
  return [
    `${date.slice(0, 10)} · ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGigabytes} GB (load average at start: ${machine.loadAverage}) · Node ${machine.node} · ${machine.postgres}`,
    `\`${command}\`: ${settings.rounds} × ${settings.seconds} s, ${settings.connections} connections, pool of ${settings.poolSize}${settings.profiled ? '; profiled, so slower than it is' : ''}`,
    '',
    ...table(heads, rows),
  ].join('\n');
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const isText = (column: number) => column < 2;
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (isText(column) ? '-'.repeat(width) : `${'-'.repeat(Math.max(1, width - 1))}:`)).join(' | ')} |`;
  return [line(heads), rule, ...rows.map(line)];
}

function digits(number: number | null, after: number): string {
  return number === null || Number.isNaN(number) ? '' : number.toFixed(after);
}
