// The one connection that listens for notifications; when it is lost, it is made again.
import type postgres from 'postgres';
import { type ConnectionOptions, connect } from './connection-pool.js';

const RETRY_MS = 1_000;

/** Best effort: behind a pooler in transaction mode nothing ever arrives, and while there is no connection nothing does. */
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
    // A statement that fails and a connection that closes may both tell of one loss.
    const again = () => {
      if (isLost || isClosed) return;
      isLost = true;
      client.end({ timeout: 0 }).catch(() => {});
      retry = setTimeout(listen, RETRY_MS).unref();
    };
    client = connect(options, {
      idle_timeout: undefined,
      max_lifetime: null,
      onnotify: (_: string, payload: string) => onPayload(payload),
      onclose: again,
    } as postgres.Options<never>);
    client.unsafe(`listen ${channel}`).simple().catch(again);
  }

  listen();
  return async () => {
    isClosed = true;
    clearTimeout(retry);
    await client.end({ timeout: 1 });
  };
}
