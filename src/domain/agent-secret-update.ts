// Updating and deleting secrets: authorize, check, seal, write. The order of the checks is the contract's.
import { type AppError, notFound } from '../errors.js';
import type { JsonValue } from '../json.js';
import { findAgentSecretForWrite } from '../store/agent-secret.js';
import { updateAgentSecret as updateRow } from '../store/agent-secret-write.js';
import type { EnvironmentAction } from './access.js';
import { type AgentSecret, authorizeAgentSecret } from './agent-secret.js';
import { stale, valueTooLarge } from './agent-secret-refusal.js';
import { replayed } from './agent-secret-replay.js';
import { analysedTypeFromText } from './analysed-type-parse.js';
import { actorOf, type Context } from './context.js';
import { atMostOnce, outcomeOf, type Repeatable, type Write } from './idempotency.js';
import { logEntry } from './log-entry.js';
import { NO_VALUE, sealAndWrite } from './sealed-value.js';
import { checkSecretValue } from './secret-value.js';

/** What an update does to the value; the revision advances in any case. */
export type SecretValueChange = { op: 'keep' } | { op: 'set'; value: JsonValue } | { op: 'unset' };

export interface UpdateAgentSecretInput extends Repeatable {
  id: string;
  currentRevision: bigint;
  secretValue: SecretValueChange;
}

/**
 * Changes a secret's value, if it still has the revision the caller names.
 *
 * Refuses, in this order: AGENT_SECRET_NOT_FOUND, AUTH_FORBIDDEN, CONCURRENT_UPDATE,
 * AGENT_SECRET_VALUE_TYPE_MISMATCH, LIMIT_EXCEEDED, CONCURRENT_UPDATE (a race lost).
 */
export function updateAgentSecret(ctx: Context, input: UpdateAgentSecretInput): Promise<AgentSecret> {
  const { id, currentRevision, secretValue } = input;
  return atMostOnce(ctx, {
    key: input.idempotencyKey,
    request: ['update', id, currentRevision, secretValue],
    run: (write) => update(ctx, input, write),
    async replay(earlier) {
      const secret = await replayed(ctx, earlier, 'UpdateAgentSecret');
      if (secretValue.op !== 'set') return secret;
      return { ...secret, echo: checkSecretValue(analysedTypeFromText(secret.secretType), secretValue.value) };
    },
  });
}

async function update(ctx: Context, input: UpdateAgentSecretInput, write: Write): Promise<AgentSecret> {
  const { currentRevision } = input;
  const { maxValueBytes, ...secret } = await currentForWrite(ctx, input.id, 'UpdateAgentSecret', currentRevision);
  const revision = secret.revision + 1n;
  const { op } = input.secretValue;
  const plaintext =
    input.secretValue.op === 'set'
      ? checkSecretValue(analysedTypeFromText(secret.secretType), input.secretValue.value)
      : null;
  if (plaintext !== null && Buffer.byteLength(plaintext) > maxValueBytes) throw valueTooLarge(maxValueBytes);
  let updatedAt = new Date();
  const { sealed, written } = await sealAndWrite(ctx, secret, revision, plaintext, (value) =>
    write(
      secret.environmentId,
      (session) => {
        const entry = logEntry(ctx, secret, {
          change: op === 'unset' && secret.valueRevision !== null ? 'value_removed' : 'updated',
          revision,
          valueRevision: op === 'keep' ? secret.valueRevision : value.valueRevision,
          valueDigest: value.valueDigest,
        });
        updatedAt = entry.at;
        const { id, environmentId } = secret;
        const keepsValue = op === 'keep';
        return updateRow(session, { ...value, ...entry, id, environmentId, currentRevision, keepsValue });
      },
      outcomeOf(secret.id),
    ),
  );
  if (!written) throw await whyNotWritten(ctx, secret.id);
  const { sealedValue, valueRevision } = op === 'keep' ? secret : sealed;
  const updatedBy = actorOf(ctx).accountId;
  const updated = { ...secret, revision, sealedValue, valueRevision, updatedAt, updatedBy };
  return op === 'keep' ? updated : { ...updated, echo: plaintext };
}

export interface DeleteAgentSecretInput extends Repeatable {
  id: string;
  currentRevision: bigint;
}

/**
 * Deletes a secret, if it still has the revision the caller names; answers it with the revision of the deletion and
 * without a value. Refuses as `updateAgentSecret`.
 */
export function deleteAgentSecret(ctx: Context, input: DeleteAgentSecretInput): Promise<AgentSecret> {
  return atMostOnce(ctx, {
    key: input.idempotencyKey,
    request: ['delete', input.id, input.currentRevision],
    run: (write) => remove(ctx, input, write),
    replay: (earlier) => replayed(ctx, earlier, 'DeleteAgentSecret'),
  });
}

async function remove(ctx: Context, input: DeleteAgentSecretInput, write: Write): Promise<AgentSecret> {
  const { currentRevision } = input;
  const { maxValueBytes: _, ...secret } = await currentForWrite(ctx, input.id, 'DeleteAgentSecret', currentRevision);
  const revision = secret.revision + 1n;
  let deletedAt = new Date();
  const written = await write(
    secret.environmentId,
    (session) => {
      const entry = logEntry(ctx, secret, { change: 'deleted', revision, ...NO_VALUE });
      deletedAt = entry.at;
      const { id, environmentId } = secret;
      return updateRow(session, { ...NO_VALUE, ...entry, id, environmentId, currentRevision, keepsValue: false });
    },
    outcomeOf(secret.id),
  );
  if (!written) throw await whyNotWritten(ctx, secret.id);
  const updatedBy = actorOf(ctx).accountId;
  const value = { sealedValue: null, valueRevision: null, echo: null };
  return { ...secret, ...value, revision, updatedAt: deletedAt, updatedBy, deletedAt };
}

/** The secret the caller may change, at the revision the caller names. */
async function currentForWrite(ctx: Context, id: string, action: EnvironmentAction, currentRevision: bigint) {
  const actor = actorOf(ctx);
  const row = await findAgentSecretForWrite(ctx.services.db, { id, accountId: actor.accountId });
  if (!row || row.deletedAt) throw notFound('agentSecret', id);
  authorizeAgentSecret(ctx, id, row, action);
  if (row.revision !== currentRevision) throw stale(row.revision);
  const { ownerId: _, shareRoles: __, ...secret } = row;
  return secret;
}

/** The update found another revision, or nothing: a race was lost. */
async function whyNotWritten(ctx: Context, id: string): Promise<AppError> {
  const row = await findAgentSecretForWrite(ctx.services.db, { id, accountId: actorOf(ctx).accountId });
  return stale(row?.deletedAt ? undefined : row?.revision);
}
