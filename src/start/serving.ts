// Definitions shared by processes that serve and the primary of a cluster.
import type { DevelopmentFacts } from './development.js';

export interface Serving {
  url: string;
  facts: DevelopmentFacts | undefined;
}

/**
 * A second signal ends the process at once, but only after this time: after a Ctrl-C, npm forwards the signal to a
 * process that has already received it from the terminal.
 */
export const IMPATIENT_AFTER_MS = 1_000;

export function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
