// Logs requests (one line each at level debug), unexpected errors, and outages without one line per failed request.
import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { AppError } from '../errors/errors.js';
import { requestIdOf } from '../http/request-id.js';
import { codeOf, type Logger } from '../logging/logger.js';
import { createOutageLog } from '../logging/outage-log.js';

/** Receives errors that must not be shown to clients: unexpected errors, and the cause of UNAVAILABLE. */
export type Report = (error: unknown, requestId?: string) => void;

export function createReport(log: Logger): Report {
  const outage = createOutageLog(log);
  return (error, requestId) => {
    if (error instanceof AppError && error.code === 'UNAVAILABLE') {
      if (error.details.isRoutine) return;
      outage('answered UNAVAILABLE', { reason: error.message, code: codeOf(error.cause), requestId });
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
