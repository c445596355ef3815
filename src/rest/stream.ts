// Sends the results of a subscription as server-sent events. Clients resume after the `id` of an event; an event `end`
// contains the reason why the stream ends.
import type { ExecutionResult } from 'graphql';
import type { AppError } from '../errors/errors.js';
import { isTransient } from '../errors/refusals.js';
import { endedStream, eventStream, isEventSource, type Resumable } from '../http/event-stream.js';
import { retryLine } from '../http/retry-after.js';
import { eventText } from '../json/event-text.js';
import { printJson } from '../json/print.js';
import { problem } from './problem.js';
import type { StreamRoute } from './streams.js';

type Refuse = (extensions: { readonly [key: string]: unknown }, message: string) => AppError;

export function streamEvents(
  stream: StreamRoute,
  results: AsyncIterableIterator<ExecutionResult & Resumable>,
  refusalOf: Refuse,
): Response {
  return eventStream(results, ({ data, errors, eventId }) => {
    if (errors?.[0]) return endText(refusalOf({ ...errors[0].extensions }, errors[0].message));
    return eventText({ id: eventId }, stream.event(data as never));
  });
}

/**
 * The response to a request for a stream that cannot begin just now. An `EventSource` would give up for good on any other
 * status than 200.
 */
export function refusedStream(request: Request, error: AppError): Response {
  if (!isTransient(error.code) || !isEventSource(request)) return problem(error);
  return endedStream(endText(error), error.details.retryAfter);
}

/** Clients that reconnect automatically, such as `EventSource`, wait for the `retry` time before they do so. */
function endText({ code, message, details: { retryAfter } }: AppError): string {
  return `event: end\n${retryLine(retryAfter)}data: ${printJson({ code, error: message })}\n\n`;
}
