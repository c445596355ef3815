// What each connection of a server is doing: which answers are under way, whether another request has begun to arrive.
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Connection {
  /** Answers of which not every byte is sent, in the order of their requests. A list: there is seldom more than one. */
  answers: ServerResponse[];
  /** Bytes read by the time the last of them was: more of them are the beginning of another request. */
  read: number;
}

export interface Connections {
  /** Notes a request under way; false, and the end of the connection, when there are too many of them on it. */
  begin(answer: ServerResponse): boolean;
  /** Whether what is written now would be taken for the answer to the request that is just arriving. */
  isAnswerable(socket: Socket): boolean;
  isUnderWay(socket: Socket): boolean;
  /** No request is under way, nor has one begun to arrive. */
  isIdle(socket: Socket): boolean;
  open(): Iterable<Socket>;
  /** Lets every connection end behind the requests that it has, or that are just arriving. */
  endAfterAnswers(): void;
}

/** No client needs more, and each may hold a large answer. */
const MAX_UNDER_WAY = 100;

export function trackConnections(server: Server): Connections {
  const connections = new Map<Socket, Connection>();
  let ending = false;
  server.on('connection', (socket: Socket) => {
    connections.set(socket, { answers: [], read: 0 });
    socket.once('close', () => connections.delete(socket));
  });
  return {
    begin(answer) {
      const { socket } = answer.req;
      const connection = connections.get(socket);
      // The parser goes through what it has, also after the end.
      if (!connection || socket.destroyed) return false;
      if (connection.answers.length >= MAX_UNDER_WAY) {
        socket.destroy();
        return false;
      }
      connection.answers.push(answer);
      const { req } = answer;
      const settle = () => {
        connection.read = socket.bytesRead;
      };
      answer.once('close', () => {
        connection.answers.splice(connection.answers.indexOf(answer), 1);
        settle();
        // Answered early: the rest of its body may come yet.
        if (!req.complete) req.once('close', settle);
      });
      if (ending) answer.setHeader('connection', 'close');
      return true;
    },
    isAnswerable(socket) {
      const answers = connections.get(socket)?.answers ?? [];
      return answers.every(({ req, headersSent }) => !req.complete && !headersSent);
    },
    isUnderWay: (socket) => (connections.get(socket)?.answers.length ?? 0) > 0,
    isIdle(socket) {
      const connection = connections.get(socket);
      return !connection || (connection.answers.length === 0 && connection.read === socket.bytesRead);
    },
    open: () => connections.keys(),
    endAfterAnswers() {
      ending = true;
      for (const { answers } of connections.values()) {
        // Of several, the last: behind it the connection ends.
        const last = answers.at(-1);
        if (last && !last.headersSent) last.setHeader('connection', 'close');
      }
    },
  };
}
