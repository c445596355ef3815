// Subscriptions as parts of one answer: the protocol of Apollo's clients and router (`multipart/mixed`).
import type { ExecutionResult } from 'graphql';
import { eventStream, type Framing } from '../../http/event-stream.js';
import { printJson } from '../../json/print.js';
import { printShortOrPortions } from '../../json/print-portions.js';
import { shown, transientRefusalIn } from './streamed-result.js';

/** A part is complete for clients with the boundary behind it, so each one ends with that. */
const BOUNDARY = '--graphql';
const PART = '\r\ncontent-type: application/json\r\n\r\n';

const FRAMING: Framing = {
  headers: {
    'content-type': 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  },
  open: `\r\n${BOUNDARY}${part('{}')}`,
  heartbeat: part('{}'),
};

/** Whether the client asks for a subscription in parts; the parameter tells that from `@defer`. */
export function acceptsParts({ headers }: Request): boolean {
  return /multipart\/mixed[^,]*;\s*subscriptionSpec\s*=\s*"?1\.0"?/i.test(headers.get('accept') ?? '');
}

export function multipartResponse(results: AsyncIterableIterator<ExecutionResult>): Response {
  return eventStream(results, partOf, () => '--\r\n', FRAMING);
}

/**
 * What ends the stream for a while is an error of the transport, beside the payload: clients then know that the
 * subscription has not completed.
 */
function partOf(result: ExecutionResult): string | AsyncGenerator<string> {
  const refusal = transientRefusalIn(result);
  if (refusal) {
    const { message, ...extensions } = refusal;
    return part(printJson({ payload: null, errors: [{ message, extensions }] }));
  }
  const { data, errors } = result;
  const text = printShortOrPortions({ payload: { ...(errors ? { errors: errors.map(shown) } : {}), data } });
  return typeof text === 'string' ? part(text) : portions(text);
}

function part(json: string): string {
  return `${PART}${json}\r\n${BOUNDARY}`;
}

async function* portions(text: AsyncGenerator<string>): AsyncGenerator<string> {
  yield PART;
  yield* text;
  yield `\r\n${BOUNDARY}`;
}
