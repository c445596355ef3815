// Writes a list of changes in one transaction: locks the environment, plans the changes, then writes the secrets and
// the log.
import { AppError } from '../../errors/errors.js';
import { notFound } from '../../errors/refusals.js';
import {
  advanceEnvironment,
  findAgentSecretsConcerned,
  findOldRevisions,
  insertAgentSecretState,
  lockEnvironment,
  removeSealedValue,
  updateAgentSecretState,
} from '../../store/changes/change-set.js';
import type { Session } from '../../store/engine/client.js';
import { insertLogEntry } from '../../store/log/log-entry.js';
import { areCurrent, loadCurrentKeys, writingKeys } from '../keys/current-keys.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import type { AgentSecret } from '../secrets/agent-secret.js';
import { stale } from '../secrets/agent-secret-refusal.js';
import { type AgentSecretRevision, LARGEST_STORED, loggedOf } from '../secrets/agent-secret-revision.js';
import { type Outcome, Unwritten, type Write } from '../secrets/idempotency.js';
import { canonicalPath } from '../types/secret-path.js';
import {
  type AgentSecretChange,
  type Draft,
  type OldRevision,
  planChange,
  revisionKey,
  type Step,
} from './change-plan.js';
import { rowsOf } from './change-rows.js';

/** The result of a list of changes, or of its dry run. */
export interface ChangeSetResult {
  environmentId: string;
  /** Whether the changes were written; it is always all of them or none. */
  applied: boolean;
  /** The environment's revision after the call. */
  environmentRevision: bigint;
  /**
   * One result per change, in the order of the changes: the revision that it made, the secret that it would leave, or the
   * error with which it is refused.
   */
  results: (AgentSecretRevision | AppError)[];
}

export interface ChangeOptions {
  /** The revision that the environment must have; null for any. */
  expected: bigint | null;
  dryRun: boolean;
  /** Whether the log records the changes as one change set. */
  isSet: boolean;
}

/** Writes all changes or none while holding the environment's lock. The caller must have authorized them. */
export async function writeChanges(
  ctx: Context,
  write: Write,
  environmentId: string,
  changes: readonly AgentSecretChange[],
  options: ChangeOptions,
): Promise<ChangeSetResult> {
  let keys = await writingKeys(ctx.services, environmentId);
  const applyChanges = async (tx: Session): Promise<ChangeSetResult> => {
    const locked = await lockEnvironment(tx, environmentId);
    if (!locked) throw notFound('environment', environmentId);
    if (!options.dryRun && !areCurrent(keys, locked)) throw new OtherKeys();
    if (options.expected !== null && options.expected !== locked.revision) throw stale(locked.revision);
    const { grant } = actorOf(ctx);
    const draft = { ...locked, ...(await readDraft(tx, environmentId, changes)), environmentId, keys, grant };
    const steps = changes.map((change) => planOrRefusal(draft, change));
    if (options.dryRun || !steps.every(isStep)) {
      const results = steps.map((step) => (isStep(step) ? preview(ctx, step) : step));
      throw new Unwritten({ environmentId, applied: false, environmentRevision: locked.revision, results });
    }
    let { revision, headHash } = locked;
    let at = new Date();
    const results: AgentSecretRevision[] = [];
    const statements: Promise<void>[] = [];
    for (const [setPosition, step] of steps.entries()) {
      const place = options.isSet ? { setPosition, setSize: steps.length } : undefined;
      const { secret, entry } = rowsOf(ctx, { environmentId, revision, headHash }, step, place);
      ({ at, environmentRevision: revision, hash: headHash } = entry);
      statements.push((step.isNew ? insertAgentSecretState : updateAgentSecretState)(tx, secret));
      if (entry.destroyedRevision !== null) {
        statements.push(removeSealedValue(tx, secret.id, entry.destroyedRevision));
      }
      statements.push(insertLogEntry(tx, entry));
      // A later change of the same set may write the secret again.
      results.push({ ...resultOf(step, secret), isPast: options.isSet, logged: loggedOf(entry) });
    }
    const { secretCount } = draft;
    statements.push(advanceEnvironment(tx, { environmentId, revision, secretCount, headHash, at }));
    await Promise.all(statements);
    return { environmentId, applied: true, environmentRevision: revision, results };
  };
  const attempt = async (): Promise<ChangeSetResult> => {
    try {
      return (await write(environmentId, applyChanges, outcomeOf(options), { transaction: true })) as ChangeSetResult;
    } catch (error) {
      if (error instanceof Unwritten) return error.result as ChangeSetResult;
      throw error;
    }
  };
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof OtherKeys)) throw error;
    keys = await loadCurrentKeys(ctx.services, environmentId);
    return attempt();
  }
}

/** The database no longer has the keys that this instance still has in its cache. */
class OtherKeys extends Error {}

function outcomeOf({ isSet }: ChangeOptions): (written: ChangeSetResult) => Outcome {
  return ({ environmentRevision, results: [first] }) => {
    const { id, revision } = first as AgentSecret;
    return isSet
      ? { agentSecretId: null, revision: null, environmentRevision }
      : { agentSecretId: id, revision, environmentRevision };
  };
}

/** Everything that planning the changes needs, read while holding the environment's lock. */
async function readDraft(
  tx: Session,
  environmentId: string,
  changes: readonly AgentSecretChange[],
): Promise<Pick<Draft, 'secrets' | 'takenPaths' | 'oldRevisions'>> {
  const ids = [...new Set(changes.flatMap((change) => (change.kind === 'create' ? [] : [change.id])))];
  const paths = changes.flatMap((change) => (change.kind === 'create' ? pathOf(change.path) : []));
  const secrets = new Map<string, Awaited<ReturnType<typeof findAgentSecretsConcerned>>[number]>();
  const readSecrets = async (concerned: { ids: string[]; paths: string[] }) => {
    for (const row of await findAgentSecretsConcerned(tx, { environmentId, ...concerned })) secrets.set(row.id, row);
  };
  await readSecrets({ ids, paths });
  // Also reads the secrets that now use the paths to which deleted secrets would be restored.
  const pathsOfDeleted = [...secrets.values()].flatMap(({ path, deletedAt }) => (deletedAt ? [path] : []));
  if (pathsOfDeleted.length > 0) await readSecrets({ ids: [], paths: pathsOfDeleted });

  const wantedRevisions = changes.flatMap((change) => {
    if (change.kind !== 'restore' && change.kind !== 'destroy') return [];
    const revision = change.kind === 'restore' ? change.toRevision : change.revision;
    return secrets.has(change.id) && revision <= LARGEST_STORED ? [{ id: change.id, revision }] : [];
  });
  const oldRevisionRows = wantedRevisions.length === 0 ? [] : await findOldRevisions(tx, wantedRevisions);
  const oldRevisions = new Map<string, OldRevision>(
    oldRevisionRows.map((row) => [revisionKey(row.agentSecretId, row.revision), row]),
  );
  return {
    secrets,
    takenPaths: new Set([...secrets.values()].flatMap(({ path, deletedAt }) => (deletedAt ? [] : [path]))),
    oldRevisions,
  };
}

/** The canonical path, or nothing for an invalid one, which is refused later when its change is planned. */
function pathOf(path: readonly string[]): string[] {
  try {
    return [canonicalPath(path).text];
  } catch {
    return [];
  }
}

function planOrRefusal(draft: Draft, change: AgentSecretChange): Step | AppError {
  try {
    return planChange(draft, change);
  } catch (error) {
    // A missing permission refuses the whole list, as it does elsewhere.
    if (error instanceof AppError && error.code !== 'AUTH_FORBIDDEN') return error;
    throw error;
  }
}

function isStep(step: Step | AppError): step is Step {
  return !(step instanceof AppError);
}

/** The secret as the step would leave it, for a step that is not written. */
function preview(ctx: Context, step: Step): AgentSecret {
  const { accountId } = actorOf(ctx);
  const at = new Date();
  const creation = step.isNew ? { createdAt: at, createdBy: accountId } : {};
  const { isNew, written } = step;
  const secret = resultOf(step, { ...step.secret, ...creation, updatedAt: at, updatedBy: accountId });
  return { ...secret, planned: { change: written.change, isNew } };
}

function resultOf({ echo }: Step, secret: AgentSecret): AgentSecret {
  return echo === undefined ? secret : { ...secret, echo };
}
