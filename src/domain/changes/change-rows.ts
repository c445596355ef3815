// What a planned change leaves behind: the secret's row, and its row of the log, chained to the end of that.
import type { AgentSecretStateRow } from '../../store/changes/change-set.js';
import type { LogEntryInsertion } from '../../store/log/log-entry.js';
import { chainHash, logEntry } from '../log/log-entry.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import type { Step } from './change-plan.js';

/** Where an environment's log ends before the row. */
export interface LogEnd {
  environmentId: string;
  revision: bigint;
  headHash: Uint8Array;
}

/** A change's place in its set, from 0, and the set's size. */
export interface SetPlace {
  setPosition: number;
  setSize: number;
}

/** The rows as the caller writes them now; the log's next end is in its row. */
export function rowsOf(
  ctx: Context,
  { environmentId, revision, headHash }: LogEnd,
  step: Step,
  place?: SetPlace,
): { secret: AgentSecretStateRow; entry: LogEntryInsertion } {
  const { accountId } = actorOf(ctx);
  const { isNew, written } = step;
  const { deletedAt } = step.secret;
  const { entryDigest, ...entry } = logEntry(ctx, step.secret, { ...written, ...place, deletedAt });
  const { at } = entry;
  const secret = {
    ...step.secret,
    ...(isNew ? { createdAt: at, createdBy: accountId } : {}),
    updatedAt: at,
    updatedBy: accountId,
    deletedAt: entry.deletedAt,
  };
  const { id: agentSecretId, valueRevision, sealedValue } = secret;
  const environmentRevision = revision + 1n;
  return {
    secret,
    entry: {
      ...entry,
      environmentId,
      environmentRevision,
      agentSecretId,
      revision: secret.revision,
      sealedValue: valueRevision === secret.revision ? sealedValue : null,
      valueRevision,
      hash: chainHash(headHash, environmentRevision, entryDigest),
    },
  };
}
