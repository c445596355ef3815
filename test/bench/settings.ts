// Reads the settings of a run from the command line.
import { parseArgs } from 'node:util';

export const HELP = `Usage: npm run bench -- [options]

  --rounds n        measured rounds of every target        (5)
  --seconds n       length of a round                      (1.5)
  --warmup n        seconds of load before the first round (1.5)
  --connections n   concurrent connections, 1 to 64        (32)
  --only text       targets whose "scenario: target" contains the text, ignoring case; may be repeated
  --profile         where the servers' time goes, per target (slows them down)
  --quick           a smoke test: one short round of everything
`;

export interface Settings {
  rounds: number;
  seconds: number;
  warmup: number;
  connections: number;
  only: string[];
  profile: boolean;
  /** The rounds of the subscribers and the seconds of writing in each. They need a process of their own and more time. */
  subscribers: { rounds: number; seconds: number };
}

export function settingsFrom(args: string[]): Settings | undefined {
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
  const usual = values.quick ? { rounds: 1, seconds: 0.4, warmup: 0.2 } : { rounds: 5, seconds: 1.5, warmup: 1.5 };
  return {
    rounds: number('rounds', values.rounds ?? usual.rounds, 1, 1_000),
    seconds: number('seconds', values.seconds ?? usual.seconds, 0.1, 3_600),
    warmup: number('warmup', values.warmup ?? usual.warmup, 0, 3_600),
    connections: number('connections', values.connections, 1, 64),
    only: values.only,
    profile: values.profile,
    subscribers: values.quick ? { rounds: 1, seconds: 1 } : { rounds: 3, seconds: 5 },
  };
}

export function isSelected(name: string, only: readonly string[]): boolean {
  return only.length === 0 || only.some((text) => name.toLowerCase().includes(text.toLowerCase()));
}

function number(name: string, given: string | number, min: number, max: number): number {
  const value = Number(given);
  if (!(value >= min && value <= max)) throw new Error(`--${name}: expected a number from ${min} to ${max}`);
  return value;
}
