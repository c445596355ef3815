// Health checks: whether the process runs (/healthz), and whether its database responds and takes writes (/readyz).
import { Hono } from 'hono';
import { unavailable } from '../errors/refusals.js';
import { JSON_TYPE, problem } from '../rest/problem.js';

const OUTCOME_TTL_MS = 250;

type Ping = () => Promise<{ isWritable: boolean }>;

/**
 * `ping` rejects with UNAVAILABLE while the database does not respond. A process that is stopping is not ready, either,
 * so that load balancers send nothing more to it.
 */
export function createHealthRoutes(ping: Ping, isStopping = () => false): Hono {
  const app = new Hono();
  const cachedPing = cached(ping);
  app.get('/healthz', () => json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    if (isStopping()) return problem(unavailable('The instance is stopping, use another one'));
    const { isWritable } = await cachedPing();
    if (!isWritable && c.req.query('writable') !== undefined) {
      throw unavailable('The database is read-only just now, try again later');
    }
    return json({ status: 'ready', writable: isWritable });
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
function cached(ping: Ping): Ping {
  let outcome: ReturnType<Ping> | undefined;
  return () => {
    outcome ??= ping().finally(() => {
      setTimeout(() => {
        outcome = undefined;
      }, OUTCOME_TTL_MS).unref();
    });
    return outcome;
  };
}
