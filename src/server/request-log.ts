// Logs requests (one line each at level debug), unexpected errors, and outages without one line per failed request.
import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { AppError } from '../errors/errors.js';
import { requestIdOf } from '../http/request-id.js';
import { codeOf, type Logger, poolerWordsOf } from '../logging/logger.js';
import { createOutageLog } from '../logging/outage-log.js';

/** Receives what clients are not shown: unexpected errors, the cause of UNAVAILABLE, and why values or keys do not open. */
export type Report = (error: unknown, requestId?: string) => void;

export function createReport(log: Logger): Report {
  const outage = createOutageLog(log);
  return (error, requestId) => {
    if (error instanceof AppError && error.code === 'UNAVAILABLE') {
      if (error.details.isRoutine) return;
      const { message: reason, cause, details } = error;
      const detail = details.forOperator ?? poolerWordsOf(cause);
      outage('answered UNAVAILABLE', { reason, code: codeOf(cause), detail, requestId });
    } else if (error instanceof AppError && error.code === 'AGENT_SECRET_VALUE_UNREADABLE') {
      const { agentSecretIds } = error.details;
      log.error({ err: error.cause, agentSecretIds, requestId }, 'values do not open; verify-log says more');
    } else if (error instanceof AppError && error.code === 'ENVIRONMENT_KEY_UNREADABLE') {
      const { environmentId } = error.details;
      log.error({ err: error.cause, environmentId, requestId }, 'the keys of an environment do not open');
    } else {
      log.error({ err: error, requestId }, 'unexpected error');
    }
  };
}

/** Logs the pattern of the route, not the URL: paths contain ids; query strings and headers may contain anything. */
export function logRequests(log: Logger): MiddlewareHandler {
  return async (c, next) => {
    const startedAt = performance.now();
    await next();
    const ms = Math.round(performance.now() - startedAt);
    const { method } = c.req;
    log.debug({ requestId: requestIdOf(c), method, route: routePath(c, -1), status: c.res.status, ms }, 'request');
  };
}
