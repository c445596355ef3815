// The rows that a planned change writes: the secret's row and its log row, which continues the hash chain.
import type { AgentSecretStateRow } from '../../store/changes/change-set.js';
import type { LogEntryInsertion } from '../../store/log/log-entry.js';
import { chainHash, logEntry } from '../log/log-entry.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import type { Step } from './change-plan.js';

/** The end of an environment's log before the new row. */
export interface LogEnd {
  environmentId: string;
  revision: bigint;
  headHash: Uint8Array;
}

/** The position of a change in its change set, starting at 0, and the size of the set. */
export interface SetPlace {
  setPosition: number;
  setSize: number;
}

/** The rows of a write that the caller makes now. The log row contains the new end of the log. */
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
