// What goes together: statements of a kind take turns, and nothing waits for ever behind those that do not end.
import { afterEach, expect, test, vi } from 'vitest';
import type { Session } from '../../src/store/client.js';
import { gather } from '../../src/store/gather.js';

afterEach(() => {
  vi.useRealTimers();
});

const session = { isShared: true } as Session;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Statements that end when told to. */
function statements() {
  const begun: (readonly number[])[] = [];
  const ends: (() => void)[] = [];
  const run = (_: Session, keys: readonly number[]) => {
    begun.push(keys);
    return new Promise<number[]>((resolve) => {
      ends.push(() => resolve(keys.map((key) => -key)));
    });
  };
  return { begun, ends, run };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

test('no more statements than allowed are under way, however much is asked for at once', async () => {
  const { begun, ends, run } = statements();
  const ask = gather(run, 2);
  const answers = Promise.all(numbers(300).map((key) => ask(session, key)));
  await turn();
  expect(begun).toHaveLength(2);
  while (begun.flat().length < 300) {
    ends.shift()?.();
    await turn();
    expect(ends).toHaveLength(2);
  }
  for (const end of ends) end();
  expect(await answers).toEqual(numbers(300).map((key) => -key));
});

test('what is asked for while statements do not end waits for them a second at most', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { begun, ends, run } = statements();
  const ask = gather(run, 1);
  const first = ask(session, 1);
  await turn();
  const others = Promise.all([ask(session, 2), ask(session, 3)]);
  await vi.advanceTimersByTimeAsync(900);
  expect(begun).toEqual([[1]]);
  await vi.advanceTimersByTimeAsync(200);
  expect(begun).toEqual([[1], [2, 3]]);
  for (const end of ends) end();
  expect(await Promise.all([first, others])).toEqual([-1, [-2, -3]]);
});
