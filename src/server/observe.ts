// What is done with what became known of a request, once it is answered: it is counted, and refusals are told to whoever
// watches over the service.
import type { ServerResponse } from 'node:http';
import type { Exchange } from '../logging/exchange.js';
import type { SecurityLog } from '../logging/security-log.js';
import type { RequestMetrics } from '../metrics/request-metrics.js';

export interface RequestObserver {
  begin(): void;
  /** Called when the answer was sent, or given up. */
  end(exchange: Exchange, outgoing: ServerResponse): void;
}

export interface Observed {
  security: SecurityLog;
  metrics: RequestMetrics | undefined;
}

export function createObserver({ security, metrics }: Observed): RequestObserver {
  return {
    begin() {
      metrics?.begin();
    },
    end(exchange, outgoing) {
      if (exchange.door === 'other' && isHealthCheck(outgoing)) exchange.door = 'health';
      metrics?.end(exchange, outgoing);
      const { code, actor } = exchange;
      if (code === 'AUTH_FORBIDDEN' && actor) {
        const { accountId, tokenId } = actor;
        security.note('refused_action', { accountId, tokenId });
      }
    },
  };
}

function isHealthCheck({ req }: ServerResponse): boolean {
  return /^\/(healthz|readyz)(\?|$)/.test(req.url ?? '');
}
