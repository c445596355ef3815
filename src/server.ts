// The HTTP server around the app: timeouts against slow clients, documented bodies for what never reaches the app.
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { AppError, invalidRequest } from './errors.js';
import type { Logger } from './log.js';
import { nameRequest, requestIdIn } from './request-id.js';
import { problem } from './rest/problem.js';

type Fetch = (request: Request, env: object) => Response | Promise<Response>;

export interface HttpServerOptions {
  log: Logger;
}

/** Makes a server that does not listen yet. */
export function createHttpServer(fetch: Fetch, { log }: HttpServerOptions): Server {
  async function answer(request: Request, env: HttpBindings): Promise<Response> {
    try {
      return await fetch(request, env);
    } catch (error) {
      // Whoever hangs up aborts what was done for them.
      if (!env.outgoing.destroyed) log.error({ err: error, requestId: requestIdIn(env.outgoing) }, 'unexpected error');
      return problem(new AppError('INTERNAL_UNKNOWN', 'Internal error'));
    }
  }
  const listener = getRequestListener((request, env) => answer(request, env as HttpBindings), {
    // HTTP/1.0 has no Host, and a health check may well come without.
    hostname: 'localhost',
    errorHandler: () => problem(invalidRequest('The request is not valid HTTP')),
  });
  const server = createServer(
    {
      // Node's defaults let a slow client hold a connection for minutes.
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 65_000,
      requireHostHeader: false,
    },
    (incoming, outgoing) => {
      nameRequest(incoming, outgoing);
      listener(incoming, outgoing);
    },
  );
  countRequests(server);
  server.on('listening', () => {
    const { address, port } = server.address() as AddressInfo;
    log.info({ address, port }, 'listening');
  });
  return server.on('clientError', refuseMalformed);
}

const REFUSALS: Readonly<Record<string, { status: string; error: string }>> = {
  HPE_HEADER_OVERFLOW: { status: '431 Request Header Fields Too Large', error: 'The request has too many headers' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', error: 'The request did not arrive in time' },
};

/** What the HTTP parser refuses still gets the documented body, and the connection ends. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const code = 'INVALID_REQUEST';
  const refusal = REFUSALS[error.code ?? ''];
  const body = JSON.stringify(
    refusal ? { code, error: refusal.error } : { code, errors: ['The request is not valid HTTP'] },
  );
  const head = [
    `HTTP/1.1 ${refusal?.status ?? '400 Bad Request'}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  // A client that goes on sending would keep a half-closed connection open.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** Stops listening, lets requests in flight finish for `graceMs`, and closes every connection that has none. */
export async function drain(server: Server, graceMs: number): Promise<void> {
  const closeIdle = () => {
    for (const [socket, requests] of connectionsOf(server)) if (requests === 0) socket.destroy();
  };
  const closed = new Promise((resolve) => server.close(resolve));
  closeIdle();
  const again = setInterval(closeIdle, 50);
  const late = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(again);
  clearTimeout(late);
}

const connections = new WeakMap<Server, Map<Socket, number>>();

function connectionsOf(server: Server): Map<Socket, number> {
  return connections.get(server) ?? new Map();
}

/** How many requests each connection has in flight; Node itself forgets connections that never sent anything. */
function countRequests(server: Server): void {
  const open = new Map<Socket, number>();
  connections.set(server, open);
  server.on('connection', (socket: Socket) => {
    open.set(socket, 0);
    socket.once('close', () => open.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    const change = (by: number) => open.has(socket) && open.set(socket, (open.get(socket) ?? 0) + by);
    change(1);
    response.once('close', () => change(-1));
  });
}
