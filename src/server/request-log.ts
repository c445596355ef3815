// What is logged of requests: one line each at debug, bugs, and outages without a line for everyone who meets them.
import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { AppError } from '../errors/errors.js';
import { requestIdOf } from '../http/request-id.js';
import { codeOf, type Logger } from '../logging/logger.js';
import { createOutageLog } from '../logging/outage-log.js';

/** Takes what a caller is not told: a bug, or why the service was UNAVAILABLE. */
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

/** The route's pattern, not the path: paths hold ids, queries and headers anything. */
export function logRequests(log: Logger): MiddlewareHandler {
  return async (c, next) => {
    const began = performance.now();
    await next();
    const ms = Math.round(performance.now() - began);
    const { method } = c.req;
    log.debug({ requestId: requestIdOf(c), method, route: routePath(c, -1), status: c.res.status, ms }, 'request');
  };
}
