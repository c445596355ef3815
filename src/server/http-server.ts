// The HTTP server around the app: timeouts against slow clients, and error bodies for requests that never reach the app.
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { AppError } from '../errors/errors.js';
import { invalidRequest } from '../errors/refusals.js';
import { nameRequest, requestIdFrom, requestIdIn } from '../http/request-id.js';
import { closeUnread } from '../http/unread-body.js';
import { beginExchange } from '../logging/exchange.js';
import type { Logger } from '../logging/logger.js';
import { JSON_TYPE, problem, problemBody } from '../rest/problem.js';
import { type Connections, trackConnections } from './connections.js';
import { enableDrain } from './drain.js';
import type { RequestObserver } from './observe.js';
import { cutSlowReaders, type SlowReaderLimits } from './slow-readers.js';

type Fetch = (request: Request, env: object) => Response | Promise<Response>;

/** Set on every response. */
const SAFE_HEADERS: Readonly<Record<string, string>> = { 'x-content-type-options': 'nosniff' };

export interface HttpServerOptions {
  log: Logger;
  /** Milliseconds within which a client must read at least a part of the data that is being sent to it. */
  stalledAfterMs?: number;
  slowReaders?: Partial<SlowReaderLimits>;
  observer?: RequestObserver | undefined;
}

/** Creates a server that does not listen yet. */
export function createHttpServer(
  fetch: Fetch,
  { log, stalledAfterMs = 60_000, slowReaders, observer }: HttpServerOptions,
): Server {
  async function respond(request: Request, env: HttpBindings): Promise<Response> {
    try {
      return await closeUnread(await fetch(request, env), env.incoming);
    } catch (error) {
      // A client that disconnects aborts its own request, which is not a fault of the service.
      if (!env.outgoing.destroyed) log.error({ err: error, requestId: requestIdIn(env.outgoing) }, 'unexpected error');
      return problem(new AppError('INTERNAL_UNKNOWN', 'Internal error'));
    }
  }
  const listener = getRequestListener((request, env) => respond(request, env as HttpBindings), {
    // HTTP/1.0 requires no Host header, and some health checks send none.
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
      if (accept(incoming, outgoing)) listener(incoming, outgoing);
    },
  );
  const connections = trackConnections(server);
  enableDrain(server, connections);
  cutSlowReaders(server, connections, slowReaders);
  function accept(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
    const exchange = observer && beginExchange(outgoing);
    const onEnd = exchange && (() => observer.end(exchange, outgoing));
    if (!connections.begin(outgoing, onEnd)) return false;
    observer?.begin();
    nameRequest(incoming, outgoing);
    for (const name in SAFE_HEADERS) outgoing.setHeader(name, SAFE_HEADERS[name] as string);
    return true;
  }
  server.on('checkExpectation', (incoming, outgoing) => {
    if (!accept(incoming, outgoing)) return;
    const { headers, body } = refusal(417, 'Expect: only 100-continue can be met');
    outgoing.writeHead(417, headers).end(body);
  });
  // Node restarts this timer whenever the socket sends or receives bytes. A response that is still being computed may
  // take longer, and so may a stream without events; neither is cut off.
  server.setTimeout(stalledAfterMs, (socket) => {
    if (socket.writableLength > 0 || !connections.isUnderWay(socket)) socket.destroy();
  });
  server.on('listening', () => {
    const { address, port } = server.address() as AddressInfo;
    log.info({ address, port }, 'listening');
  });
  return server.on('clientError', (error, socket) => refuseMalformed(error, socket as Socket, connections));
}

const REFUSALS: Readonly<Record<string, [status: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The request has too many headers'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time'],
};

/** Sends the documented error body for a request that the HTTP parser rejects, and closes the connection. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket, connections: Connections): void {
  // No response can be sent behind one that the client does not read, or before the response to an earlier request.
  const isAnswerable = socket.writable && socket.writableLength === 0 && connections.isAnswerable(socket);
  if (!isAnswerable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, message] = REFUSALS[error.code ?? ''] ?? [400, 'The request is not valid HTTP'];
  const { headers, body } = refusal(status, message);
  const head = Object.entries({ ...headers, ...SAFE_HEADERS, 'x-request-id': requestIdFrom(undefined) });
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...head.map(([name, value]) => `${name}: ${value}`)];
  // Without destroy(), a client that continues to send would keep the half-closed connection open.
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** Headers and body of the response to a request that never reaches the app. It closes the connection. */
function refusal(status: number, message: string) {
  const body = JSON.stringify(problemBody('INVALID_REQUEST', status, message));
  const headers = {
    'content-type': JSON_TYPE,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    connection: 'close',
  };
  return { headers, body };
}
