// Defines the bars that the service has to reach, and tells whether this run has reached them.
import type { Bar, Result, Round, SubscriberResult } from './report.js';

type Figure = 'ofFloor' | 'ofPeer' | 'p99' | 'longestDelay';
const UNITS = { ofFloor: '× floor', ofPeer: '× peer', p99: 'ms', longestDelay: 'ms' } as const;

const WANTED: readonly [scenario: string, target: string, figure: Figure, wanted: Bar['wanted']][] = [
  ['read by id', 'REST', 'ofFloor', { atLeast: 0.65 }],
  ['read by id', 'GraphQL', 'ofFloor', { atLeast: 0.58 }],
  ['read by id', 'GraphQL', 'ofPeer', { atLeast: 2.3 }],
  ['list of 100', 'REST', 'ofFloor', { atLeast: 0.7 }],
  ['list of 100', 'GraphQL', 'ofPeer', { atLeast: 1 }],
  ['update', 'REST', 'ofFloor', { atLeast: 0.6 }],
  ['mixed, 500 req/s', 'REST', 'p99', { below: 15 }],
  ['mixed, 500 req/s', 'GraphQL', 'p99', { below: 15 }],
  ['list of 1,000', 'REST', 'longestDelay', { below: 20 }],
];
const SUBSCRIBERS_MEGABYTES = 60;

export function barsOf(results: readonly Result[], subscribers: SubscriberResult | null): Bar[] {
  const bars = WANTED.map(([scenario, target, figure, wanted]): Bar => {
    const result = results.find((result) => result.scenario === scenario && result.target === target);
    const name = `${scenario}, ${target}${figure === 'p99' ? ', p99' : figure === 'longestDelay' ? ', longest delay' : ''}`;
    return judged({ name, scenario, target, figure, unit: UNITS[figure], wanted }, result, figure);
  });
  const name = '1,000 idle subscribers, memory';
  const memory = { name, scenario: 'subscribers', target: null, figure: 'resident', unit: 'MB' } as const;
  return [...bars, judged({ ...memory, wanted: { below: SUBSCRIBERS_MEGABYTES } }, subscribers, 'resident')];
}

export function barText({ wanted, unit }: Bar): string {
  return 'atLeast' in wanted ? `≥ ${wanted.atLeast} ${unit}` : `< ${wanted.below} ${unit}`;
}

function judged<Name extends keyof Round | 'resident'>(
  bar: Omit<Bar, 'measured' | 'rounds' | 'met'>,
  found:
    | { median: Partial<Record<Name, number | null>>; rounds: Partial<Record<Name, number | null>>[] }
    | null
    | undefined,
  name: Name,
): Bar {
  const measured = found?.median[name] ?? null;
  const rounds = found?.rounds.flatMap((round) => round[name] ?? []) ?? [];
  const met =
    measured === null ? null : 'atLeast' in bar.wanted ? measured >= bar.wanted.atLeast : measured < bar.wanted.below;
  return { ...bar, measured, rounds, met };
}
