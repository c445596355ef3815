// What is done with what became known of a request, once it is answered: it is counted, logged where that is wanted,
// and refusals are told to whoever watches over the service.
import type { ServerResponse } from 'node:http';
import { requestIdIn } from '../http/request-id.js';
import type { AccessLog } from '../logging/access-log.js';
import type { Exchange } from '../logging/exchange.js';
import type { SecurityLog } from '../logging/security-log.js';
import type { RequestMetrics } from '../metrics/request-metrics.js';
import { addressOfRequest } from './callers/client-address.js';

export interface RequestObserver {
  begin(): void;
  /** Called when the answer was sent, or given up. */
  end(exchange: Exchange, outgoing: ServerResponse): void;
}

export interface Observed {
  security: SecurityLog;
  metrics?: RequestMetrics | undefined;
  accessLog?: AccessLog | undefined;
  trustProxy: boolean;
}

export function createObserver({ security, metrics, accessLog, trustProxy }: Observed): RequestObserver {
  return {
    begin() {
      metrics?.begin();
    },
    end(exchange, outgoing) {
      if (exchange.door === 'other' && isHealthCheck(outgoing)) exchange.door = 'health';
      const outcome = outcomeOf(exchange, outgoing);
      metrics?.end(exchange, outgoing, outcome);
      accessLog?.(exchange, {
        requestId: requestIdIn(outgoing),
        address: addressOfRequest(outgoing.req, trustProxy),
        method: outgoing.req.method,
        status: outgoing.statusCode,
        code: outcome,
      });
      const { code, actor } = exchange;
      if (code === 'AUTH_FORBIDDEN' && actor) {
        const { accountId, tokenId } = actor;
        security.note('refused_action', { accountId, tokenId });
      }
    },
  };
}

/** The code of the answer's error, or its status where it has none. */
function outcomeOf({ code }: Exchange, outgoing: ServerResponse): string {
  if (code !== undefined) return code;
  if (!outgoing.headersSent) return 'ABORTED';
  return outgoing.statusCode < 400 ? 'OK' : String(outgoing.statusCode);
}

function isHealthCheck({ req }: ServerResponse): boolean {
  return /^\/(healthz|readyz)(\?|$)/.test(req.url ?? '');
}
