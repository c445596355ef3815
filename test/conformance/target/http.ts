// Sends requests byte for byte as a case writes them (no client tidies a path or joins headers), and reads whole answers.
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Json, parseStrict } from '../json/strict.js';

/** Longer than any answer may take; whoever does not answer at all differs. */
const TIMEOUT_MS = 15_000;
const MAX_CONNECTIONS = 16;
/** How often, and for how many seconds at most, the limits of the target are waited for. */
const MAX_WAITS = 2;
const MAX_WAIT = 60;

export interface Sent {
  method: string;
  path: string;
  /** The token of this request; null sends none. The default is the token of the run. */
  token?: string | null;
  headers?: readonly (readonly [name: string, value: string])[];
  body?: string | Uint8Array;
  /** The default is JSON for every body; null sends none. */
  contentType?: string | null;
}

export interface Answer {
  sent: Sent;
  status: number;
  headers: Record<string, string>;
  text: string;
  /** The body as a strict client reads it; undefined when there is none or it cannot be read. */
  json: Json | undefined;
  /** Why a strict client cannot read the body. */
  unreadable?: string;
}

export interface Http {
  send(sent: Sent): Promise<Answer>;
  requests(): number;
  close(): void;
}

export function createHttp(base: URL, token: string): Http {
  const isSecure = base.protocol === 'https:';
  const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS };
  const agent = isSecure ? new SecureAgent(options) : new PlainAgent(options);
  const start = isSecure ? secureRequest : plainRequest;
  const prefix = base.pathname.replace(/\/$/, '');
  let requests = 0;

  function exchange(sent: Sent): Promise<Answer> {
    requests += 1;
    return new Promise((resolve, reject) => {
      const headers = headersOf(sent, base.host, token).flat();
      const { hostname, port } = base;
      const target = {
        agent,
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port,
        method: sent.method,
        path: prefix + sent.path,
      };
      const outgoing = start({ ...target, headers }, (incoming) => {
        read(sent, incoming).then(resolve, reject);
      });
      outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      outgoing.on('error', reject);
      outgoing.end(sent.body);
    });
  }

  async function exchangeOnce(sent: Sent): Promise<Answer> {
    try {
      return await exchange(sent);
    } catch (error) {
      // A connection that was kept alive may have been closed at the very moment. Only what changes nothing is repeated.
      const isReset = ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');
      if (!isReset || sent.method !== 'GET') throw error;
      return exchange(sent);
    }
  }

  return {
    async send(sent) {
      let answer = await exchangeOnce(sent);
      for (let turn = 0, wait = waitOf(answer); wait !== undefined && turn < MAX_WAITS; turn += 1) {
        await sleep(wait * 1_000);
        answer = await exchangeOnce(sent);
        wait = waitOf(answer);
      }
      return answer;
    },
    requests: () => requests,
    close: () => agent.destroy(),
  };
}

/** Whoever asks too much is told in how many seconds to ask again; that is no difference. */
function waitOf({ status, headers }: Answer): number | undefined {
  const seconds = Number(headers['retry-after'] ?? '');
  return status === 429 && seconds >= 0 ? Math.min(seconds, MAX_WAIT) : undefined;
}

function headersOf(sent: Sent, host: string, token: string): [string, string][] {
  const headers: [string, string][] = [['host', host]];
  const credential = sent.token === undefined ? token : sent.token;
  if (credential !== null) headers.push(['authorization', `Bearer ${credential}`]);
  if (sent.body !== undefined) {
    headers.push(['content-length', String(Buffer.byteLength(sent.body))]);
    const { contentType = 'application/json' } = sent;
    if (contentType !== null) headers.push(['content-type', contentType]);
  }
  for (const [name, value] of sent.headers ?? []) headers.push([name, value]);
  return headers;
}

async function read(sent: Sent, incoming: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) headers[name] = String(value);
  const answer: Answer = {
    sent,
    status: incoming.statusCode ?? 0,
    headers,
    text: bytes.toString('utf8'),
    json: undefined,
  };
  if (bytes.length === 0) return answer;
  try {
    answer.json = parseStrict(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    answer.unreadable = (error as Error).message;
  }
  return answer;
}
