// Work on a database of which nothing stays.
import type postgres from 'postgres';

/** In a transaction that leaves nothing behind. */
export async function inVain<T>(sql: postgres.Sql, work: (tx: postgres.TransactionSql) => Promise<T>): Promise<T> {
  let result: T | undefined;
  const over = new Error('over');
  await sql
    .begin(async (tx) => {
      result = await work(tx);
      throw over;
    })
    .catch((error: unknown) => {
      if (error !== over) throw error;
    });
  return result as T;
}
