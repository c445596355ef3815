// Subscriptions as parts of one answer: the protocol of Apollo's clients and router (`multipart/mixed`).
import type { ExecutionResult } from 'graphql';
import { EVENT_STREAM_HEADERS, eventStream, type Framing } from '../../http/event-stream.js';
import { printJson } from '../../json/print.js';
import { printWithin } from '../../json/print-portions.js';
import { shown, transientRefusalIn } from './streamed-result.js';

/** A part is complete for clients with the boundary behind it, so each one ends with that. */
const BOUNDARY = '--graphql';
const PART = '\r\ncontent-type: application/json\r\n\r\n';
const PART_END = `\r\n${BOUNDARY}`;

const FRAMING: Framing = {
  headers: {
    ...EVENT_STREAM_HEADERS,
    'content-type': 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"',
  },
  open: `${PART_END}${part('{}')}`,
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
  return printWithin(PART, { payload: { ...(errors ? { errors: errors.map(shown) } : {}), data } }, PART_END);
}

function part(json: string): string {
  return `${PART}${json}${PART_END}`;
}
