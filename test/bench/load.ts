// The load: keep-alive connections that each send the next request when the answer to the last one is complete.
//
// Why not a load generator from a shelf: they cut off what is in flight when the time is up, and then nobody knows at
// which revision a secret is; and they share one request between connections. This one waits for every answer.
import { connect, type Socket } from 'node:net';

/** One request, and what its answer must be. */
export interface Exchange {
  request: string;
  /** Called once with every answer's body if its status is 2xx; false counts as an error. */
  accepts(body: string): boolean;
}

/** What one connection sends, one exchange after the other. */
export type Script = (connection: number) => () => Exchange;

export interface Load {
  requests: number;
  seconds: number;
  /** Milliseconds, ascending. */
  latencies: Float64Array;
  errors: number;
  /** The first thing that went wrong. */
  firstError: string | undefined;
}

const SILENT_FOR_MS = 20_000;

export async function runLoad(url: string, connections: number, seconds: number, script: Script): Promise<Load> {
  const { hostname, port } = new URL(url);
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(hostname, Number(port))));
  const started = performance.now();
  const deadline = started + seconds * 1_000;
  const outcomes = await Promise.all(sockets.map((socket, index) => converse(socket, script(index), deadline)));
  const elapsed = performance.now() - started;
  for (const socket of sockets) socket.destroy();
  const latencies = Float64Array.from(outcomes.flatMap((outcome) => outcome.latencies)).sort();
  return {
    requests: latencies.length,
    seconds: elapsed / 1_000,
    latencies,
    errors: outcomes.reduce((sum, outcome) => sum + outcome.errors, 0),
    firstError: outcomes.find((outcome) => outcome.firstError !== undefined)?.firstError,
  };
}

export function percentile(ascending: Float64Array, share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;
}

function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

interface Outcome {
  latencies: number[];
  errors: number;
  firstError: string | undefined;
}

/** Until the deadline; a connection that breaks counts as one error and ends. */
function converse(socket: Socket, next: () => Exchange, deadline: number): Promise<Outcome> {
  const outcome: Outcome = { latencies: [], errors: 0, firstError: undefined };
  const fail = (what: string) => {
    outcome.errors += 1;
    outcome.firstError ??= what;
  };
  return new Promise((resolve) => {
    let exchange: Exchange;
    let sent = 0;
    let received = '';
    const send = () => {
      exchange = next();
      sent = performance.now();
      socket.write(exchange.request);
    };
    const broken = (what: string) => {
      fail(what);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
      resolve(outcome);
    };
    socket.on('data', (chunk) => {
      // One character per byte, so that lengths are lengths; bodies in the bench are ASCII.
      received += chunk.toString('latin1');
      const answer = completeAnswer(received);
      if (!answer) return;
      const now = performance.now();
      received = '';
      outcome.latencies.push(now - sent);
      const isGood = answer.status >= 200 && answer.status < 300 && exchange.accepts(answer.body);
      if (!isGood) fail(`${answer.status} ${answer.body.slice(0, 300)}`);
      if (now < deadline) send();
      else resolve(outcome);
    });
    socket.on('error', (error) => broken(error.message));
    socket.on('close', () => broken('the connection was closed'));
    socket.setTimeout(SILENT_FOR_MS, () => broken(`no answer within ${SILENT_FOR_MS} ms`));
    send();
  });
}

/** The answer, once all of it is there. Nothing is pipelined, so whatever was received belongs to one answer. */
function completeAnswer(received: string): { status: number; body: string } | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = received.slice(0, headEnd);
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const bodyEnd = headEnd + 4 + Number(length);
    return received.length < bodyEnd ? undefined : { status, body: received.slice(headEnd + 4, bodyEnd) };
  }
  // Chunked. JSON text has no bare line breaks of this kind, so the last chunk's mark is no part of a body.
  return received.endsWith('\r\n0\r\n\r\n') ? { status, body: received.slice(headEnd + 4) } : undefined;
}
