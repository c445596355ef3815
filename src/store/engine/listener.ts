// The connection that listens for Postgres notifications, and is made anew whenever it is lost.
import type postgres from 'postgres';
import { type ConnectionOptions, connect } from './connection-pool.js';

const RETRY_MS = 1_000;

/**
 * Notifications are best effort: behind a pooler in transaction mode none ever arrive, and those that are sent while
 * there is no connection are lost. Returns a function that stops listening.
 */
export function openListener(
  options: ConnectionOptions,
  channel: string,
  onPayload: (payload: string) => void,
): () => Promise<void> {
  let client: postgres.Sql;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;

  function listen(): void {
    let isLost = false;
    // A failed statement and a closed connection may both report the same loss.
    const reconnect = () => {
      if (isLost || isClosed) return;
      isLost = true;
      client.end({ timeout: 0 }).catch(() => {});
      retry = setTimeout(listen, RETRY_MS).unref();
    };
    client = connect(options, {
      idle_timeout: undefined,
      max_lifetime: null,
      onnotify: (_: string, payload: string) => onPayload(payload),
      onclose: reconnect,
    } as postgres.Options<never>);
    client.unsafe(`listen ${channel}`).simple().catch(reconnect);
  }

  listen();
  return async () => {
    isClosed = true;
    clearTimeout(retry);
    await client.end({ timeout: 1 });
  };
}
