// Which secrets a process has told the database of as just opened: once a minute is enough for `lastReadAt`, and a row
// of it for every value of every list would cost the database more than the list.
import type { LastReadColumns, SecretReadColumns } from '../../store/reads/read-audit.js';

const MINUTE_MS = 60_000;
/** Secrets that are remembered within a minute. Those beyond it are told again with every write. */
const MAX_TOLD = 50_000;

export interface LastReads {
  /** The secrets in the records whose minute the database does not know yet. */
  untold(columns: SecretReadColumns): LastReadColumns;
  /** What `untold` has answered is committed. */
  told(last: LastReadColumns): void;
  /** After a failed write the database may have gone back: everything is told again. */
  forget(): void;
}

export function createLastReads(): LastReads {
  let minute = 0;
  const told = new Set<string>();

  return {
    untold({ agentSecretIds, at }) {
      const last = new Map<string, Date>();
      for (const [row, ids] of agentSecretIds.entries()) {
        const moment = at[row] as Date;
        const isToldMinute = minuteOf(moment) === minute;
        for (const id of ids.split(',')) {
          if (isToldMinute && told.has(id)) continue;
          const known = last.get(id);
          if (known === undefined || known < moment) last.set(id, moment);
        }
      }
      return { lastIds: [...last.keys()], lastAt: [...last.values()] };
    },
    told({ lastIds, lastAt }) {
      for (const [index, id] of lastIds.entries()) {
        const openedIn = minuteOf(lastAt[index] as Date);
        if (openedIn < minute) continue;
        if (openedIn > minute) {
          minute = openedIn;
          told.clear();
        }
        if (told.size < MAX_TOLD) told.add(id);
      }
    },
    forget: () => told.clear(),
  };
}

function minuteOf(moment: Date): number {
  return Math.floor(moment.getTime() / MINUTE_MS);
}
