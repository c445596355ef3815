// A network between clients and the service that delivers every request and loses some of the answers.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { addressOf } from '../streams/event-stream.js';

/** Where an answer is lost: before the service has made it, or as soon as the client has so much of it. */
export const LOSSES = ['while at work', 'before any byte', 'in the head', 'in the body'] as const;
export type Fate = 'delivered' | (typeof LOSSES)[number];

export interface LossyNetwork {
  url: string;
  /** Answers so far, by what has become of them. */
  counts: Record<Fate, number>;
  /** Resolves once the service is done with all it was sent, also by clients that have left since. */
  settled(): Promise<void>;
  close(): void;
}

/** `fateOf` judges a request by its `x-request-id`, so that a run can be repeated whatever comes first. */
export async function lossyNetworkTo(url: string, fateOf: (requestId: string) => Fate): Promise<LossyNetwork> {
  const counts = { delivered: 0, 'while at work': 0, 'before any byte': 0, 'in the head': 0, 'in the body': 0 };
  const underway = new Set<Promise<unknown>>();
  const failures: unknown[] = [];

  async function pass(incoming: IncomingMessage): Promise<void> {
    const { socket, method = '' } = incoming;
    const body = await buffer(incoming);
    const fate = fateOf(String(incoming.headers['x-request-id']));
    counts[fate] += 1;
    const { host: _, connection: __, 'content-length': ___, ...headers } = incoming.headers;
    const answering = fetch(`${url}${incoming.url}`, {
      method,
      headers: headers as Record<string, string>,
      ...(body.length > 0 ? { body } : {}),
    });
    if (fate === 'while at work') socket.destroy();
    const answer = await answering;
    const content = Buffer.from(await answer.arrayBuffer());
    const head = Buffer.from(
      `HTTP/1.1 ${answer.status} Answer\r\ncontent-type: ${answer.headers.get('content-type')}\r\n` +
        `content-length: ${content.length}\r\nconnection: close\r\n\r\n`,
    );
    const whole = Buffer.concat([head, content]);
    const kept: Record<Fate, number> = {
      delivered: whole.length,
      'while at work': 0,
      'before any byte': 0,
      'in the head': Math.floor(head.length / 2),
      'in the body': head.length + Math.floor(content.length / 2),
    };
    if (!socket.destroyed) socket.write(whole.subarray(0, kept[fate]), () => socket.destroy());
  }

  const server = createServer((incoming) => {
    const passing = pass(incoming)
      .catch((error) => failures.push(error))
      .finally(() => underway.delete(passing));
    underway.add(passing);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: addressOf(server),
    counts,
    async settled() {
      await Promise.all(underway);
      if (failures.length > 0) throw new AggregateError(failures, 'requests were not delivered');
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
