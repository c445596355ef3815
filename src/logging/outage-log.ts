// Logs warnings about an outage, which affects many requests at once: repetitions are counted instead of logged.
import type { Logger } from './logger.js';
import { Repetitions } from './repetitions.js';

export type OutageLog = (
  message: string,
  facts: { code: string | undefined; reason?: string; detail?: string | undefined; requestId?: string | undefined },
) => void;

const COUNT_PERIOD_MS = 10_000;

/** Logs the first warning of a kind at once, and its repetitions in the following ten seconds as a single count. */
export function createOutageLog(log: Logger): OutageLog {
  const repetitions = new Repetitions(COUNT_PERIOD_MS);
  return (message, facts) => {
    const { code, reason } = facts;
    repetitions.note(
      JSON.stringify([message, code, reason]),
      () => log.warn(facts, message),
      (again) => log.warn({ code, reason, again, seconds: COUNT_PERIOD_MS / 1_000 }, `${message}, again`),
    );
  };
}
