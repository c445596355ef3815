// One keep-alive connection of the load. It sends a request, waits for the whole answer, and then sends the next request.
//
// Existing load generators do not fit. They abort the requests that are in flight when the time is up, and then nobody
// knows the revisions of the secrets, and all their connections send the same request. This one waits for every answer.
import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  body: string;
}

export interface Wire {
  /** Sends one request at a time. `done` gets the answer, or the error when the connection has broken. */
  send(request: string, done: (answer: Answer | string) => void): void;
  close(): void;
}

const SILENT_FOR_MS = 20_000;

export async function openWires(url: string, count: number): Promise<Wire[]> {
  return Promise.all(Array.from({ length: count }, async () => wireOver(await openSocket(url))));
}

export function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function wireOver(socket: Socket): Wire {
  let received = '';
  let waiting: ((answer: Answer | string) => void) | undefined;
  let broken: string | undefined;
  const settle = (answer: Answer | string) => {
    const done = waiting;
    waiting = undefined;
    received = '';
    done?.(answer);
  };
  const fail = (what: string) => {
    broken ??= what;
    socket.destroy();
    settle(broken);
  };
  socket.on('data', (chunk) => {
    // One character is one byte here, so that lengths are counted in bytes. All bodies of the benchmark are ASCII.
    received += chunk.toString('latin1');
    const answer = completeAnswer(received);
    if (answer) settle(answer);
  });
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the connection was closed'));
  socket.setTimeout(SILENT_FOR_MS, () => waiting && fail(`no answer within ${SILENT_FOR_MS} ms`));
  return {
    send(request, done) {
      waiting = done;
      if (broken === undefined) socket.write(request);
      else settle(broken);
    },
    close: () => socket.destroy(),
  };
}

/** Returns the answer once it is complete. Nothing is pipelined, so all received bytes belong to one answer. */
function completeAnswer(received: string): Answer | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = received.slice(0, headEnd);
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const bodyEnd = headEnd + 4 + Number(length);
    return received.length < bodyEnd ? undefined : { status, body: received.slice(headEnd + 4, bodyEnd) };
  }
  // The body is chunked. JSON text has no such line breaks, so the mark of the last chunk cannot be part of a body.
  return received.endsWith('\r\n0\r\n\r\n') ? { status, body: withoutFrames(received.slice(headEnd + 4)) } : undefined;
}

/** Returns the text that the chunks of a body carry. Every chunk is its length in hexadecimal, a line break, its bytes, a line break. */
function withoutFrames(chunked: string): string {
  let text = '';
  for (let at = 0; ; ) {
    const lineEnd = chunked.indexOf('\r\n', at);
    const length = Number.parseInt(chunked.slice(at, lineEnd), 16);
    if (!(length > 0)) return text;
    text += chunked.slice(lineEnd + 2, lineEnd + 2 + length);
    at = lineEnd + 2 + length + 2;
  }
}
