// JSON as the data of a server-sent event.
import { printWithin } from './print-portions.js';

export interface EventHead {
  /** What a client sends as `Last-Event-ID` to resume behind the event. */
  id?: string | undefined;
  /** The name; `message` without one. */
  event?: string;
}

/** The text of an event; of one with large data its portions. JSON has no line breaks of its own. */
export function eventText({ id, event }: EventHead, data: unknown): string | AsyncGenerator<string> {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: `;
  return printWithin(head, data, '\n\n');
}
