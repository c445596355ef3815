// Ends the connection of a request that is refused before its body has arrived, so that the client can read the answer.
import type { IncomingMessage } from 'node:http';

/** How long a client may go on sending a body that nobody reads, and how much of it. */
const LINGER_MS = 2_000;
const LINGER_BYTES = 64 * 1024 * 1024;

/**
 * The response, unless it refuses a request whose body is still arriving. Then the same response with `connection: close`:
 * it is sent at once, and the connection is closed when the client has stopped sending. To close it earlier would make
 * the client's system discard the answer, and most clients read it only when they have sent their whole body.
 */
export async function closeUnread(response: Response, incoming: IncomingMessage): Promise<Response> {
  if (response.status < 400 || incoming.complete || incoming.destroyed) return response;
  const body = new Uint8Array(await response.arrayBuffer());
  const headers = new Headers(response.headers);
  headers.set('connection', 'close');
  headers.set('content-length', String(body.length));
  let isCancelled = false;
  const lingering = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(body),
    async pull(controller) {
      await discard(incoming);
      if (!isCancelled) controller.close();
    },
    cancel() {
      isCancelled = true;
    },
  });
  return new Response(lingering, { status: response.status, headers });
}

/** Resolves when the request has arrived or has been given up. Its bytes are thrown away. */
function discard(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const timer = setTimeout(done, LINGER_MS);
    function done() {
      clearTimeout(timer);
      resolve();
    }
    // Whoever has read the beginning of the body would pause the request again.
    incoming.removeAllListeners('data');
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LINGER_BYTES) done();
    });
    incoming.once('end', done).once('close', done).resume();
  });
}
