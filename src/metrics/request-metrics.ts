// Requests and how long they took. Labels come from closed lists: doors, operations of this service, and codes.
import type { ServerResponse } from 'node:http';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Exchange } from '../logging/exchange.js';

/** Seconds. Most requests take less than five milliseconds, and none should take ten seconds. */
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface RequestMetrics {
  begin(): void;
  /** Called when the answer was sent, or given up. */
  end(exchange: Exchange, outgoing: ServerResponse): void;
}

type Counted = { inc(): void };
type Timed = { observe(seconds: number): void };

export function createRequestMetrics(registry: Registry): RequestMetrics {
  const registers = [registry];
  let inFlight = 0;
  const requests = new Counter({
    name: 'agent_secrets_requests_total',
    help: 'Requests that were answered or given up, by door, operation and code',
    labelNames: ['door', 'operation', 'code'],
    registers,
  });
  const durations = new Histogram({
    name: 'agent_secrets_request_duration_seconds',
    help: 'Time from the head of a request to the last byte of its answer; event streams are not among them',
    labelNames: ['door', 'operation'],
    buckets: DURATIONS,
    registers,
  });
  new Gauge({
    name: 'agent_secrets_requests_in_flight',
    help: 'Requests whose answers are not completely sent, event streams included',
    registers,
    collect() {
      this.set(inFlight);
    },
  });
  // Looking a child up by its labels takes prom-client longer than everything else here together.
  const counted = new Map<string, Counted>();
  const timed = new Map<string, Timed>();

  function count(door: string, operation: string, code: string): void {
    const key = `${door} ${operation} ${code}`;
    let counter = counted.get(key);
    if (!counter) {
      counter = requests.labels(door, operation, code);
      counted.set(key, counter);
    }
    counter.inc();
  }

  function time(door: string, operation: string, seconds: number): void {
    const key = `${door} ${operation}`;
    let timer = timed.get(key);
    if (!timer) {
      timer = durations.labels(door, operation);
      timed.set(key, timer);
    }
    timer.observe(seconds);
  }

  return {
    begin() {
      inFlight += 1;
    },
    end(exchange, outgoing) {
      inFlight -= 1;
      const { door, operation = 'none', startedAt } = exchange;
      count(door, operation, codeOf(exchange, outgoing));
      if (!isEventStream(outgoing)) time(door, operation, (performance.now() - startedAt) / 1_000);
    },
  };
}

/** The code of the answer's error, or its status where it has none. */
export function codeOf({ code }: Exchange, outgoing: ServerResponse): string {
  if (code !== undefined) return code;
  if (!outgoing.headersSent) return 'ABORTED';
  return outgoing.statusCode < 400 ? 'OK' : String(outgoing.statusCode);
}

function isEventStream(outgoing: ServerResponse): boolean {
  const type = outgoing.getHeader('content-type');
  return typeof type === 'string' && type.startsWith('text/event-stream');
}
