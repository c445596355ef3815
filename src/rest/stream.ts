// Server-sent events, read from their source no faster than the client takes them.
import type { ExecutionResult } from 'graphql';
import type { AppError } from '../errors.js';
import { printJson } from '../json.js';
import type { StreamRoute } from './streams.js';

/** Often enough for proxies that cut what is silent. */
const HEARTBEAT_MS = 12_000;
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Nginx would collect a stream before it passes it on.
  'x-accel-buffering': 'no',
};

type Refuse = (said: { readonly [key: string]: unknown }, message: string) => AppError;

/** A response that streams the results as events; an error ends it with the event `end`, which says why. */
export function streamEvents(
  stream: StreamRoute,
  results: AsyncIterableIterator<ExecutionResult>,
  headersOnly: boolean,
  refusalOf: Refuse,
): Response {
  if (headersOnly) {
    void results.return?.();
    return new Response(null, { headers: HEADERS });
  }
  const encoder = new TextEncoder();
  let heartbeat: NodeJS.Timeout;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // Proves to clients and proxies that the stream is open.
      controller.enqueue(encoder.encode(': open\n\n'));
      heartbeat = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(': heartbeat\n\n'));
      }, HEARTBEAT_MS).unref();
    },
    async pull(controller) {
      const { done, value } = await results.next();
      const text = done ? undefined : eventText(stream, value, refusalOf);
      if (text) controller.enqueue(encoder.encode(text));
      if (done || value.errors) {
        clearInterval(heartbeat);
        controller.close();
        if (!done) await results.return?.();
      }
    },
    async cancel() {
      clearInterval(heartbeat);
      await results.return?.();
    },
  });
  return new Response(body, { headers: HEADERS });
}

function eventText(stream: StreamRoute, { data, errors }: ExecutionResult, refusalOf: Refuse): string | undefined {
  if (errors?.[0]) {
    const { code, message } = refusalOf({ ...errors[0].extensions }, errors[0].message);
    return `event: end\ndata: ${printJson({ code, error: message })}\n\n`;
  }
  const event = stream.event(data as never);
  return event && `id: ${event.id}\ndata: ${printJson(event.data)}\n\n`;
}
