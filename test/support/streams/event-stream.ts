// A client of event streams on its own socket. It reads as fast or as slowly as a test wants, and it sees every line.
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { parseJson } from '../../../src/json/parse.js';
import { printJson } from '../../../src/json/print.js';
import { plain } from '../graphql/client.js';

export interface ServerEvent {
  id?: string;
  /** The name is `message` unless the stream says otherwise. */
  event: string;
  /** The data is plain JS as in the GraphQL helpers. It is undefined when there is none. */
  data: any;
  /** The client should wait so many milliseconds before it connects again. */
  retry?: number;
}

export interface EventStream {
  status: number;
  headers: IncomingHttpHeaders;
  /** Returns the next event, and rejects when the stream ends, breaks, or sends none in time. */
  next(ms?: number): Promise<ServerEvent>;
  take(count: number, ms?: number): Promise<ServerEvent[]>;
  /** Returns all events up to the end of the stream. */
  rest(ms?: number): Promise<ServerEvent[]>;
  /** Returns the comment with which the stream has ended, if it was one: `: CODE message`. */
  lastComment(): string | undefined;
  /** Counts the comments so far, which keep the connection alive. */
  comments(): number;
  /** Returns the whole body when the answer is not a stream. */
  text(): string;
  /** Stops reading from the socket, and reads on at `resume`. */
  pause(): void;
  resume(): void;
  /** Closes the connection without further messages. */
  close(): void;
}

export interface StreamRequest {
  method?: string;
  path: string;
  token?: string | undefined;
  headers?: Record<string, string>;
  body?: object;
}

const PATIENCE_MS = 15_000;

export function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Sends the request and resolves when the headers have arrived. */
export function openStream(url: string, asked: StreamRequest): Promise<EventStream> {
  const { method = 'GET', path, token, headers = {}, body } = asked;
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}${path}`, {
      method,
      agent: false,
      headers: {
        accept: 'text/event-stream',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
    });
    outgoing.on('response', (incoming) => resolve(streamOf(outgoing, incoming)));
    outgoing.on('error', reject);
    outgoing.end(body && printJson(body));
  });
}

function streamOf(outgoing: ClientRequest, incoming: IncomingMessage): EventStream {
  const events: ServerEvent[] = [];
  let text = '';
  let unread = '';
  let comments = 0;
  let lastComment: string | undefined;
  let over: Error | undefined;
  let isWhole = false;
  let look = () => {};
  incoming.setEncoding('utf8');
  incoming.on('data', (chunk: string) => {
    if (text.length < 10_000) text += chunk;
    const blocks = (unread + chunk).split('\n\n');
    unread = blocks.pop() as string;
    try {
      for (const block of blocks) {
        lastComment = block.startsWith(':') ? block.slice(1).trim() : undefined;
        if (lastComment !== undefined) comments += 1;
        else events.push(eventOf(block));
      }
    } catch (error) {
      over = error as Error;
    }
    look();
  });
  incoming.on('end', () => {
    isWhole = incoming.complete;
  });
  incoming.on('error', () => {});
  outgoing.on('error', () => {});
  incoming.on('close', () => {
    over ??= new Error(isWhole ? 'the stream has ended' : 'the stream was cut');
    look();
  });

  async function next(ms = PATIENCE_MS): Promise<ServerEvent> {
    const deadline = performance.now() + ms;
    while (events.length === 0) {
      if (over) throw over;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no event within ${ms} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        look = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return events.shift() as ServerEvent;
  }

  return {
    status: incoming.statusCode as number,
    headers: incoming.headers,
    next,
    async take(count, ms) {
      const taken: ServerEvent[] = [];
      while (taken.length < count) taken.push(await next(ms));
      return taken;
    },
    async rest(ms) {
      const taken: ServerEvent[] = [];
      for (;;) {
        try {
          taken.push(await next(ms));
        } catch (error) {
          if (!isWhole) throw error;
          return taken;
        }
      }
    },
    comments: () => comments,
    lastComment: () => lastComment,
    text: () => text,
    pause: () => void incoming.pause(),
    resume: () => void incoming.resume(),
    close: () => void outgoing.destroy(),
  };
}

function eventOf(block: string): ServerEvent {
  const event: ServerEvent = { event: 'message', data: undefined };
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === 'data') event.data = value === '' ? undefined : plain(parseJson(value));
    else if (name === 'id' || name === 'event') event[name] = value;
    else if (name === 'retry') event.retry = Number(value);
    else throw new Error(`a line that no event stream has: ${line}`);
  }
  return event;
}
