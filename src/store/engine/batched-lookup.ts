// Finds rows by id on behalf of accounts: any number of them in one statement, returned in the order of the request.
import { sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { computed, elements, type Statement } from './statement.js';

/** An id, and the account that wants to see its row. */
export interface AccountLookup {
  id: string;
  accountId: string;
}
export type AccountLookupLists = { ids: readonly string[]; accountIds: readonly string[] };

/**
 * The lists as rows `asked(id, account_id, place)`. They are inside sub-selects because the planner cannot see their
 * length there, and so does not make a new plan for each execution.
 */
export const lookupRows = sql`unnest((select ${elements('ids', 'uuid')}), (select ${elements('accountIds', 'uuid')}))
    with ordinality as asked(id, account_id, place)`;
export const PLACE = { place: computed(sql`asked.place`, (place) => Number(place) - 1) };

/**
 * Reads one row, or undefined, for each lookup, in the order of the lookups. `one` reads a single lookup; `many` reads
 * several, and its `place` is the index of the lookup that a row belongs to.
 */
export function readInOrder<Row>(
  one: Statement<Row, AccountLookup>,
  many: Statement<Row & { place: number }, AccountLookupLists>,
) {
  return async (db: Session, lookups: readonly AccountLookup[]): Promise<(Row | undefined)[]> => {
    const [first] = lookups;
    if (first && lookups.length === 1) return [await db.row(one, first)];
    const found = new Array<Row | undefined>(lookups.length).fill(undefined);
    const lists = { ids: lookups.map(({ id }) => id), accountIds: lookups.map(({ accountId }) => accountId) };
    for (const row of await db.rows(many, lists)) found[row.place] = row;
    return found;
  };
}
