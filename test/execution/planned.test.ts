// Planned documents answer what graphql-js answers, byte for byte. `npm run differential` does it a hundred thousand times.
import { afterAll, expect, test } from 'vitest';
import { differenceOf, takingRejections } from './difference.js';

afterAll(takingRejections());

test('generated documents are answered as graphql-js answers them: values, errors, places and order', async () => {
  const sum = { executed: 0, planned: 0, failing: 0 };
  for (let seed = 1; sum.executed < 1_000; seed += 1) {
    const { executed, planned, failing, difference } = await differenceOf(seed);
    expect(difference).toBeUndefined();
    sum.executed += executed;
    sum.planned += planned;
    sum.failing += failing;
  }
  // Next to all of them have a plan, and what is compared is not only what goes well.
  expect(sum.planned).toBeGreaterThan(sum.executed * 0.9);
  expect(sum.failing).toBeGreaterThan(sum.executed * 0.2);
}, 120_000);
