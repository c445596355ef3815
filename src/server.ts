// The HTTP server around the app: timeouts against slow clients, documented bodies for what never reaches the app.
import { createServer, type Server } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { type Connections, trackConnections } from './connections.js';
import { AppError, invalidRequest } from './errors.js';
import type { Logger } from './log.js';
import { nameRequest, requestIdIn } from './request-id.js';
import { problem } from './rest/problem.js';

type Fetch = (request: Request, env: object) => Response | Promise<Response>;

export interface HttpServerOptions {
  log: Logger;
  /** Milliseconds in which a client must take something of what is being sent to it. */
  stalledAfterMs?: number;
}

/** Makes a server that does not listen yet. */
export function createHttpServer(fetch: Fetch, { log, stalledAfterMs = 60_000 }: HttpServerOptions): Server {
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
      if (!connections.begin(outgoing)) return;
      nameRequest(incoming, outgoing);
      outgoing.setHeader('x-content-type-options', 'nosniff');
      listener(incoming, outgoing);
    },
  );
  const connections = trackConnections(server);
  connectionsOf.set(server, connections);
  // Node notices by itself when bytes go out or come in. An answer that is still being made may take its time, and a stream
  // may have nothing to say.
  server.setTimeout(stalledAfterMs, (socket) => {
    if (socket.writableLength > 0 || !connections.isUnderWay(socket)) socket.destroy();
  });
  server.on('listening', () => {
    const { address, port } = server.address() as AddressInfo;
    log.info({ address, port }, 'listening');
  });
  return server.on('clientError', (error, socket) => refuseMalformed(error, socket as Socket, connections));
}

const REFUSALS: Readonly<Record<string, { status: string; error: string }>> = {
  HPE_HEADER_OVERFLOW: { status: '431 Request Header Fields Too Large', error: 'The request has too many headers' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', error: 'The request did not arrive in time' },
};

/** What the HTTP parser refuses still gets the documented body, and the connection ends. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket, connections: Connections): void {
  // Behind an answer that does not move, or before one that was asked for earlier, no other can be given.
  const isAnswerable = socket.writable && socket.writableLength === 0 && connections.isAnswerable(socket);
  if (!isAnswerable || error.code === 'ECONNRESET') {
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

const connectionsOf = new WeakMap<Server, Connections>();

/** Stops listening, lets requests finish for `graceMs` that have begun, and closes every connection that has none. */
export async function drain(server: Server, graceMs: number): Promise<void> {
  const connections = connectionsOf.get(server);
  // An HTTP server's own close() cuts off answers that are made, but not yet wholly sent.
  const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
  connections?.endAfterAnswers();
  const closeIdle = () => {
    for (const socket of connections?.open() ?? []) if (connections?.isIdle(socket)) socket.destroy();
  };
  closeIdle();
  const again = setInterval(closeIdle, 50);
  const late = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(again);
  clearTimeout(late);
}
