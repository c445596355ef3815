// Describes the results of a run: the numbers of each round, the medians, and which bars are met.
import type { Server } from '../load/doors.js';
import type { Load } from '../load/load.js';
import type { Scenario } from '../targets.js';
import { percentile } from './statistics.js';

export interface Bar {
  name: string;
  /** This is the figure of one target in one scenario. The subscribers have no target. */
  scenario: string;
  target: string | null;
  figure: 'ofFloor' | 'ofPeer' | 'p99' | 'longestDelay' | 'resident';
  unit: '× floor' | '× peer' | 'ms' | 'MB';
  wanted: { atLeast: number } | { below: number };
  /** This is the median of the rounds. It is null when nothing was measured. */
  measured: number | null;
  rounds: number[];
  /** This is null when nothing was measured. */
  met: boolean | null;
}

export interface Round {
  requests: number;
  seconds: number;
  errors: number;
  requestsPerSecond: number;
  /** Requests per second relative to the floor's in the same round. Null for the floor, and where the rate is fixed. */
  ofFloor: number | null;
  /** Requests per second relative to the peer's. Null for everything but our own APIs. */
  ofPeer: number | null;
  /** The latencies are in milliseconds. */
  p50: number;
  p99: number;
  max: number;
  /** The server's event loop was blocked for so many milliseconds at a time. Null where it was not watched. */
  longestDelay: number | null;
  /** This is processor time per request in microseconds. It is null where it cannot be measured. */
  serverCpu: number | null;
  postgresCpu: number | null;
  loadCpu: number | null;
  /** This is the resident memory after the round in megabytes. */
  resident: number | null;
}

export interface Result {
  scenario: string;
  kind: Scenario['kind'];
  target: string;
  server: Server;
  rounds: Round[];
  /** This has the median of each number over all rounds. */
  median: Round;
}

export interface SubscriberRound {
  subscribers: number;
  errors: number;
  /** Megabytes that 1,000 subscribers cost: of resident memory, and of what V8 uses inside and outside its heap. */
  resident: number | null;
  inUse: number;
  /** The share of a processor core that the service uses while nothing happens, and during the writes. */
  idleCpu: number | null;
  writingCpu: number | null;
  /** The time from sending the write to receiving the event, in milliseconds. */
  deliveries: number;
  p50: number;
  p99: number;
  max: number;
}

export interface SubscriberResult {
  name: string;
  rounds: SubscriberRound[];
  median: SubscriberRound;
}

export interface Report {
  date: string;
  command: string;
  machine: { cpu: string; cores: number; memoryGigabytes: number; node: string; postgres: string; loadAverage: number };
  settings: { rounds: number; seconds: number; connections: number; poolSize: number; profiled: boolean };
  results: Result[];
  subscribers: SubscriberResult | null;
  bars: Bar[];
}

export interface Usage {
  server: number | null;
  postgres: number | null;
  load: number | null;
}

export function roundOf(load: Load, before: Usage, after: Usage): Round {
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
    ofPeer: null,
    p50: percentile(load.latencies, 0.5),
    p99: percentile(load.latencies, 0.99),
    max: percentile(load.latencies, 1),
    longestDelay: null,
    serverCpu: perRequest('server'),
    postgresCpu: perRequest('postgres'),
    loadCpu: perRequest('load'),
    resident: null,
  };
}

/** Tells whether the figures mean anything: they do not when answers were wrong or missing. */
export function isSound({ results, subscribers }: Report): boolean {
  return (
    results.every(({ rounds }) => rounds.every(({ errors, requests }) => errors === 0 && requests > 0)) &&
    (subscribers?.rounds.every(({ errors, deliveries }) => errors === 0 && deliveries > 0) ?? true)
  );
}
