// The metrics of one process. Their library costs a start 50 ms of processor, so this is loaded only where they are wanted.
import type { Server } from 'node:http';
import type { Services } from '../domain/request/services.js';
import { createRegistry } from './process-metrics.js';
import { createRequestMetrics } from './request-metrics.js';
import { registerServiceMetrics } from './service-metrics.js';

export function createMetrics() {
  const registry = createRegistry();
  return {
    registry,
    requests: createRequestMetrics(registry),
    watch: (services: Services, server: Server) => registerServiceMetrics(registry, services, server),
  };
}
