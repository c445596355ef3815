// Limits of requests per minute: by client address, and by account.
import type { Context as HonoContext } from 'hono';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Config } from '../../config/config.js';
import { AppError } from '../../errors/errors.js';
import { clientAddress } from './client-address.js';

const WINDOW_SECONDS = 60;

/**
 * The returned function rejects with RATE_LIMITED. Every process counts by itself and in memory, so with several
 * processes the total limit is only approximate.
 */
export function rateLimit({ rateLimit: points, trustProxy }: Config): (c: HonoContext) => Promise<void> {
  if (points === 0) return async () => {};
  const consume = limiter(points, 'are allowed');
  return (c) => consume(clientAddress(c, trustProxy));
}

/** The same for accounts, over all their addresses and credentials; undefined without a limit. */
export function accountRateLimit({
  accountRateLimit: points,
}: Config): ((accountId: string) => Promise<void>) | undefined {
  return points === 0 ? undefined : limiter(points, 'of one account are allowed');
}

function limiter(points: number, allowed: string): (key: string) => Promise<void> {
  const memory = new RateLimiterMemory({ points, duration: WINDOW_SECONDS });
  return async (key) => {
    try {
      await memory.consume(key);
    } catch (rejected) {
      const { msBeforeNext } = rejected as { msBeforeNext: number };
      // The end of the window is computed with the system's clock. If that goes back, the end seems farther away than
      // it is: the counter itself is removed by a timer, which is not affected.
      const retryAfter = Math.min(WINDOW_SECONDS, Math.max(1, Math.ceil(msBeforeNext / 1_000)));
      throw new AppError('RATE_LIMITED', `Too many requests: ${points} a minute ${allowed}`, { retryAfter });
    }
  };
}
