// Limits of requests per minute: by client address, and by account.
import type { Context as HonoContext } from 'hono';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Config } from '../../config/config.js';
import { AppError } from '../../errors/errors.js';
import type { SecurityLog } from '../../logging/security-log.js';
import { clientAddress } from './client-address.js';

const WINDOW_SECONDS = 60;

/**
 * The returned function rejects with RATE_LIMITED. Every process counts by itself and in memory, so with several
 * processes the total limit is only approximate.
 */
export function rateLimit(
  { rateLimit: points, trustProxy }: Config,
  security: SecurityLog,
): (c: HonoContext) => Promise<void> {
  if (points === 0) return async () => {};
  const consume = limiter(points, 'are allowed', (address) => security.note('address_limit', { address }));
  return (c) => consume(clientAddress(c, trustProxy));
}

/** The same for accounts, over all their addresses and credentials; undefined without a limit. */
export function accountRateLimit(
  { accountRateLimit: points }: Config,
  security: SecurityLog,
): ((accountId: string) => Promise<void>) | undefined {
  if (points === 0) return undefined;
  const onLimit = (accountId: string) => security.note('account_limit', { accountId });
  return limiter(points, 'of one account are allowed', onLimit);
}

function limiter(points: number, allowed: string, onLimit: (key: string) => void): (key: string) => Promise<void> {
  const memory = new RateLimiterMemory({ points, duration: WINDOW_SECONDS });
  return async (key) => {
    try {
      await memory.consume(key);
    } catch (rejected) {
      onLimit(key);
      const { msBeforeNext } = rejected as { msBeforeNext: number };
      // The end of the window is computed with the system's clock. If that goes back, the end seems farther away than
      // it is: the counter itself is removed by a timer, which is not affected.
      const retryAfter = Math.min(WINDOW_SECONDS, Math.max(1, Math.ceil(msBeforeNext / 1_000)));
      throw new AppError('RATE_LIMITED', `Too many requests: ${points} a minute ${allowed}`, { retryAfter });
    }
  };
}
