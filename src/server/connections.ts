// Tracks the connections of a server: which responses are in flight, and whether another request has begun to arrive.
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Connection {
  /** Responses that are not completely sent, in the order of their requests. An array, because it is usually short. */
  inFlight: ServerResponse[];
  /** `bytesRead` of the socket when the last response ended. If it has grown since, another request has begun. */
  lastBytesRead: number;
}

export interface Connections {
  /**
   * Records a request in flight. Returns false if it must not be handled: its connection has ended, or is closed here because
   * it has too many of them. `onEnd` is called when the response was sent or given up, if the request may be handled.
   */
  begin(response: ServerResponse, onEnd?: () => void): boolean;
  /** Whether the client would take a response that is written now for the one to the request that is just arriving. */
  isAnswerable(socket: Socket): boolean;
  isUnderWay(socket: Socket): boolean;
  /** What has been written for the client and is still in memory, including responses that wait for earlier ones. */
  unsentBytes(socket: Socket): number;
  /** Whether no request is in flight and none has begun to arrive. */
  isIdle(socket: Socket): boolean;
  open(): Iterable<Socket>;
  /** Makes every connection close after the responses to requests that are in flight or arrive later. */
  endAfterAnswers(): void;
}

/** Maximum per connection, for clients that send requests without waiting for the answers to earlier ones. */
const MAX_IN_FLIGHT = 16;

export function trackConnections(server: Server): Connections {
  const connections = new Map<Socket, Connection>();
  let isDraining = false;
  server.on('connection', (socket: Socket) => {
    connections.set(socket, { inFlight: [], lastBytesRead: 0 });
    socket.once('close', () => connections.delete(socket));
  });
  return {
    begin(response, onEnd) {
      const { socket } = response.req;
      const connection = connections.get(socket);
      // The HTTP parser emits the requests in its buffer even after the socket was destroyed. A request that crosses our
      // end of the connection must not take effect, because its client could not be told.
      if (!connection || socket.destroyed || socket.writableEnded) {
        response.req.resume();
        return false;
      }
      if (connection.inFlight.length >= MAX_IN_FLIGHT) {
        socket.destroy();
        return false;
      }
      connection.inFlight.push(response);
      const { req } = response;
      const recordBytesRead = () => {
        connection.lastBytesRead = socket.bytesRead;
      };
      response.once('close', () => {
        connection.inFlight.splice(connection.inFlight.indexOf(response), 1);
        recordBytesRead();
        onEnd?.();
        // The response was sent before the request was complete, so the rest of the request's body may still arrive.
        if (!req.complete) req.once('close', recordBytesRead);
      });
      if (isDraining) closeAfterLast(connection.inFlight);
      return true;
    },
    isAnswerable(socket) {
      const responses = connections.get(socket)?.inFlight ?? [];
      return responses.every(({ req, headersSent }) => !req.complete && !headersSent);
    },
    isUnderWay: (socket) => (connections.get(socket)?.inFlight.length ?? 0) > 0,
    unsentBytes(socket) {
      const inFlight = connections.get(socket)?.inFlight ?? [];
      // Only the first response has been given the socket. The others keep what is written to them.
      const waiting = inFlight.reduce((sum, response) => sum + (response.socket ? 0 : response.writableLength), 0);
      return socket.writableLength + waiting;
    },
    isIdle(socket) {
      const connection = connections.get(socket);
      return !connection || (connection.inFlight.length === 0 && connection.lastBytesRead === socket.bytesRead);
    },
    open: () => connections.keys(),
    endAfterAnswers() {
      isDraining = true;
      for (const { inFlight } of connections.values()) closeAfterLast(inFlight);
    },
  };
}

/** Only the last of several pipelined responses may close the connection. */
function closeAfterLast(inFlight: readonly ServerResponse[]): void {
  const [previous, last] = [inFlight.at(-2), inFlight.at(-1)];
  if (previous?.getHeader('connection') === 'close' && !previous.headersSent) {
    previous.setHeader('connection', 'keep-alive');
  }
  if (last && !last.headersSent) last.setHeader('connection', 'close');
}
