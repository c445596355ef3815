// JSON as the data of a server-sent event.
import { printShortOrPortions } from './print-portions.js';

/** The text of an event that begins with `head`; of large data its portions. JSON has no line breaks of its own. */
export function eventText(head: string, data: unknown): string | AsyncGenerator<string> {
  const text = printShortOrPortions(data);
  return typeof text === 'string' ? `${head}${text}\n\n` : portions(head, text);
}

async function* portions(head: string, text: AsyncGenerator<string>): AsyncGenerator<string> {
  yield head;
  yield* text;
  yield '\n\n';
}
