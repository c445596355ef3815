// Tells a client when to come back, in seconds.

/** As a header; empty without a time. */
export function retryAfterHeader(retryAfter: number | undefined): Record<string, string> {
  return retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
}

/** As a line of an event stream, for an `EventSource`; empty without a time. */
export function retryLine(retryAfter: number | undefined): string {
  return retryAfter === undefined ? '' : `retry: ${retryAfter * 1_000}\n`;
}
