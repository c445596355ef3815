// An operation that was refused for want of room asks for nothing more.
import { expect, test } from 'vitest';
import { Operation } from '../../../src/domain/request/operation.js';
import { valuesUnreadable } from '../../../src/errors/refusals.js';
import { createByteBudget } from '../../../src/scheduling/byte-budget.js';

test('after one refusal for want of room, everything else of the operation is refused at once, by the same error', async () => {
  const budget = createByteBudget({ capacity: 10, accountCapacity: 10, maxWaiting: 0 });
  const held = budget.lease('a');
  held.take(10);
  const operation = new Operation(budget, 'b', { maxResponseBytes: 100 });
  const refusal = await operation.take(1)?.catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'UNAVAILABLE' });
  held.close();
  expect(await operation.take(1)?.catch((error: unknown) => error)).toBe(refusal);
  const next = new Operation(budget, 'b', { maxResponseBytes: 100 });
  expect(next.take(1)).toBeUndefined();
});

test('with more than 1,000 failed fields it is refused with the code, the ids and the cause of the one that was too many', () => {
  const operation = new Operation(createByteBudget({ capacity: 10 }), 'a', { maxResponseBytes: 100 });
  const cause = new Error('it does not open');
  for (let count = 1; count <= 1_000; count += 1) operation.fail(valuesUnreadable(['some'], undefined));
  expect(operation.refusal).toBeUndefined();
  operation.fail(valuesUnreadable(['last'], cause));
  expect(operation.refusal).toMatchObject({
    code: 'AGENT_SECRET_VALUE_UNREADABLE',
    details: { agentSecretIds: ['last'] },
    cause,
  });
});
