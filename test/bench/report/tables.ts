// Prints the report as Markdown tables that are also easy to read in a terminal.

import { barText } from './bars.js';
import type { Bar, Report, Result, Round, SubscriberResult } from './report.js';

type Column<Row> = readonly [head: string, cell: (row: Row) => string];

export function markdown({ date, command, machine, settings, results, subscribers, bars }: Report): string {
  const ofKind = (kind: Result['kind'], columns: readonly Column<Result>[]) => {
    const rows = results.filter((result) => result.kind === kind);
    return rows.length > 0 ? [...table(columns, rows), ''] : [];
  };
  return [
    `${date.slice(0, 10)} · ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGigabytes} GB (load average at start: ${machine.loadAverage}) · Node ${machine.node} · ${machine.postgres}`,
    `\`${command}\`: ${settings.rounds} × ${settings.seconds} s, ${settings.connections} connections, pool of ${settings.poolSize}${settings.profiled ? '; profiled, so slower than it is' : ''}`,
    '',
    ...ofKind('rate', RATE),
    ...ofKind('latency', LATENCY),
    ...ofKind('delay', DELAY),
    ...(subscribers ? [...table(SUBSCRIBERS, [subscribers]), ''] : []),
    ...table(BARS, bars),
  ].join('\n');
}

const SCENARIO: Column<Result>[] = [
  ['', ({ scenario }) => scenario],
  ['target', ({ target }) => target],
];
const USAGE: Column<Result>[] = [
  ['CPU µs', ({ median }) => digits(median.serverCpu, 0)],
  ['Postgres µs', ({ median }) => digits(median.postgresCpu, 0)],
  ['load µs', ({ median }) => digits(median.loadCpu, 0)],
  ['RSS MB', ({ median }) => digits(median.resident, 0)],
  ['errors', ({ rounds }) => String(sum(rounds, 'errors'))],
];
const LATENCIES: Column<Result>[] = [
  ['p50 ms', ({ median }) => digits(median.p50, 1)],
  ['p99 ms', ({ median }) => digits(median.p99, 1)],
];
const RATE: Column<Result>[] = [
  ...SCENARIO,
  ['req/s', ({ median }) => digits(median.requestsPerSecond, 0)],
  ['× floor', ({ median }) => digits(median.ofFloor, 2)],
  ['in each round', ({ rounds }) => each(rounds, 'ofFloor', 2)],
  ['× peer', ({ median }) => digits(median.ofPeer, 2)],
  ...LATENCIES,
  ...USAGE,
];
const LATENCY: Column<Result>[] = [
  ...SCENARIO,
  ['req/s', ({ median }) => digits(median.requestsPerSecond, 0)],
  ...LATENCIES,
  ['in each round', ({ rounds }) => each(rounds, 'p99', 1)],
  ['max ms', ({ rounds }) => digits(Math.max(...rounds.map(({ max }) => max)), 1)],
  ...USAGE,
];
const DELAY: Column<Result>[] = [
  ...SCENARIO,
  ['longest delay ms', ({ median }) => digits(median.longestDelay, 1)],
  ['in each round', ({ rounds }) => each(rounds, 'longestDelay', 1)],
  ['req/s', ({ median }) => digits(median.requestsPerSecond, 0)],
  ['× floor', ({ median }) => digits(median.ofFloor, 2)],
  ...LATENCIES,
  ...USAGE,
];
const SUBSCRIBERS: Column<SubscriberResult>[] = [
  ['', ({ name }) => name],
  ['RSS MB per 1,000', ({ median }) => digits(median.resident, 1)],
  ['in each round', ({ rounds }) => rounds.map(({ resident }) => digits(resident, 1)).join(' ')],
  ['in use MB', ({ median }) => digits(median.inUse, 1)],
  ['CPU idle %', ({ median }) => percent(median.idleCpu)],
  ['CPU writing %', ({ median }) => percent(median.writingCpu)],
  ['events', ({ rounds }) => String(rounds.reduce((total, { deliveries }) => total + deliveries, 0))],
  ['p50 ms', ({ median }) => digits(median.p50, 1)],
  ['p99 ms', ({ median }) => digits(median.p99, 1)],
  ['max ms', ({ rounds }) => digits(Math.max(...rounds.map(({ max }) => max)), 1)],
  ['errors', ({ rounds }) => String(rounds.reduce((total, { errors }) => total + errors, 0))],
];
const BARS: Column<Bar>[] = [
  ['bar', ({ name }) => name],
  ['', ({ met }) => (met === null ? 'not measured' : met ? 'met' : 'not met')],
  ['wanted', barText],
  ['measured', ({ measured, unit }) => digits(measured, unit.startsWith('×') ? 2 : 1)],
  ['in each round', ({ rounds, unit }) => rounds.map((n) => digits(n, unit.startsWith('×') ? 2 : 1)).join(' ')],
];

function each(rounds: readonly Round[], figure: keyof Round, after: number): string {
  return rounds.flatMap((round) => round[figure]?.toFixed(after) ?? []).join(' ');
}

function sum(rounds: readonly Round[], figure: 'errors'): number {
  return rounds.reduce((total, round) => total + round[figure], 0);
}

/** The first two columns are text, and the others are numbers. */
function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const heads = columns.map(([head]) => head);
  const cells = rows.map((row) => columns.map(([, cell]) => cell(row)));
  const widths = heads.map((head, column) => Math.max(head.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const isText = (column: number) => column < 2;
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (isText(column) ? '-'.repeat(width) : `${'-'.repeat(Math.max(1, width - 1))}:`)).join(' | ')} |`;
  return [line(heads), rule, ...cells.map(line)];
}

function percent(share: number | null): string {
  return digits(share === null ? null : share * 100, 1);
}

function digits(number: number | null, after: number): string {
  return number === null || Number.isNaN(number) ? '' : number.toFixed(after);
}
