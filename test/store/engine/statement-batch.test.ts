// What goes together: statements of a kind take turns, and nothing waits for ever behind those that do not end.
import { afterEach, expect, test, vi } from 'vitest';
import type { Session } from '../../../src/store/engine/client.js';
import { batchStatements } from '../../../src/store/engine/statement-batch.js';

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
  const ask = batchStatements(run, 2);
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

test('a statement that does not end keeps others waiting half a second, once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { begun, ends, run } = statements();
  const ask = batchStatements(run, 1);
  const first = ask(session, 1);
  await turn();
  const others = Promise.all([ask(session, 2), ask(session, 3)]);
  await vi.advanceTimersByTimeAsync(450);
  expect(begun).toEqual([[1]]);
  await vi.advanceTimersByTimeAsync(100);
  expect(begun).toEqual([[1], [2, 3]]);
  ends[1]?.();
  expect(await others).toEqual([-2, -3]);
  for (const key of [4, 5]) {
    const next = ask(session, key);
    await turn();
    expect(begun.at(-1)).toEqual([key]);
    ends.at(-1)?.();
    expect(await next).toBe(-key);
  }
  // Its end leaves no more room than there was.
  ends[0]?.();
  expect(await first).toBe(-1);
  const sixth = ask(session, 6);
  await turn();
  const seventh = ask(session, 7);
  await turn();
  expect(begun.at(-1)).toEqual([6]);
  ends.at(-1)?.();
  expect(await sixth).toBe(-6);
  await turn();
  expect(begun.at(-1)).toEqual([7]);
  ends.at(-1)?.();
  expect(await seventh).toBe(-7);
});
