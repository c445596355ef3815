// Defines what is measured. In each scenario, the floor, our APIs and the peer do the same work under the same load.
import type { Door, Doors, Server, Urls } from './load/doors.js';
import type { Script } from './load/load.js';
import { creations, lists, mixed, reads, updates } from './load/work.js';
import type { Seed } from './seed/seed.js';

export interface Target {
  name: string;
  server: Server;
  /** The script is made again before each round, because it has to know what the last round has changed. */
  script(): Script | Promise<Script>;
}

export interface Scenario {
  name: string;
  /**
   * This is what counts: how many requests per second are answered, how long they take at a fixed rate, or for how long
   * one request blocks all others.
   */
  kind: 'rate' | 'latency' | 'delay';
  /** The others are compared with the first one, which is the floor or the bare service. */
  targets: Target[];
}

/** This is the rate of the `latency` scenarios in requests per second. */
export const PACE = 500;

/** The peer is left out where it is not installed. */
export function scenarios(doors: Doors, urls: Urls, seed: Seed, bareSeed: Seed, connections: number): Scenario[] {
  const { token, listed, large, spread, crowded } = seed;
  const { floor, rest, graphql, bare } = doors;
  const both = { ...rest, name: 'both' };
  const all = [floor, rest, graphql, ...(doors.peer ? [doors.peer] : [])];
  const crowd = crowded.secretIds.map((secretId) => ({ environmentId: crowded.environmentId, secretId }));
  // The peer has the same secrets as the floor.
  const revisionsAt = ({ server }: Door) => ({ url: urls[server === 'service' ? 'service' : 'floor'], token });

  const to = (doors: Door[], script: (door: Door) => Script | Promise<Script>): Target[] =>
    doors.map((door) => ({ name: door.name, server: door.server, script: () => script(door) }));
  const update = (secrets: typeof spread) => (door: Door) => updates(door, secrets, connections, revisionsAt(door));
  return [
    {
      name: 'read by id',
      kind: 'rate',
      targets: to(all, (door) => reads(door, listed)),
    },
    {
      name: 'list of 100',
      kind: 'rate',
      targets: to(all, (door) => lists(door, listed)),
    },
    {
      name: 'read by id, sealed and audited',
      kind: 'rate',
      targets: [...to([bare], (door) => reads(door, bareSeed.listed)), ...to([both], (door) => reads(door, listed))],
    },
    {
      name: 'list of 100, sealed and audited',
      kind: 'rate',
      targets: [...to([bare], (door) => lists(door, bareSeed.listed)), ...to([both], (door) => lists(door, listed))],
    },
    {
      name: 'update',
      kind: 'rate',
      targets: [...to(all, update(spread)), ...to([{ ...rest, name: 'REST, all in one environment' }], update(crowd))],
    },
    {
      name: 'create',
      kind: 'rate',
      targets: to(all, (door) => creations(door, spread)),
    },
    {
      name: `mixed, ${PACE} req/s`,
      kind: 'latency',
      targets: to(all, (door) => mixed(door, listed, spread, revisionsAt(door))),
    },
    {
      name: 'list of 1,000',
      kind: 'delay',
      targets: to([floor, rest], (door) => lists(door, [large])),
    },
  ];
}
