// The budget of bytes: nobody takes more than there is, accounts wait in turn, and nobody waits for ever.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ByteLease, createByteBudget } from '../../src/scheduling/byte-budget.js';

/** Lets everything that has been granted go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Whether a promise has been resolved, as far as it is known now. */
function watched(promise: undefined | Promise<void>) {
  const state = { isGranted: promise === undefined, error: undefined as unknown };
  promise?.then(
    () => {
      state.isGranted = true;
    },
    (error: unknown) => {
      state.error = error;
    },
  );
  return state;
}

describe('room', () => {
  test('is taken at once while there is any, and given back by closing', () => {
    const budget = createByteBudget({ capacity: 100, accountCapacity: 100 });
    const lease = budget.lease('a');
    expect(lease.take(60)).toBeUndefined();
    lease.add(30);
    lease.give(50);
    expect([budget.used, lease.held]).toEqual([40, 40]);
    lease.close();
    lease.close();
    lease.add(10);
    expect(budget.used).toBe(0);
  });

  test('is granted in the order of waiting, as soon as there is enough', async () => {
    const budget = createByteBudget({ capacity: 100, accountCapacity: 100 });
    const first = budget.lease('a');
    first.take(90);
    const second = watched(budget.lease('a').take(50));
    // Smaller, but behind one of the same account.
    const third = watched(budget.lease('a').take(5));
    await settled();
    expect([second.isGranted, third.isGranted, budget.waiting]).toEqual([false, false, 2]);
    first.close();
    await settled();
    expect([second.isGranted, third.isGranted, budget.waiting]).toEqual([true, true, 0]);
  });

  test('for more than there can ever be is granted when nothing else is held', () => {
    const budget = createByteBudget({ capacity: 100 });
    expect(budget.lease('a').take(1_000)).toBeUndefined();
    expect(budget.used).toBe(1_000);
  });
});

describe('accounts', () => {
  test('one account’s hundred lists do not delay another’s read', () => {
    const budget = createByteBudget({ capacity: 100 });
    for (let n = 0; n < 100; n += 1) budget.lease('greedy').take(10);
    expect(budget.waiting).toBe(95);
    expect(budget.lease('other').take(10)).toBeUndefined();
  });

  test('that wait are served in turn', async () => {
    const budget = createByteBudget({ capacity: 10, accountCapacity: 10 });
    const holder = budget.lease('holder');
    holder.take(10);
    const order: string[] = [];
    const leases: ByteLease[] = [];
    for (const account of ['a', 'a', 'a', 'b', 'c']) {
      const lease = budget.lease(account);
      leases.push(lease);
      const granted = lease.take(10) as Promise<void>;
      granted.then(() => order.push(account)).then(() => lease.close());
    }
    holder.close();
    for (let n = 0; n < 10; n += 1) await settled();
    expect(order).toEqual(['a', 'b', 'c', 'a', 'a']);
  });

  test('that reserve nothing do not wait for what others hold, only for their own', async () => {
    const budget = createByteBudget({ capacity: 100, accountCapacity: 50 });
    budget.lease('a').add(200);
    expect(budget.lease('b').take(0)).toBeUndefined();
    const own = watched(budget.lease('a').take(0));
    await settled();
    expect(own.isGranted).toBe(false);
  });
});

describe('waiting', () => {
  test('behind one that is given up ends when there is room without it', async () => {
    const budget = createByteBudget({ capacity: 100, accountCapacity: 50 });
    budget.lease('a').take(40);
    const large = budget.lease('a');
    const givenUp = watched(large.take(20));
    const small = watched(budget.lease('a').take(10));
    await settled();
    expect([givenUp.isGranted, small.isGranted]).toEqual([false, false]);
    large.close();
    await settled();
    expect([givenUp.isGranted, small.isGranted, budget.used]).toEqual([false, true, 50]);
  });

  test('ends with UNAVAILABLE when there is no room in time', async () => {
    const budget = createByteBudget({ capacity: 10, maxWaitMs: 5 });
    budget.lease('a').take(10);
    await expect(budget.lease('b').take(1)).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { retryAfter: 5 } });
    expect(budget.waiting).toBe(0);
  });

  test('is refused at once when too many wait already', async () => {
    const budget = createByteBudget({ capacity: 10, maxWaiting: 1 });
    budget.lease('a').take(10);
    void watched(budget.lease('b').take(1));
    await expect(budget.lease('c').take(1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('of everybody who holds something ends: one goes on, whatever it takes', async () => {
    const budget = createByteBudget({ capacity: 10, accountCapacity: 10 });
    const one = budget.lease('a');
    const other = budget.lease('b');
    one.take(6);
    other.take(4);
    const more = watched(other.take(6));
    await settled();
    expect(more.isGranted).toBe(false);
    const evenMore = watched(one.take(1));
    await settled();
    expect([more.isGranted, evenMore.isGranted]).toEqual([false, true]);
    one.close();
    await settled();
    expect(more.isGranted).toBe(true);
  });

  test('of a lease that is closed ends, too', async () => {
    const budget = createByteBudget({ capacity: 10 });
    budget.lease('a').take(10);
    const lease = budget.lease('b');
    const wait = watched(lease.take(5));
    lease.close();
    await settled();
    expect([wait.error, budget.waiting]).toEqual([expect.objectContaining({ code: 'UNAVAILABLE' }), 0]);
  });
});

test('whatever is taken and given, the books balance and everybody is served in the end', async () => {
  const step = fc.record({ account: fc.constantFrom('a', 'b', 'c'), bytes: fc.integer({ min: 0, max: 40 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const budget = createByteBudget({ capacity: 50, accountCapacity: 30 });
      const open = steps.map(({ account, bytes }) => {
        const lease = budget.lease(account);
        const granted = lease.take(bytes) ?? Promise.resolve();
        return granted.then(settled).then(() => lease.close());
      });
      await Promise.all(open);
      expect([budget.used, budget.waiting]).toEqual([0, 0]);
    }),
    { numRuns: 200 },
  );
});
