// Health checks: whether the process runs (/healthz), and whether its database responds (/readyz).
import { Hono } from 'hono';
import { JSON_TYPE } from '../rest/problem.js';

const OUTCOME_TTL_MS = 250;

/** `ping` rejects with UNAVAILABLE while the database does not respond. */
export function createHealthRoutes(ping: () => Promise<void>): Hono {
  const app = new Hono();
  const cachedPing = cached(ping);
  app.get('/healthz', () => json({ status: 'ok' }));
  app.get('/readyz', async () => {
    await cachedPing();
    return json({ status: 'ready' });
  });
  return app;
}

function json(body: object): Response {
  return new Response(JSON.stringify(body), { headers: { 'content-type': JSON_TYPE, 'cache-control': 'no-store' } });
}

/**
 * Clients can send health checks at any rate and without a credential. So concurrent calls share one ping, and its
 * outcome is reused for OUTCOME_TTL_MS.
 */
function cached(ping: () => Promise<void>): () => Promise<void> {
  let outcome: Promise<void> | undefined;
  return () => {
    outcome ??= ping().finally(() => {
      setTimeout(() => {
        outcome = undefined;
      }, OUTCOME_TTL_MS).unref();
    });
    return outcome;
  };
}
