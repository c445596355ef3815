// What processes that serve and a primary that keeps such have in common.
import type { DevelopmentFacts } from './development.js';

export interface Serving {
  url: string;
  facts: DevelopmentFacts | undefined;
}

/** After which a further signal ends a process at once; npm passes on a Ctrl-C that has reached us already. */
export const IMPATIENT_AFTER_MS = 1_000;

export function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
