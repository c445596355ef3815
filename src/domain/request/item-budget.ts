// Limits how many items one request may read in all its lists. A page-size limit bounds each list alone, but nested
// lists multiply.
import { invalidRequest } from '../../errors/refusals.js';
import { hasSliceTime, nextSlice } from '../../scheduling/time-slice.js';
import type { Actor } from './actor.js';
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

/** Bytes that a row of a list takes in memory, besides its texts. */
export const ROW_BYTES = 1_024;

/**
 * Reads a list of a known length at most, and counts what it holds: before the statement runs as much as the rows may
 * have, `rowBytes` each and `sharedBytes` together, afterwards as much as they have.
 */
export async function readCounted<Row>(
  { operation, actor }: Context,
  most: { rows: number; rowBytes: number; sharedBytes?: number },
  read: () => Promise<Row[]>,
  bytesOf: (row: Row) => number,
): Promise<Row[]> {
  if (!operation) return inSlice(actor, await read());
  const reserved = most.rows * (most.rowBytes + ROW_BYTES) + (most.sharedBytes ?? 0);
  const wait = operation.take(reserved);
  if (wait) await wait;
  let held = 0;
  try {
    const rows = await read();
    for (const row of rows) held += bytesOf(row) + ROW_BYTES;
    return await inSlice(actor, rows);
  } finally {
    operation.add(held);
    operation.give(reserved);
  }
}

/** Waits for a time slice once for all rows: if each had to wait, that would need a promise per row in every layer. */
async function inSlice<Row>(actor: Actor | undefined, rows: Row[]): Promise<Row[]> {
  while (!hasSliceTime(rows.length)) await nextSlice(actor?.accountId);
  return rows;
}
