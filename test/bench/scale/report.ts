// Computes the figures of bench:scale: the cost of each operation in the small and in the large database, and the ratio.
import { median } from '../report/statistics.js';

/** One round of one operation on one side. */
export interface ScaleRound {
  requestsPerSecond: number;
  p50: number;
  p99: number;
  /** This is processor time per request in microseconds. It is null where it cannot be measured. */
  serviceMicros: number | null;
  postgresMicros: number | null;
  errors: number;
}

export interface ScaleResult {
  operation: string;
  /** The two sides are measured in turn, so rounds with the same index belong together. */
  small: ScaleRound[];
  large: ScaleRound[];
}

export interface Verdict {
  operation: string;
  /** The ratios of large to small for the processor time of service and Postgres per request, and for the median latency. */
  cpu: number | null;
  p50: number;
  isKept: boolean;
}

export const BAR = 1.2;

export function verdictOf({ operation, small, large }: ScaleResult): Verdict {
  const ratios = (figure: (round: ScaleRound) => number | null) =>
    large.flatMap((round, index) => {
      const [ours, theirs] = [figure(round), figure(small[index] as ScaleRound)];
      return ours === null || theirs === null ? [] : [ours / theirs];
    });
  const cpu = median(ratios(cpuOfRound));
  const p50 = median(ratios((round) => round.p50)) as number;
  return { operation, cpu, p50, isKept: (cpu ?? 0) <= BAR && p50 <= BAR };
}

export function scaleMarkdown(results: readonly ScaleResult[]): string {
  const lines = [
    '| operation | database | req/s | service µs | Postgres µs | p50 ms | p99 ms | errors |',
    '|---|---|--:|--:|--:|--:|--:|--:|',
  ];
  for (const { operation, ...sides } of results) {
    for (const name of ['small', 'large'] as const) {
      const rounds = sides[name];
      const of = (figure: (round: ScaleRound) => number | null, digits = 0) =>
        median(rounds.flatMap((round) => figure(round) ?? []))?.toFixed(digits) ?? '';
      const cells = [
        ...[operation, name, of((round) => round.requestsPerSecond), of((round) => round.serviceMicros)],
        ...[of((round) => round.postgresMicros), of((round) => round.p50, 2), of((round) => round.p99, 2)],
        String(rounds.reduce((sum, { errors }) => sum + errors, 0)),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  lines.push('', `| large to small | CPU, service + Postgres | p50 | bar ${BAR} |`, '|---|--:|--:|---|');
  for (const result of results) {
    const { operation, cpu, p50, isKept } = verdictOf(result);
    lines.push(`| ${operation} | ${cpu?.toFixed(2) ?? ''} | ${p50.toFixed(2)} | ${isKept ? 'kept' : 'MISSED'} |`);
  }
  return lines.join('\n');
}

function cpuOfRound({ serviceMicros, postgresMicros }: ScaleRound): number | null {
  return serviceMicros === null || postgresMicros === null ? null : serviceMicros + postgresMicros;
}
