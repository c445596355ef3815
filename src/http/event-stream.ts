// Server-sent events as an HTTP response with back-pressure: the source is read only as fast as the client reads.

import { retryAfterHeader } from './retry-after.js';

/** Short enough for proxies that close silent connections. */
const HEARTBEAT_MS = 12_000;

export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Without this header, nginx buffers the stream instead of forwarding each event.
  'x-accel-buffering': 'no',
};

/** Whether the client takes nothing but an event stream. */
export function acceptsOnlyEvents({ headers }: Request): boolean {
  return headers.get('accept')?.trim().toLowerCase() === 'text/event-stream';
}

/**
 * Whether the client takes nothing but an event stream and cannot send a body: an `EventSource`. It comes back from a
 * stream that ends, and from a connection that breaks, but never from another status than 200.
 */
export function isEventSource(request: Request): boolean {
  return request.method === 'GET' && acceptsOnlyEvents(request);
}

/** A result of a stream with the id of its event, behind which a client resumes. */
export interface Resumable {
  eventId?: string | undefined;
}

/**
 * The id of the last event that a client has received, when it resumes a stream. It counts instead of what the request says
 * besides: an `EventSource` adds it, and repeats the address that it began with.
 */
export function lastEventIdIn({ headers }: Request): string | undefined {
  return headers.get('last-event-id') || undefined;
}

/** When an `EventSource` connects again after the end of a stream that has said nothing else. */
const RECONNECT_MS = 2_000;

/** An event stream that ends with its first text, which may say when to come back. */
export function endedStream(text: string, retryAfter: number | undefined): Response {
  return new Response(text, { headers: { ...EVENT_STREAM_HEADERS, ...retryAfterHeader(retryAfter) } });
}

/** What stands around the events of a stream. */
export interface Framing {
  headers: Record<string, string>;
  /** Shows clients and proxies at once that the stream is open. */
  open: string;
  heartbeat: string;
}

const SERVER_SENT_EVENTS: Framing = {
  headers: EVENT_STREAM_HEADERS,
  open: `: open\nretry: ${RECONNECT_MS}\n\n`,
  heartbeat: ': heartbeat\n\n',
};

/** Streams `print(item)` for every item, then `last()`. Calls `items.return()` as soon as the client disconnects. */
export function eventStream<T>(
  items: AsyncIterator<T>,
  print: (item: T) => string | AsyncGenerator<string>,
  last = () => '',
  framing = SERVER_SENT_EVENTS,
): Response {
  const encoder = new TextEncoder();
  let heartbeat: NodeJS.Timeout | undefined;
  let isStopped = false;
  /** The event that is being sent in portions. */
  let event: AsyncGenerator<string> | undefined;
  function stop(): void {
    isStopped = true;
    clearInterval(heartbeat);
  }
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(framing.open));
      heartbeat = setInterval(() => {
        // A client that has not yet read the queued data needs no heartbeat.
        if (!event && (controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(framing.heartbeat));
      }, HEARTBEAT_MS).unref();
    },
    async pull(controller) {
      try {
        const portion = await event?.next();
        if (isStopped) return;
        if (portion && !portion.done) return controller.enqueue(encoder.encode(portion.value));
        event = undefined;
        const { done, value } = await items.next();
        if (isStopped) return;
        const printed = done ? last() : print(value);
        if (typeof printed !== 'string') event = printed;
        const text = typeof printed === 'string' ? printed : (await printed.next()).value;
        if (isStopped) return;
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
      await event?.return(undefined);
      await items.return?.();
    },
  });
  return new Response(body, { headers: framing.headers });
}
