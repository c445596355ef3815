// The access log: one line for each request, whatever the level of the log is. It has ids, names of this service and the
// address; never a URL, a header or a body.
import type { Exchange } from './exchange.js';
import type { Logger } from './logger.js';

/** What the server knows of an answer that was sent or given up. */
export interface Answered {
  requestId: string | undefined;
  address: string;
  method: string | undefined;
  status: number;
  code: string;
}

export type AccessLog = (exchange: Exchange, answered: Answered) => void;

export function createAccessLog(log: Logger): AccessLog {
  return ({ door, operation, actor, startedAt }, { requestId, address, method, status, code }) =>
    log.info(
      {
        requestId,
        account: actor?.accountId,
        token: actor?.tokenId ?? undefined,
        address,
        door,
        operation,
        method,
        status,
        code,
        ms: Math.round((performance.now() - startedAt) * 10) / 10,
      },
      'access',
    );
}
