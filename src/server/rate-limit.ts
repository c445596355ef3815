// The rate limit per client address.
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context as HonoContext } from 'hono';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Config } from '../config/config.js';
import { AppError } from '../errors/errors.js';

/**
 * The returned function rejects with RATE_LIMITED. Every process counts by itself and in memory, so with several
 * processes the total limit is only approximate.
 */
export function rateLimit({ rateLimit: points, trustProxy }: Config): (c: HonoContext) => Promise<void> {
  if (points === 0) return async () => {};
  const limiter = new RateLimiterMemory({ points, duration: 60 });
  return async (c) => {
    try {
      await limiter.consume(addressOf(c, trustProxy));
    } catch (rejected) {
      const { msBeforeNext } = rejected as { msBeforeNext: number };
      const retryAfter = Math.max(1, Math.ceil(msBeforeNext / 1_000));
      throw new AppError('RATE_LIMITED', `Too many requests: ${points} a minute are allowed`, { retryAfter });
    }
  };
}

function addressOf(c: HonoContext, trustProxy: boolean): string {
  // Our own proxy has appended the last entry. The client can put anything into the others.
  const forwarded = trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  return forwarded || (c.env?.incoming ? getConnInfo(c).remote.address : undefined) || 'unknown';
}
