// The limit of requests per client address.
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context as HonoContext } from 'hono';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Config } from '../config/config.js';
import { AppError } from '../errors/errors.js';

/** Per client address and process: a brake, not a bookkeeper. Rejects with RATE_LIMITED. */
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
  // The last entry is the one our own proxy has added; the others are whatever the client said.
  const forwarded = trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  return forwarded || (c.env?.incoming ? getConnInfo(c).remote.address : undefined) || 'unknown';
}
