// Creating, updating and deleting secrets: authorize, check, seal, write. The order of the checks is the contract's.
import { AppError, forbidden, notFound } from '../errors.js';
import type { JsonValue } from '../json.js';
import { findAgentSecretForWrite } from '../store/agent-secret.js';
import { findAgentSecretByPath } from '../store/agent-secret-list.js';
import {
  findEnvironmentRoom,
  insertAgentSecret,
  updateAgentSecret as updateRow,
  type Written,
} from '../store/agent-secret-write.js';
import { findEnvironment } from '../store/environment.js';
import { authorizeEnvironment, type EnvironmentAction, rolesOf } from './access.js';
import { type AgentSecret, authorizeAgentSecret } from './agent-secret.js';
import { pathTaken, stale, tooManySecrets, valueTooLarge } from './agent-secret-refusal.js';
import { getAgentSecretAtRevision } from './agent-secret-revision.js';
import type { AnalysedType } from './analysed-type.js';
import { analysedTypeFromText, typeTextToStore } from './analysed-type-parse.js';
import { actorOf, type Context, newId } from './context.js';
import { getEnvironment } from './environment.js';
import { coversPath } from './grant.js';
import { atMostOnce, type EarlierOutcome, type Outcome, type Write } from './idempotency.js';
import { logEntry } from './log-entry.js';
import { NO_VALUE, sealAndWrite } from './sealed-value.js';
import { canonicalPath } from './secret-path.js';
import { checkSecretValue } from './secret-value.js';

/** What makes a write safe to repeat: 1 to 255 visible ASCII characters, remembered for 24 hours. */
export interface Repeatable {
  idempotencyKey?: string | null | undefined;
}

export interface CreateAgentSecretInput extends Repeatable {
  environmentId: string;
  /** Segments in any casing. */
  path: readonly string[];
  secretType: AnalysedType;
  /** Absent or null: a secret without a value. */
  secretValue?: JsonValue | undefined;
}

/**
 * Creates a secret at revision 0.
 *
 * Refuses, in this order: INVALID_REQUEST (path, type), ENVIRONMENT_NOT_FOUND, AUTH_FORBIDDEN,
 * AGENT_SECRET_VALUE_TYPE_MISMATCH, AGENT_SECRET_ALREADY_EXISTS, LIMIT_EXCEEDED.
 */
export async function createAgentSecret(ctx: Context, input: CreateAgentSecretInput): Promise<AgentSecret> {
  const { environmentId, path, secretValue = null } = input;
  const secretType = typeTextToStore(input.secretType);
  return atMostOnce(ctx, {
    key: input.idempotencyKey,
    request: ['create', environmentId, path, secretType, secretValue],
    run: (write) => create(ctx, input, secretType, write),
    replay: async (earlier) => ({
      ...(await replayed(ctx, earlier, 'CreateAgentSecret')),
      echo: plaintextOf(input),
    }),
  });
}

async function create(
  ctx: Context,
  input: CreateAgentSecretInput,
  secretType: string,
  write: Write,
): Promise<AgentSecret> {
  const actor = actorOf(ctx);
  const { db } = ctx.services;
  const path = canonicalPath(input.path).text;
  const environment = await findEnvironment(db, { id: input.environmentId, accountId: actor.accountId });
  if (!environment) throw notFound('environment', input.environmentId);
  authorizeEnvironment(ctx, environment.id, rolesOf(actor, environment, environment.id), 'CreateAgentSecret');
  if (!coversPath(actor.grant, path)) throw forbidden('The token does not cover this path');
  const plaintext = plaintextOf(input);

  const subject = { environmentId: environment.id, id: newId(), path, secretType };
  const revision = 0n;
  let at = new Date();
  const { sealed, written } = await sealAndWrite(ctx, subject, revision, plaintext, (value) =>
    write(
      environment.id,
      (session) => {
        const entry = logEntry(ctx, subject, { change: 'created', revision, ...value });
        at = entry.at;
        return insertAgentSecret(session, {
          ...subject,
          ...value,
          ...entry,
          typeKind: input.secretType.type,
          valueBytes: plaintext === null ? 0 : Buffer.byteLength(plaintext),
        });
      },
      outcomeOf(subject.id),
    ),
  );
  if (!written) throw await whyNotCreated(ctx, environment.id, path, plaintext);
  const { accountId } = actor;
  const { sealedValue, valueRevision } = sealed;
  const born = { createdAt: at, createdBy: accountId, updatedAt: at, updatedBy: accountId };
  return { ...subject, ...born, revision, sealedValue, valueRevision, echo: plaintext };
}

function plaintextOf({ secretType, secretValue }: CreateAgentSecretInput): string | null {
  return secretValue == null ? null : checkSecretValue(secretType, secretValue);
}

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

function outcomeOf(agentSecretId: string): (written: Written) => Outcome {
  return ({ revision, environmentRevision }) => ({ agentSecretId, revision, environmentRevision });
}

/** The secret as an earlier write left it, for a caller who may still do such a write. */
export async function replayed(ctx: Context, earlier: EarlierOutcome, action: EnvironmentAction): Promise<AgentSecret> {
  if (action === 'CreateAgentSecret') await getEnvironment(ctx, earlier.environmentId, action);
  const { agentSecretId, revision } = earlier;
  const secret = await getAgentSecretAtRevision(ctx, agentSecretId as string, revision as bigint);
  await getEnvironment(ctx, earlier.environmentId, action);
  return secret;
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

/** The insert wrote nothing: say why, in the contract's order. */
async function whyNotCreated(
  ctx: Context,
  environmentId: string,
  path: string,
  plaintext: string | null,
): Promise<AppError> {
  const { db } = ctx.services;
  const room = await findEnvironmentRoom(db, environmentId);
  if (!room) return notFound('environment', environmentId);
  if (await findAgentSecretByPath(db, { environmentId }, path)) {
    return pathTaken(path);
  }
  if (plaintext !== null && Buffer.byteLength(plaintext) > room.maxValueBytes) return valueTooLarge(room.maxValueBytes);
  if (room.secretCount >= room.maxSecrets) {
    return tooManySecrets(room.maxSecrets);
  }
  // Taken or full a moment ago, free by now: nothing was written, and a retry will tell.
  return new AppError('CONCURRENT_UPDATE', 'Concurrent update attempt');
}

/** The update found another revision, or nothing: a race was lost. */
async function whyNotWritten(ctx: Context, id: string): Promise<AppError> {
  const row = await findAgentSecretForWrite(ctx.services.db, { id, accountId: actorOf(ctx).accountId });
  return stale(row?.deletedAt ? undefined : row?.revision);
}
