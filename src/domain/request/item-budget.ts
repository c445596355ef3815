// Limits how many items one request may read in all its lists. A page-size limit bounds each list alone, but nested
// lists multiply.
import { invalidRequest } from '../../errors/refusals.js';
import type { Context } from './context.js';

export const MAX_ITEMS_PER_REQUEST = 10_000;

const spentItems = new WeakMap<Context, number>();

/**
 * Counts items that are about to be read. The first list of a request may have any length that the plan allows. Throws
 * INVALID_REQUEST when all lists of the request together exceed the limit.
 */
export function spendItems(ctx: Context, items: number): void {
  const spentSoFar = spentItems.get(ctx) ?? 0;
  if (spentSoFar > 0 && spentSoFar + items > MAX_ITEMS_PER_REQUEST) {
    throw invalidRequest(`the request reads more than ${MAX_ITEMS_PER_REQUEST} items in its lists together`);
  }
  spentItems.set(ctx, spentSoFar + items);
}
