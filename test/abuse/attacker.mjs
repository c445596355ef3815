// A process of its own that runs one attack. Forked by stage.ts.
import { EventEmitter } from 'node:events';
import { setPriority } from 'node:os';
import { ATTACKS } from './attacks.mjs';
import { createTally } from './client.mjs';

// Attackers come from elsewhere: they do not take the processor that the service needs.
setPriority(5);
EventEmitter.defaultMaxListeners = 0;
/** How long an attack may take to end after its time. */
const END_WITHIN_MS = 2_000;

process.on('disconnect', () => process.exit());

process.once('message', async ({ name, facts, ms, scale }) => {
  const over = new AbortController();
  const tally = createTally();
  const timer = setTimeout(() => over.abort(), ms);
  process.on('message', () => over.abort());
  const running = ATTACKS[name]({ ...facts, ms, scale, tally, signal: over.signal });
  const late = new Promise((resolve) =>
    over.signal.addEventListener('abort', () => setTimeout(resolve, END_WITHIN_MS), { once: true }),
  );
  await Promise.race([running, late]);
  clearTimeout(timer);
  over.abort();
  // What has been cut off is noted in the next turn.
  setTimeout(() => process.send(tally.result(), () => process.exit()), 50);
});
