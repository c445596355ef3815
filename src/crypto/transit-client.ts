// An HTTP client for a Transit engine (Vault, OpenBao), with timeouts, bounded retries, and error messages that quote
// nothing of requests and responses.
import { setTimeout as sleep } from 'node:timers/promises';
import { unavailable, withCause } from '../errors/refusals.js';
import { KeyServiceUnreachable } from './key-provider.js';

export interface TransitConnection {
  /** For example https://vault.example.com:8200. */
  readonly url: string;
  readonly namespace?: string | undefined;
  /** Called again when the service rejects the token: an agent may have written a new one to its file. */
  readonly token: () => Promise<string>;
  /** Milliseconds for one attempt. */
  readonly timeoutMs?: number;
  /** Milliseconds for all attempts together. A service that is frozen is given up then, whatever is left to try. */
  readonly deadlineMs?: number;
  /** Milliseconds before the second attempt; doubled before the third. */
  readonly pauseMs?: number;
}

/**
 * A complete response that is not a success. `problems` are the service's messages: match them, but never show them.
 */
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
  /** Returns the `data` of the response. Throws TransitRefusal, or UNAVAILABLE when there is no usable response. */
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
  const { url, namespace, timeoutMs = 1_500, deadlineMs = 3_000, pauseMs = 100 } = connection;
  let token: string | undefined;

  async function attempt(path: string, body: object, limitMs: number): Promise<Reply> {
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
      // Following a redirect would send the token to another host.
      redirect: 'manual',
      signal: AbortSignal.timeout(limitMs),
    });
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: objectFrom(await response.text()),
    };
  }

  async function post(path: string, body: object): Promise<Record<string, unknown>> {
    const began = performance.now();
    const left = () => began + deadlineMs - performance.now();
    let mayRenew = true;
    for (let tried = 1; ; tried += 1) {
      let reason: string;
      let pause = pauseMs * 2 ** (tried - 1);
      try {
        const reply = await attempt(path, body, Math.ceil(Math.min(timeoutMs, Math.max(left(), 1))));
        if (reply.status === 200 && isObject(reply.body.data)) return reply.body.data;
        const problems = Array.isArray(reply.body.errors) ? reply.body.errors.map(String) : [];
        if (reply.status === 403 && mayRenew) {
          mayRenew = false;
          const refused = token;
          token = await connection.token();
          if (token !== refused) continue;
        }
        if (!isTransient(reply.status) || isDecryptionFailure(problems))
          throw new TransitRefusal(reply.status, problems);
        reason = String(reply.status);
        if (/^\d+$/.test(reply.retryAfter ?? '')) pause = Math.max(pause, Number(reply.retryAfter) * 1_000);
      } catch (error) {
        const code = networkCode(error);
        if (code === undefined) throw error;
        reason = code;
      }
      // Random jitter, so that several instances that failed together do not retry together.
      const jittered = Math.min(pause, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2);
      if (tried === ATTEMPTS || left() < jittered) throw unreachable(reason);
      await sleep(jittered);
    }
  }

  return { post };
}

/** The service is sealed, on standby, overloaded or failing: the status says nothing about the request itself. */
function isTransient(status: number): boolean {
  return status === 429 || status >= 500 || status === 472 || status === 473;
}

/** Some versions respond with 500 to bytes that cannot be decrypted; a retry would not help. */
function isDecryptionFailure(problems: readonly string[]): boolean {
  return problems.some((problem) => /authentication failed|unable to decrypt/.test(problem));
}

/** The code of a network error; undefined for any other error. */
function networkCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'TimeoutError') return 'no answer in time';
  if (error.name !== 'TypeError' && error.name !== 'SocketError') return undefined;
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : 'connection failed';
}

function unreachable(reason: string) {
  return withCause(unavailable('The key service is not reachable, try again later'), new KeyServiceUnreachable(reason));
}

function objectFrom(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    // The error is dropped, because its message quotes the text.
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
