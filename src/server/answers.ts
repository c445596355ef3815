// What an answer holds in memory, from the first byte that is read for it until its last byte is sent.
import type { ServerResponse } from 'node:http';
import type { Context as HonoContext } from 'hono';
import type { Actor } from '../domain/request/actor.js';
import { Operation, type OperationLimits } from '../domain/request/operation.js';
import type { Services } from '../domain/request/services.js';
import { type ByteBudget, createByteBudget } from '../scheduling/byte-budget.js';

/** For answers that other limits bound: REST answers one secret, or a list in portions. */
export const UNBOUNDED: OperationLimits = { maxResponseBytes: Number.POSITIVE_INFINITY };

/** Callers without a credential are one account to the budget. */
const ANONYMOUS = '';

/** For operations whose end nobody tells: they are limited by themselves only. */
const UNLIMITED: ByteBudget = createByteBudget({
  capacity: Number.POSITIVE_INFINITY,
  accountCapacity: Number.POSITIVE_INFINITY,
});

/** The request's operation. It gives back what it holds when the answer is sent, or the client is gone. */
export function operationOf(
  { env }: HonoContext,
  { memory }: Services,
  actor: Actor | undefined,
  limits: OperationLimits,
): Operation {
  const { outgoing } = (env ?? {}) as { outgoing?: ServerResponse };
  const account = actor?.accountId ?? ANONYMOUS;
  // Without a server around the app nobody would tell the end of the answer.
  if (!outgoing) return new Operation(UNLIMITED, account, limits);
  return new Operation(memory, account, limits, (operation) => {
    if (outgoing.closed) operation.close();
    else outgoing.once('close', () => operation.close());
  });
}
