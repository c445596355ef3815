// Waits for a moment in which the event loop has nothing to do.
import { setImmediate as nextTurn } from 'node:timers/promises';

const QUIET_MS = 0.1;
const WITHIN_MS = 1_000;

/**
 * Resolves right after a turn of the event loop in which nothing took time and `accepted` did not change, or after a
 * second without such a turn. A turn ends here behind the place where new connections are accepted, so none is waiting.
 *
 * That is the moment to close a listener: the system resets connections that still wait to be accepted.
 */
export async function quietTurn(accepted = () => 0): Promise<void> {
  await nextTurn();
  const began = performance.now();
  for (let now = began; now - began < WITHIN_MS; ) {
    const [before, turnBegan] = [accepted(), now];
    await nextTurn();
    now = performance.now();
    if (accepted() === before && now - turnBegan < QUIET_MS) return;
  }
}
