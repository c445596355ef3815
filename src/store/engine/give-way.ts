// Statements and transactions that Postgres ends for the sake of others: they have had no effect, and are tried again.
import { AppError } from '../../errors/errors.js';

/** Whether it was ended in a deadlock, or in a conflict of serialisation. */
export function hasGivenWay(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error;
  return /^(40P01|40001)$/.test(String((cause as { code?: unknown } | null)?.code));
}

/** Does work that has to be all or nothing, and does it once more if it had to give way. */
export async function withOneRetry<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!hasGivenWay(error)) throw error;
    return work();
  }
}
