// What a run has found: numbers per round, medians, and which bars are met.
import type { Server } from '../load/doors.js';
import type { Load } from '../load/load.js';
import type { Scenario } from '../targets.js';
import { percentile } from './statistics.js';

export interface Bar {
  name: string;
  /** Which figure of which target it is about; null for the subscribers. */
  scenario: string;
  target: string | null;
  figure: 'ofFloor' | 'ofPeer' | 'p99' | 'longestDelay' | 'resident';
  unit: '× floor' | '× peer' | 'ms' | 'MB';
  wanted: { atLeast: number } | { below: number };
  /** The median of the rounds, and each round; null when it was not measured. */
  measured: number | null;
  rounds: number[];
  /** Null when it was not measured. */
  met: boolean | null;
}

export interface Round {
  requests: number;
  seconds: number;
  errors: number;
  requestsPerSecond: number;
  /** Requests per second as a share of the floor's in the same round; null for the floor, and where the rate is given. */
  ofFloor: number | null;
  /** And of the peer's; null for all but our own doors. */
  ofPeer: number | null;
  /** Milliseconds. */
  p50: number;
  p99: number;
  max: number;
  /** Milliseconds for which the server's event loop was held up at a time; null where it was not watched. */
  longestDelay: number | null;
  /** Microseconds of processor time per request; null where it cannot be measured. */
  serverCpu: number | null;
  postgresCpu: number | null;
  loadCpu: number | null;
  /** Megabytes after the round. */
  resident: number | null;
}

export interface Result {
  scenario: string;
  kind: Scenario['kind'];
  target: string;
  server: Server;
  rounds: Round[];
  /** Of each number by itself. */
  median: Round;
}

export interface SubscriberRound {
  subscribers: number;
  errors: number;
  /** Megabytes that 1,000 of them cost: of resident memory, and of what V8 has in use inside and outside its heap. */
  resident: number | null;
  inUse: number;
  /** Share of a processor core that the service takes while nothing happens, and with the writes. */
  idleCpu: number | null;
  writingCpu: number | null;
  /** From sending the write to having the event, in milliseconds. */
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

/** Answers that were wrong or never came say that the figures say nothing. */
export function isSound({ results, subscribers }: Report): boolean {
  return (
    results.every(({ rounds }) => rounds.every(({ errors, requests }) => errors === 0 && requests > 0)) &&
    (subscribers?.rounds.every(({ errors, deliveries }) => errors === 0 && deliveries > 0) ?? true)
  );
}
