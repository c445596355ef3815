// Logs warnings about an outage, which affects many requests at once: repetitions are counted instead of logged.
import type { Logger } from './logger.js';

export type OutageLog = (
  message: string,
  facts: { code: string | undefined; reason?: string; detail?: string | undefined; requestId?: string | undefined },
) => void;

const COUNT_PERIOD_MS = 10_000;

/** Logs the first warning of a kind at once, and its repetitions in the following ten seconds as a single count. */
export function createOutageLog(log: Logger): OutageLog {
  const repeated = new Map<string, number>();
  return (message, facts) => {
    const { code, reason } = facts;
    const kind = JSON.stringify([message, code, reason]);
    const count = repeated.get(kind);
    repeated.set(kind, count === undefined ? 0 : count + 1);
    if (count !== undefined) return;
    log.warn(facts, message);
    const logRepetitions = () => {
      const again = repeated.get(kind) ?? 0;
      repeated.delete(kind);
      if (again > 0) log.warn({ code, reason, again, seconds: COUNT_PERIOD_MS / 1_000 }, `${message}, again`);
    };
    setTimeout(logRepetitions, COUNT_PERIOD_MS).unref();
  };
}
