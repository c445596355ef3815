// Change sets: several writes that succeed or fail together. Restoring and destroying a revision are written in the
// same way.
import { AppError } from '../../errors/errors.js';
import { invalidRequest, notFound } from '../../errors/refusals.js';
import type { JsonValue } from '../../json/exact.js';
import { findAgentSecretForWrite } from '../../store/secrets/agent-secret.js';
import { findChanges } from '../../store/secrets/agent-secret-revision.js';
import { authorize, type EnvironmentPermission } from '../access/permissions.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { type AgentSecret, authorizeAgentSecret } from '../secrets/agent-secret.js';
import { replayed } from '../secrets/agent-secret-replay.js';
import { type AgentSecretRevision, revisionOf, typeOf } from '../secrets/agent-secret-revision.js';
import { atMostOnce, type EarlierOutcome, type Repeatable } from '../secrets/idempotency.js';
import { getEnvironment } from '../tenancy/environment.js';
import { analysedTypeFromText } from '../types/analysed-type-parse.js';
import { checkSecretValue } from '../types/secret-value.js';
import { MAX_CHANGES_PER_SET } from './agent-secret-change.js';
import type { AgentSecretChange } from './change-plan.js';
import { type ChangeSetResult, writeChanges } from './change-write.js';

export interface ApplyAgentSecretChangesInput extends Repeatable {
  environmentId: string;
  changes: readonly AgentSecretChange[];
  expectedEnvironmentRevision?: bigint | null | undefined;
  dryRun?: boolean | null | undefined;
}

const ACTIONS: Record<AgentSecretChange['kind'], EnvironmentPermission> = {
  create: 'CreateAgentSecret',
  update: 'UpdateAgentSecret',
  delete: 'DeleteAgentSecret',
  restore: 'UpdateAgentSecret',
  destroy: 'DeleteAgentSecret',
};

/**
 * Writes all changes or none. Each change applies to the state that the previous ones leave. Readers and the change
 * feed see all of them at once, under consecutive revisions of the environment. With `dryRun` nothing is ever written.
 *
 * Refuses the whole set with INVALID_REQUEST (no change, or more than 100), ENVIRONMENT_NOT_FOUND, AUTH_FORBIDDEN,
 * CONCURRENT_UPDATE (`expectedEnvironmentRevision`). Errors of single changes are in the results, for all changes at
 * once.
 */
export async function applyAgentSecretChanges(
  ctx: Context,
  input: ApplyAgentSecretChangesInput,
): Promise<ChangeSetResult> {
  const { environmentId, changes, expectedEnvironmentRevision = null, dryRun = false } = input;
  actorOf(ctx);
  if (changes.length === 0 || changes.length > MAX_CHANGES_PER_SET) {
    throw invalidRequest(`changes: expected 1 to ${MAX_CHANGES_PER_SET}`);
  }
  const environment = await getEnvironment(ctx, environmentId, 'ViewAgentSecret');
  for (const { kind } of changes) authorize(ctx, environment, ACTIONS[kind]);
  return atMostOnce(ctx, {
    key: dryRun ? null : input.idempotencyKey,
    request: ['apply', environmentId, changes, expectedEnvironmentRevision],
    run: (write) =>
      writeChanges(ctx, write, environmentId, changes, {
        expected: expectedEnvironmentRevision,
        dryRun: dryRun ?? false,
        isSet: true,
      }),
    replay: (earlier) => replaySet(ctx, earlier, changes),
  });
}

export interface RestoreAgentSecretInput extends Repeatable {
  id: string;
  toRevision: bigint;
  currentRevision: bigint;
}

/**
 * Creates a new revision with the value of an old one; this also undoes a deletion.
 *
 * Throws, checked in this order: AGENT_SECRET_NOT_FOUND, AUTH_FORBIDDEN, CONCURRENT_UPDATE,
 * AGENT_SECRET_REVISION_NOT_FOUND, INVALID_REQUEST (the revision is a deletion), AGENT_SECRET_VALUE_DESTROYED,
 * AGENT_SECRET_ALREADY_EXISTS, LIMIT_EXCEEDED.
 */
export function restoreAgentSecret(ctx: Context, input: RestoreAgentSecretInput): Promise<AgentSecret> {
  const { id, toRevision, currentRevision } = input;
  return writeOne(ctx, input, { kind: 'restore', id, toRevision, currentRevision });
}

export interface DestroyAgentSecretRevisionInput extends Repeatable {
  id: string;
  revision: bigint;
  currentRevision: bigint;
}

/**
 * Erases the value of an old revision, and of every revision that shares it, for good. It is a write like any other.
 *
 * Throws, checked in this order: AGENT_SECRET_NOT_FOUND, AUTH_FORBIDDEN, CONCURRENT_UPDATE,
 * AGENT_SECRET_REVISION_NOT_FOUND, INVALID_REQUEST (the revision has no value, or the current one),
 * AGENT_SECRET_VALUE_DESTROYED.
 */
export function destroyAgentSecretRevision(ctx: Context, input: DestroyAgentSecretRevisionInput): Promise<AgentSecret> {
  const { id, revision, currentRevision } = input;
  return writeOne(ctx, input, { kind: 'destroy', id, revision, currentRevision });
}

type SingleChange = Extract<AgentSecretChange, { kind: 'restore' | 'destroy' }>;

async function writeOne(ctx: Context, { idempotencyKey }: Repeatable, change: SingleChange): Promise<AgentSecret> {
  const actor = actorOf(ctx);
  const action = ACTIONS[change.kind];
  return atMostOnce(ctx, {
    key: idempotencyKey,
    request: [change],
    async run(write) {
      const row = await findAgentSecretForWrite(ctx.services.db, { id: change.id, accountId: actor.accountId });
      if (!row) throw notFound('agentSecret', change.id);
      authorizeAgentSecret(ctx, change.id, row, action);
      const options = { expected: null, dryRun: false, isSet: false };
      const { results } = await writeChanges(ctx, write, row.environmentId, [change], options);
      const [result] = results as [AgentSecret | AppError];
      if (result instanceof AppError) throw result;
      return result;
    },
    replay: (earlier) => replayed(ctx, earlier, action),
  });
}

/**
 * The result of an earlier change set, read from the log. Values come from the repeated request itself, because the
 * caller has just sent them.
 */
async function replaySet(
  ctx: Context,
  earlier: EarlierOutcome,
  changes: readonly AgentSecretChange[],
): Promise<ChangeSetResult> {
  const size = changes.length;
  const { environmentId, environmentRevision } = earlier;
  const lastRevision = environmentRevision as bigint;
  const rows = await findChanges(ctx.services.db, { environmentId, after: lastRevision - BigInt(size), limit: size });
  const results = await Promise.all(
    rows.map((row, index) => withEcho(ctx, revisionOf(row), changes[index] as AgentSecretChange)),
  );
  return { environmentId, applied: true, environmentRevision: lastRevision, results };
}

async function withEcho(
  ctx: Context,
  secret: AgentSecretRevision,
  change: AgentSecretChange,
): Promise<AgentSecretRevision> {
  const sentJson = sentValue(change);
  return sentJson === undefined
    ? secret
    : { ...secret, echo: checkSecretValue(analysedTypeFromText(await typeOf(ctx, secret)), sentJson) };
}

function sentValue(change: AgentSecretChange): JsonValue | undefined {
  if (change.kind === 'create') return change.secretValue ?? undefined;
  return change.kind === 'update' && change.secretValue.op === 'set' ? change.secretValue.value : undefined;
}
