// The connection that listens for Postgres notifications, and is made anew whenever it is lost.
import type postgres from 'postgres';
import { type ConnectionOptions, connect } from './connection-pool.js';
import { ServerState } from './read-only.js';

/** Before the first attempt to connect anew, and before all further ones; it doubles in between. */
const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 5_000;

export interface Listener {
  /** Connects anew, because the connection may be to a server that is not the primary any more. */
  renew(): void;
  close(): Promise<void>;
}

/**
 * Notifications are best effort: behind a pooler in transaction mode none ever arrive, and those that are sent while
 * there is no connection are lost.
 */
export function openListener(
  options: ConnectionOptions,
  channel: string,
  onPayload: (payload: string) => void,
): Listener {
  let client: postgres.Sql;
  let retry: NodeJS.Timeout | undefined;
  let retryMs = MIN_RETRY_MS;
  /** The number of the connection in use. What is heard of earlier ones does not matter any more. */
  let current = 0;

  function listen(): void {
    current += 1;
    const own = current;
    const server = new ServerState();
    // A failed statement and a closed connection may both report the same loss.
    const lost = () => {
      if (own !== current) return;
      listenAgainIn(retryMs);
      retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
    };
    client = connect(options, {
      idle_timeout: undefined,
      max_lifetime: null,
      onnotify: (_: string, payload: string) => onPayload(payload),
      onparameter: (setting: string, value: string) => void server.report(setting, value),
      onclose: lost,
    } as postgres.Options<never>);
    client
      .unsafe(`listen ${channel}`)
      .simple()
      .then(() => {
        // Nobody writes on this server. Another one may have become the primary.
        if (server.isReadOnly) lost();
        else retryMs = MIN_RETRY_MS;
      }, lost);
  }

  function giveUp(): void {
    current += 1;
    clearTimeout(retry);
  }

  function listenAgainIn(ms: number): void {
    giveUp();
    client.end({ timeout: 0 }).catch(() => {});
    retry = setTimeout(listen, ms).unref();
  }

  listen();
  return {
    renew: () => listenAgainIn(0),
    async close() {
      giveUp();
      await client.end({ timeout: 1 });
    },
  };
}
