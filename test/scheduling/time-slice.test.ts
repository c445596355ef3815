// Long work in portions: however many wait for their turn, waiting costs little and nobody is left out.
import { expect, test } from 'vitest';
import { hasSliceTime, nextSlice } from '../../src/scheduling/time-slice.js';

/** Keeps the processor for some microseconds, as opening a value does. */
function spin(): void {
  const end = performance.now() + 0.005;
  while (performance.now() < end);
}

test('many that wait are woken when there is time for them, not all of them in every turn', async () => {
  const COUNT = 20_000;
  let waits = 0;
  async function item(): Promise<void> {
    while (!hasSliceTime()) {
      waits += 1;
      await nextSlice();
    }
    spin();
  }
  await Promise.all(Array.from({ length: COUNT }, item));
  expect(waits).toBeGreaterThan(COUNT / 2);
  expect(waits).toBeLessThan(COUNT * 2);
});

test('whoever begins while others work through long lists is not kept waiting until one of them is done', async () => {
  let listsDone = 0;
  async function list(): Promise<void> {
    for (let n = 0; n < 20_000; n += 1) {
      while (!hasSliceTime()) await nextSlice();
      spin();
    }
    listsDone += 1;
  }
  const lists = [list(), list(), list()];
  for (let n = 0; n < 3; n += 1) await new Promise((resolve) => setImmediate(resolve));
  while (!hasSliceTime()) await nextSlice();
  expect(listsDone).toBe(0);
  await Promise.all(lists);
});

test('groups are served in turn, however many of one are waiting', async () => {
  let greedy = 0;
  async function items(group: string, count: number): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, async () => {
        while (!hasSliceTime()) await nextSlice(group);
        spin();
        if (group === 'greedy') greedy += 1;
      }),
    );
  }
  const many = items('greedy', 20_000);
  await items('modest', 100);
  expect(greedy).toBeLessThan(10_000);
  await many;
});
