// HTTP to a Transit engine (Vault, OpenBao): timeouts, bounded retries, and refusals that quote nothing of the traffic.
import { setTimeout as sleep } from 'node:timers/promises';
import { unavailable } from '../errors/refusals.js';
import { KeyServiceUnreachable } from './key-provider.js';

export interface TransitConnection {
  /** Such as https://vault.example.com:8200. */
  readonly url: string;
  readonly namespace?: string | undefined;
  /** Read again when the service refuses the token: an agent may have renewed it in its file. */
  readonly token: () => Promise<string>;
  /** Milliseconds for one attempt. */
  readonly timeoutMs?: number;
  /** Milliseconds before the second attempt; doubled before the third. */
  readonly pauseMs?: number;
}

/** A complete answer that is no success. `problems` is what the service said: to be compared, never to be shown. */
export class TransitRefusal extends Error {
  readonly status: number;
  readonly problems: readonly string[];

  constructor(status: number, problems: readonly string[]) {
    super(`the key service answered ${status}`);
    this.name = 'TransitRefusal';
    this.status = status;
    this.problems = problems;
  }
}

export interface TransitClient {
  /** The `data` of the answer. Throws TransitRefusal, or UNAVAILABLE when there is no answer that counts. */
  post(path: string, body: object): Promise<Record<string, unknown>>;
}

const ATTEMPTS = 3;
const LONGEST_PAUSE_MS = 2_000;

interface Reply {
  status: number;
  retryAfter: string | null;
  body: Record<string, unknown>;
}

export function transitClient(connection: TransitConnection): TransitClient {
  const { url, namespace, timeoutMs = 3_000, pauseMs = 100 } = connection;
  let token: string | undefined;

  async function attempt(path: string, body: object): Promise<Reply> {
    token ??= await connection.token();
    const response = await fetch(`${url}/v1/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-vault-request': 'true',
        'x-vault-token': token,
        ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      },
      body: JSON.stringify(body),
      // A redirect would take the token to another host.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: objectFrom(await response.text()),
    };
  }

  async function post(path: string, body: object): Promise<Record<string, unknown>> {
    let mayRenew = true;
    for (let tried = 1; ; tried += 1) {
      let trouble: string;
      let pause = pauseMs * 2 ** (tried - 1);
      try {
        const reply = await attempt(path, body);
        if (reply.status === 200 && isObject(reply.body.data)) return reply.body.data;
        const problems = Array.isArray(reply.body.errors) ? reply.body.errors.map(String) : [];
        if (reply.status === 403 && mayRenew) {
          mayRenew = false;
          const refused = token;
          token = await connection.token();
          if (token !== refused) continue;
        }
        if (!isPassing(reply.status) || isVerdict(problems)) throw new TransitRefusal(reply.status, problems);
        trouble = String(reply.status);
        if (/^\d+$/.test(reply.retryAfter ?? '')) pause = Math.max(pause, Number(reply.retryAfter) * 1_000);
      } catch (error) {
        const code = networkCode(error);
        if (code === undefined) throw error;
        trouble = code;
      }
      if (tried === ATTEMPTS) throw unreachable(trouble);
      // Several instances that were refused together should not come back together.
      await sleep(Math.min(pause, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2));
    }
  }

  return { post };
}

/** Sealed, standby, overloaded, failing: none of it says anything about the request. */
function isPassing(status: number): boolean {
  return status === 429 || status >= 500 || status === 472 || status === 473;
}

/** Some versions answer 500 to bytes that do not decrypt; to ask again would not help. */
function isVerdict(problems: readonly string[]): boolean {
  return problems.some((problem) => /authentication failed|unable to decrypt/.test(problem));
}

/** What went wrong on the way; undefined for an error that comes from somewhere else. */
function networkCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'TimeoutError') return 'no answer in time';
  if (error.name !== 'TypeError' && error.name !== 'SocketError') return undefined;
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : 'connection failed';
}

function unreachable(trouble: string) {
  const refusal = unavailable('The key service is not reachable, try again later');
  refusal.cause = new KeyServiceUnreachable(trouble);
  return refusal;
}

function objectFrom(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    // The parser's message quotes the text.
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
