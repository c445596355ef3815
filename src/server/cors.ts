// CORS: the origins from which browsers may call, and the methods and headers of these calls.
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

export function crossOrigin(origins: readonly string[]): MiddlewareHandler {
  const anyone = origins.includes('*');
  return cors({
    origin: anyone ? '*' : [...origins],
    credentials: !anyone,
    allowMethods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    allowHeaders: [
      'authorization',
      'content-type',
      'idempotency-key',
      'if-none-match',
      'last-event-id',
      'x-request-id',
    ],
    exposeHeaders: ['etag', 'retry-after', 'x-request-id'],
    maxAge: 600,
  });
}
