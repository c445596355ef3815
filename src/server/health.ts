// Health: whether the process lives (/healthz), and whether its database answers (/readyz).
import { Hono } from 'hono';
import { JSON_TYPE } from '../rest/problem.js';

const PING_AGAIN_AFTER_MS = 250;

/** `ping` rejects with UNAVAILABLE while the database does not answer. */
export function createHealthRoutes(ping: () => Promise<void>): Hono {
  const app = new Hono();
  const sharedPing = shared(ping);
  app.get('/healthz', () => json({ status: 'ok' }));
  app.get('/readyz', async () => {
    await sharedPing();
    return json({ status: 'ready' });
  });
  return app;
}

function json(body: object): Response {
  return new Response(JSON.stringify(body), { headers: { 'content-type': JSON_TYPE, 'cache-control': 'no-store' } });
}

/** Anybody may ask, as often as they like: all of a moment share one outcome. */
function shared(ping: () => Promise<void>): () => Promise<void> {
  let outcome: Promise<void> | undefined;
  return () => {
    outcome ??= ping().finally(() => {
      setTimeout(() => {
        outcome = undefined;
      }, PING_AGAIN_AFTER_MS).unref();
    });
    return outcome;
  };
}
