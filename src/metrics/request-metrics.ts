// Requests and how long they took. Labels come from closed lists: doors, operations of this service, and codes.
import type { ServerResponse } from 'node:http';
import { Gauge, type Metric, type Registry } from 'prom-client';
import type { Exchange } from '../logging/exchange.js';
import { count, RequestTally, time } from './request-tally.js';

export interface RequestMetrics {
  begin(): void;
  /** Called when the answer was sent, or given up. */
  end(exchange: Exchange, outgoing: ServerResponse, outcome: string): void;
}

const REQUESTS = 'agent_secrets_requests_total';
const DURATIONS = 'agent_secrets_request_duration_seconds';

export function createRequestMetrics(registry: Registry): RequestMetrics {
  const tally = new RequestTally();
  let inFlight = 0;
  register(registry, {
    name: REQUESTS,
    help: 'Requests that were answered or given up, by door, operation and code',
    type: 'counter',
    values: () => tally.counts(REQUESTS),
  });
  register(registry, {
    name: DURATIONS,
    help: 'Time from the head of a request to the last byte of its answer; event streams are not among them',
    type: 'histogram',
    values: () => tally.durations(DURATIONS),
  });
  new Gauge({
    name: 'agent_secrets_requests_in_flight',
    help: 'Requests whose answers are not completely sent, event streams included',
    registers: [registry],
    collect() {
      this.set(inFlight);
    },
  });
  return {
    begin() {
      inFlight += 1;
    },
    end(exchange, outgoing, outcome) {
      inFlight -= 1;
      const { door, operation = 'none', startedAt } = exchange;
      const own = tally.of(door, operation);
      count(own, outcome);
      if (!isEventStream(outgoing)) time(own, (performance.now() - startedAt) / 1_000);
    },
  };
}

interface Values {
  name: string;
  help: string;
  type: 'counter' | 'histogram';
  values(): object[];
}

/** A registry asks its metrics for their samples by `get`, and takes any object that answers. */
function register(registry: Registry, { name, help, type, values }: Values): void {
  const metric = { name, help, type, aggregator: 'sum', get: async () => ({ ...metric, values: values() }) };
  registry.registerMetric(metric as unknown as Metric);
}

function isEventStream(outgoing: ServerResponse): boolean {
  const type = outgoing.getHeader('content-type');
  return typeof type === 'string' && type.startsWith('text/event-stream');
}
