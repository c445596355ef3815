// Warnings about an outage, which many requests meet at once: counted instead of repeated.
import type { Logger } from './logger.js';

export type OutageLog = (
  message: string,
  facts: { code: string | undefined; reason?: string; requestId?: string | undefined },
) => void;

const COUNTED_FOR_MS = 10_000;

/** Warnings that an outage repeats by the thousand: the first of a kind at once, those of the next ten seconds as a count. */
export function createOutageLog(log: Logger): OutageLog {
  const repeated = new Map<string, number>();
  return (message, facts) => {
    const { code, reason } = facts;
    const kind = JSON.stringify([message, code, reason]);
    const count = repeated.get(kind);
    repeated.set(kind, count === undefined ? 0 : count + 1);
    if (count !== undefined) return;
    log.warn(facts, message);
    const tell = () => {
      const again = repeated.get(kind) ?? 0;
      repeated.delete(kind);
      if (again > 0) log.warn({ code, reason, again, seconds: COUNTED_FOR_MS / 1_000 }, `${message}, again`);
    };
    setTimeout(tell, COUNTED_FOR_MS).unref();
  };
}
