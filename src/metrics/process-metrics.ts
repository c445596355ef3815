// The registry of a process, with what Node says of it: event-loop delay, heap, processor time, descriptors.
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { VERSION } from '../http/version.js';

export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'agent_secrets_build_info',
    help: 'The version of the service, as a label',
    labelNames: ['version'],
    registers: [registry],
    aggregator: 'max',
  }).set({ version: VERSION }, 1);
  new Gauge({
    name: 'agent_secrets_processes',
    help: 'Processes that have answered this request for metrics',
    registers: [registry],
  }).set(1);
  return registry;
}
