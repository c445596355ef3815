// Updates and deletes secrets: authorizes, checks, encrypts and writes. The API contract defines the order of the
// checks.
import type { AppError } from '../../errors/errors.js';
import { notFound } from '../../errors/refusals.js';
import type { JsonValue } from '../../json/exact.js';
import { findAgentSecretForWrite } from '../../store/secrets/agent-secret.js';
import { updateAgentSecret as updateRow } from '../../store/secrets/agent-secret-write.js';
import { type EnvironmentPermission, isGoodFor, shareRolesThatMay } from '../access/permissions.js';
import { NO_VALUE, sealAndWrite } from '../keys/sealed-value.js';
import { logEntry } from '../log/log-entry.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { coversEnvironment, coversPath } from '../request/grant.js';
import type { CachedRevision } from '../request/services.js';
import { analysedTypeFromText } from '../types/analysed-type-parse.js';
import { bytesOf, checkSecretValue } from '../types/secret-value.js';
import { type AgentSecret, authorizeAgentSecret } from './agent-secret.js';
import { stale, valueTooLarge } from './agent-secret-refusal.js';
import { outcomeOf, replayed } from './agent-secret-replay.js';
import { typeOf } from './agent-secret-revision.js';
import { atMostOnce, type Repeatable, type Write } from './idempotency.js';

/** What an update does to the value. Each of them creates a new revision. */
export type SecretValueChange = { op: 'keep' } | { op: 'set'; value: JsonValue } | { op: 'unset' };

export interface UpdateAgentSecretInput extends Repeatable {
  id: string;
  currentRevision: bigint;
  secretValue: SecretValueChange;
}

/**
 * Changes a secret's value, if the secret still has the revision that the caller names.
 *
 * Throws, checked in this order: AGENT_SECRET_NOT_FOUND, AUTH_FORBIDDEN, CONCURRENT_UPDATE,
 * AGENT_SECRET_VALUE_TYPE_MISMATCH, LIMIT_EXCEEDED, CONCURRENT_UPDATE (another write was faster).
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
      return { ...secret, echo: checkSecretValue(analysedTypeFromText(await typeOf(ctx, secret)), secretValue.value) };
    },
  });
}

async function update(ctx: Context, input: UpdateAgentSecretInput, write: Write): Promise<AgentSecret> {
  return (await updateFromCache(ctx, input, write)) ?? updateAfterRead(ctx, input, write);
}

/**
 * Sets a value with the help of the revision cache, without reading the secret first. Undefined when nothing was
 * written; `updateAfterRead` then finds the reason, with the checks in the order of the contract. Only setting a value
 * works this way, because keeping or removing a value depends on the current one.
 */
async function updateFromCache(
  ctx: Context,
  { id, currentRevision, secretValue }: UpdateAgentSecretInput,
  write: Write,
): Promise<AgentSecret | undefined> {
  const cached = secretValue.op === 'set' ? findCached(ctx, id, currentRevision, 'UpdateAgentSecret') : undefined;
  if (!cached) return undefined;
  let plaintext: string | null;
  try {
    plaintext = plaintextOf(cached, secretValue);
  } catch {
    // `updateAfterRead` checks the value again and throws this error at the right point in the order of the checks.
    return undefined;
  }
  const updated = await writeUpdate(ctx, { ...cached, valueRevision: null }, secretValue, plaintext, write);
  if (!updated) ctx.services.revisions.forget(id);
  return updated;
}

async function updateAfterRead(
  ctx: Context,
  { id, currentRevision, secretValue }: UpdateAgentSecretInput,
  write: Write,
): Promise<AgentSecret> {
  const { maxValueBytes, ...secret } = await currentForWrite(ctx, id, 'UpdateAgentSecret', currentRevision);
  const plaintext = plaintextOf(secret, secretValue);
  if (bytesOf(plaintext) > maxValueBytes) throw valueTooLarge(maxValueBytes);
  const updated = await writeUpdate(ctx, secret, secretValue, plaintext, write);
  if (!updated) throw await whyNotWritten(ctx, id, 'UpdateAgentSecret', currentRevision, plaintext);
  return updated;
}

function plaintextOf({ secretType }: { secretType: string }, change: SecretValueChange): string | null {
  return change.op === 'set' ? checkSecretValue(analysedTypeFromText(secretType), change.value) : null;
}

/** Undefined when nothing was written. */
async function writeUpdate(
  ctx: Context,
  secret: CachedRevision & Pick<AgentSecret, 'valueRevision'> & Partial<Pick<AgentSecret, 'sealedValue'>>,
  { op }: SecretValueChange,
  plaintext: string | null,
  write: Write,
): Promise<AgentSecret | undefined> {
  const { id, environmentId, revision: currentRevision } = secret;
  const { accountId } = actorOf(ctx);
  const revision = currentRevision + 1n;
  const keepsValue = op === 'keep';
  let updatedAt = new Date();
  const { sealed, written } = await sealAndWrite(ctx, secret, revision, plaintext, (value) =>
    write(
      environmentId,
      (session) => {
        const entry = logEntry(ctx, secret, {
          change: op === 'unset' && secret.valueRevision !== null ? 'value_removed' : 'updated',
          revision,
          valueRevision: keepsValue ? secret.valueRevision : value.valueRevision,
          valueDigest: value.valueDigest,
        });
        updatedAt = entry.at;
        return updateRow(session, {
          id,
          environmentId,
          value,
          entry,
          currentRevision,
          keepsValue,
          allowedRoles: UPDATE_ROLES,
          valueBytes: bytesOf(plaintext),
        });
      },
      outcomeOf(id),
    ),
  );
  if (!written) return undefined;
  const { sealedValue, valueRevision } = keepsValue ? secret : sealed;
  const echo = keepsValue ? undefined : plaintext;
  const updated = { ...secret, revision, sealedValue, valueRevision, updatedAt, updatedBy: accountId, echo };
  ctx.services.revisions.note(accountId, updated);
  return updated;
}

export interface DeleteAgentSecretInput extends Repeatable {
  id: string;
  currentRevision: bigint;
}

/**
 * Deletes a secret, if it still has the revision that the caller names. Returns the secret with the revision of the
 * deletion and without a value. Throws the same errors as `updateAgentSecret`.
 */
export function deleteAgentSecret(ctx: Context, input: DeleteAgentSecretInput): Promise<AgentSecret> {
  return atMostOnce(ctx, {
    key: input.idempotencyKey,
    request: ['delete', input.id, input.currentRevision],
    run: (write) => remove(ctx, input, write),
    replay: (earlier) => replayed(ctx, earlier, 'DeleteAgentSecret'),
  });
}

async function remove(
  ctx: Context,
  { id, currentRevision }: DeleteAgentSecretInput,
  write: Write,
): Promise<AgentSecret> {
  const cached = findCached(ctx, id, currentRevision, 'DeleteAgentSecret');
  const removed = cached && (await writeRemoval(ctx, cached, write));
  ctx.services.revisions.forget(id);
  if (removed) return removed;
  const { maxValueBytes: _, ...secret } = await currentForWrite(ctx, id, 'DeleteAgentSecret', currentRevision);
  const deleted = await writeRemoval(ctx, secret, write);
  if (!deleted) throw await whyNotWritten(ctx, id, 'DeleteAgentSecret', currentRevision, null);
  return deleted;
}

/** Undefined when nothing was written. */
async function writeRemoval(ctx: Context, secret: CachedRevision, write: Write): Promise<AgentSecret | undefined> {
  const { id, environmentId, revision: currentRevision } = secret;
  const revision = currentRevision + 1n;
  let deletedAt = new Date();
  const written = await write(
    environmentId,
    (session) => {
      const entry = logEntry(ctx, secret, { change: 'deleted', revision, ...NO_VALUE });
      deletedAt = entry.at;
      return updateRow(session, {
        id,
        environmentId,
        value: NO_VALUE,
        entry,
        currentRevision,
        keepsValue: false,
        allowedRoles: DELETE_ROLES,
        valueBytes: 0,
      });
    },
    outcomeOf(id),
  );
  if (!written) return undefined;
  const updatedBy = actorOf(ctx).accountId;
  const value = { sealedValue: null, valueRevision: null, echo: null };
  return { ...secret, ...value, revision, updatedAt: deletedAt, updatedBy, deletedAt };
}

const UPDATE_ROLES = shareRolesThatMay('UpdateAgentSecret').join();
const DELETE_ROLES = shareRolesThatMay('DeleteAgentSecret').join();

/**
 * The cached secret, if this revision was the last one returned to the caller, and the caller's credential allows the
 * write.
 */
function findCached(
  ctx: Context,
  id: string,
  currentRevision: bigint,
  action: EnvironmentPermission,
): CachedRevision | undefined {
  const { accountId, grant } = actorOf(ctx);
  const secret = ctx.services.revisions.find(accountId, id, currentRevision);
  if (!secret || !isGoodFor(ctx, action)) return undefined;
  return coversEnvironment(grant, secret.environmentId) && coversPath(grant, secret.path) ? secret : undefined;
}

/** The secret, if the caller may change it and it has the revision that the caller names. */
async function currentForWrite(ctx: Context, id: string, action: EnvironmentPermission, currentRevision: bigint) {
  const actor = actorOf(ctx);
  const row = await findAgentSecretForWrite(ctx.services.db, { id, accountId: actor.accountId });
  if (!row || row.deletedAt) throw notFound('agentSecret', id);
  authorizeAgentSecret(ctx, id, row, action);
  if (row.revision !== currentRevision) throw stale(row.revision);
  const { ownerId: _, shareRoles: __, ...secret } = row;
  return secret;
}

/**
 * Finds the reason why nothing was written although all checks had succeeded: something has changed in the meantime.
 */
async function whyNotWritten(
  ctx: Context,
  id: string,
  action: EnvironmentPermission,
  currentRevision: bigint,
  plaintext: string | null,
): Promise<AppError> {
  const row = await findAgentSecretForWrite(ctx.services.db, { id, accountId: actorOf(ctx).accountId });
  if (!row || row.deletedAt) return stale(undefined);
  authorizeAgentSecret(ctx, id, row, action);
  if (row.revision !== currentRevision) return stale(row.revision);
  return bytesOf(plaintext) > row.maxValueBytes ? valueTooLarge(row.maxValueBytes) : stale(undefined);
}
