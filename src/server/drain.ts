// Stops a server without losing a request: answers first say that they are the last, then the listener closes, and what
// has begun is finished.
import type { Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { quietTurn } from '../scheduling/quiet-turn.js';
import type { Connections } from './connections.js';

/** How long a connection that has sent nothing yet may take for its first byte once the listener is closed. */
const FIRST_BYTE_MS = 1_000;
/** How long a client may take to end its side of a connection that the server has ended. */
const LINGER_MS = 1_000;
const CHECK_EVERY_MS = 50;

const connectionsOf = new WeakMap<Server, Connections>();

/** Prepares a server for the functions below. */
export function enableDrain(server: Server, connections: Connections): void {
  connectionsOf.set(server, connections);
}

/** From now on every answer carries `connection: close`. The server still takes new connections. */
export function sayLast(server: Server): void {
  connectionsOf.get(server)?.endAfterAnswers();
}

/**
 * Stops listening, ends idle connections, and gives requests that have begun `graceMs` milliseconds to finish.
 * `stopListening` is given where another process holds the port; it sees to it that `server.close()` is called.
 */
export async function drain(
  server: Server,
  graceMs: number,
  stopListening: (server: Server) => void = closeListener,
): Promise<void> {
  sayLast(server);
  const closed = new Promise((resolve) => server.once('close', resolve));
  await new Promise<void>((resolve) => {
    // close() of http.Server would cut off complete responses that are not yet fully sent; that of net.Server does not.
    server.close = (callback) => {
      resolve();
      return NetServer.prototype.close.call(server, callback) as Server;
    };
    stopListening(server);
  });
  const connections = connectionsOf.get(server);
  const firstByteBy = performance.now() + FIRST_BYTE_MS;
  const endIdle = () => {
    const waitsForFirstByte = performance.now() < firstByteBy;
    for (const socket of connections?.open() ?? []) {
      const isIdle = connections?.isIdle(socket) && !(waitsForFirstByte && socket.bytesRead === 0);
      if (isIdle && !socket.writableEnded) end(socket);
    }
  };
  endIdle();
  const idleTimer = setInterval(endIdle, CHECK_EVERY_MS);
  const graceTimer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idleTimer);
  clearTimeout(graceTimer);
}

async function closeListener(server: Server): Promise<void> {
  let accepted = 0;
  const count = () => {
    accepted += 1;
  };
  server.on('connection', count);
  await quietTurn(() => accepted);
  server.off('connection', count);
  server.close();
}

/**
 * Ends our side of the connection. The client's side stays open for a moment: what it may just be sending would otherwise
 * be answered with a reset, which also takes away what it has received and not read yet.
 */
function end(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}
