// Rows that accounts ask for by id, any number of them in one statement, answered in the order asked.
import { sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { computed, elements, type Statement } from './statement.js';

/** What an account asks to see by its id. */
export interface AccountLookup {
  id: string;
  accountId: string;
}
export type AccountLookupLists = { ids: readonly string[]; accountIds: readonly string[] };

/**
 * The lists as rows `asked(id, account_id, place)`. Behind sub-selects the server cannot see how long they are, and so does
 * not plan the statement anew for each.
 */
export const lookupRows = sql`unnest((select ${elements('ids', 'uuid')}), (select ${elements('accountIds', 'uuid')}))
    with ordinality as asked(id, account_id, place)`;
export const PLACE = { place: computed(sql`asked.place`, (place) => Number(place) - 1) };

/** Answers each that is asked for, in that order, with its row or undefined; `many` tells the place in its lists. */
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
