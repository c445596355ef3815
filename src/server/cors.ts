// CORS: the origins from which browsers may call, and the methods and headers of these calls.
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

export function crossOrigin(origins: readonly string[]): MiddlewareHandler {
  const anyone = origins.includes('*');
  return cors({
    origin: anyone ? '*' : [...origins],
    credentials: !anyone,
    allowMethods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    // Whatever an allowed origin asks for: clients and tracing add headers of their own, and none of them opens anything.
    // No list means that the answer repeats what was asked for.
    exposeHeaders: ['etag', 'retry-after', 'x-request-id'],
    maxAge: 600,
  });
}
