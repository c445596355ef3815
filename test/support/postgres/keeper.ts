// A shell that removes what a temporary Postgres cluster leaves, when the process that started it was killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * A small shell that outlives us when we are killed (Vitest ends 1 ms after Ctrl-C, without teardown): its input ends
 * with us, and unless it was released before, it then stops the server and removes the folder.
 */
const KEEPER = `
read -r word
[ "$word" = released ] && exit 0
lock=$1/data/postmaster.pid
if pid=$(head -n 1 "$lock" 2>/dev/null) && [ -n "$pid" ]; then
  kill -INT "$pid" 2>/dev/null
  turns=0
  while [ -e "$lock" ] && [ $turns -lt 50 ]; do sleep 0.1; turns=$((turns + 1)); done
  [ -e "$lock" ] && kill -QUIT "$pid" 2>/dev/null
fi
rm -rf "$1"
`;

export function startKeeper(folder: string): { release(): Promise<void> } {
  const keeper = spawn('/bin/sh', ['-c', KEEPER, 'keeper', folder], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Whoever killed the keeper only took the safety net away.
  keeper.on('error', () => undefined);
  keeper.stdin.on('error', () => undefined);
  keeper.unref();
  return {
    async release() {
      if (hasEnded(keeper)) return;
      keeper.ref();
      const ended = once(keeper, 'exit');
      keeper.stdin.end('released\n');
      await ended;
    },
  };
}

export function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
