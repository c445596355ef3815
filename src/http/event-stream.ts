// Server-sent events: a response that is read from its source no faster than its client takes it.

/** Often enough for proxies that cut what is silent. */
const HEARTBEAT_MS = 12_000;

export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Nginx would collect a stream before it passes it on.
  'x-accel-buffering': 'no',
};

/** Streams what `print` makes of each item, and `last` behind them. Whoever leaves returns the items at once. */
export function eventStream<T>(items: AsyncIterator<T>, print: (item: T) => string, last = ''): Response {
  const encoder = new TextEncoder();
  let heartbeat: NodeJS.Timeout | undefined;
  let isOver = false;
  function stop(): void {
    isOver = true;
    clearInterval(heartbeat);
  }
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // Proves to clients and proxies that the stream is open.
      controller.enqueue(encoder.encode(': open\n\n'));
      heartbeat = setInterval(() => {
        // Who has not taken what is there yet needs no sign of life.
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(': heartbeat\n\n'));
      }, HEARTBEAT_MS).unref();
    },
    async pull(controller) {
      try {
        const { done, value } = await items.next();
        if (isOver) return;
        const text = done ? last : print(value);
        if (text) controller.enqueue(encoder.encode(text));
        if (!done) return;
        stop();
        controller.close();
      } catch (error) {
        stop();
        throw error;
      }
    },
    async cancel() {
      stop();
      await items.return?.();
    },
  });
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}
