// What becomes known of one request and its answer on the way, for metrics, the access log and security events. Nothing in it is
// taken from a text of the caller: the operation is a name that this service has.
import type { ServerResponse } from 'node:http';

type ExchangeDoor = 'graphql' | 'rest' | 'stream' | 'health' | 'other';

export class Exchange {
  /** When the request's head had arrived, by `performance.now`. */
  readonly startedAt = performance.now();
  door: ExchangeDoor = 'other';
  /** The operation of REST, the name of a persisted document, or `anonymous`. */
  operation: string | undefined;
  /** The first error or refusal of the answer. */
  code: string | undefined;
  /** Who has called, once that is known. */
  actor: { readonly accountId: string; readonly tokenId: string | null } | undefined;
}

const EXCHANGE = Symbol('exchange');
type Answer = ServerResponse & { [EXCHANGE]?: Exchange };

/** Begins to note what becomes known of a request. */
export function beginExchange(outgoing: ServerResponse): Exchange {
  const exchange = new Exchange();
  (outgoing as Answer)[EXCHANGE] = exchange;
  return exchange;
}

/** What is noted of the request that is answered here; undefined where nobody wants to know. */
export function exchangeOf(env: unknown): Exchange | undefined {
  return ((env ?? {}) as { outgoing?: Answer }).outgoing?.[EXCHANGE];
}

/** Says which operation a request asks for, before anything can refuse it. */
export function nameOperation(env: unknown, door: ExchangeDoor, operation: string): Exchange | undefined {
  const exchange = exchangeOf(env);
  if (exchange) {
    exchange.door = door;
    exchange.operation = operation;
  }
  return exchange;
}

/** Notes the error of an answer. Of several, the first one counts. */
export function noteCode(exchange: Exchange | undefined, code: unknown): void {
  if (exchange && typeof code === 'string') exchange.code ??= code;
}
