// The end and the beginning of the audit log of opened values in a process: what the database does not take until the end
// is left in a file, and taken in at the next start.
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors/errors.js';
import { codeOf, type Logger } from '../../logging/logger.js';
import type { Database } from '../../store/engine/client.js';
import {
  findLeftReads,
  readLeftReads,
  removeLeftReads,
  setAsideLeftReads,
  writeLeftReads,
} from '../../store/reads/left-reads.js';
import { insertSecretReads, type SecretReadColumns } from '../../store/reads/read-audit.js';
import type { ReadAudit } from '../request/services.js';
import { createLastReads } from './last-reads.js';

const RETRY_MS = 250;
const TAKE_IN_RETRY_MS = 5_000;
/** How many accounts one log line names. */
const NAMED_ACCOUNTS = 100;

/** Writes what is pending, and tries for `withinMs`. What is left then goes into a file of the folder, with a log line. */
export async function closeReads(reads: ReadAudit, log: Logger, folder: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  const late = sleep(withinMs, 'late', { ref: false });
  for (;;) {
    const outcome = await Promise.race([reads.flush().catch(() => 'failed'), late]);
    if (outcome === undefined) return;
    if (outcome === 'late' || performance.now() + RETRY_MS > deadline) break;
    await sleep(RETRY_MS);
  }
  const left = reads.pending();
  const facts = summaryOf(left);
  if (facts.openings === 0) return;
  try {
    const file = await writeLeftReads(folder, left);
    log.error(
      { ...facts, file },
      'opened values are not recorded yet: they are in a file that the next start takes in',
    );
  } catch (error) {
    log.fatal({ ...facts, code: codeOf(error) }, 'opened values are not recorded, and cannot be left in a file');
    throw error;
  }
}

/** Writes what earlier processes have left behind. While the database does not take it, it is tried again. */
export async function takeInReads(db: Database, log: Logger, folder: string): Promise<void> {
  for (const file of await findLeftReads(folder)) {
    try {
      const batches = await readLeftReads(file);
      if (!batches) continue;
      // Several processes may do so at once: a record that is there already is left as it is.
      for (const batch of batches) await insertSecretReads(db, batch, createLastReads().untold(batch));
      await removeLeftReads(file);
      log.warn({ ...summaryOf(batches), file }, 'opened values of an earlier process are recorded now');
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAVAILABLE') {
        setTimeout(() => {
          takeInReads(db, log, folder).catch((problem: unknown) => {
            log.error({ folder, code: codeOf(problem) }, 'files of opened values cannot be taken in');
          });
        }, TAKE_IN_RETRY_MS).unref();
        return;
      }
      await setAsideLeftReads(file);
      const { message } = error as Error;
      log.error(
        { file, reason: codeOf(error) ?? message },
        'a file of opened values cannot be taken in, and is set aside',
      );
    }
  }
}

/** How many openings there are, and of whom. */
function summaryOf(batches: readonly SecretReadColumns[]) {
  const accounts = new Map<string, number>();
  let openings = 0;
  for (const { accountId, agentSecretIds } of batches) {
    for (const [row, account] of accountId.entries()) {
      const count = agentSecretIds[row]?.split(',').length ?? 0;
      openings += count;
      accounts.set(account, (accounts.get(account) ?? 0) + count);
    }
  }
  const named = [...accounts].sort(([, one], [, other]) => other - one).slice(0, NAMED_ACCOUNTS);
  return {
    openings,
    accounts: Object.fromEntries(named),
    ...(accounts.size > named.length && { allAccounts: accounts.size }),
  };
}
