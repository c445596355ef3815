// Creating, updating and deleting secrets: authorize, check, seal, write. The order of the checks is the contract's.
import { valueDigest } from '../crypto/digest.js';
import { sealValue } from '../crypto/sealing.js';
import { AppError, limitExceeded, notFound } from '../errors.js';
import type { JsonValue } from '../json.js';
import { findAgentSecretByPath, findAgentSecretForWrite } from '../store/agent-secret.js';
import {
  findEnvironmentRoom,
  insertAgentSecret,
  type LogEntry,
  removeAgentSecret,
  updateAgentSecret as updateRow,
} from '../store/agent-secret-write.js';
import { findEnvironment } from '../store/environment.js';
import { authorizeEnvironment, type EnvironmentAction, may, rolesOf } from './access.js';
import type { AgentSecret } from './agent-secret.js';
import { type AnalysedType, printAnalysedType } from './analysed-type.js';
import { analysedTypeFromText } from './analysed-type-parse.js';
import { actorOf, type Context, newId } from './context.js';
import { entryDigest, type LogEntryContent } from './log-entry.js';
import { canonicalPath } from './secret-path.js';
import { checkSecretValue } from './secret-value.js';

export interface CreateAgentSecretInput {
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
 * Refuses, in this order: INVALID_REQUEST (path), ENVIRONMENT_NOT_FOUND, AUTH_FORBIDDEN,
 * AGENT_SECRET_VALUE_TYPE_MISMATCH, AGENT_SECRET_ALREADY_EXISTS, LIMIT_EXCEEDED.
 */
export async function createAgentSecret(ctx: Context, input: CreateAgentSecretInput): Promise<AgentSecret> {
  const actor = actorOf(ctx);
  const { db, writes } = ctx.services;
  const path = canonicalPath(input.path);
  const environment = await findEnvironment(db, input.environmentId, actor.accountId);
  if (!environment) throw notFound('environment', input.environmentId);
  authorizeEnvironment(environment.id, rolesOf(actor, environment), 'CreateAgentSecret');
  const plaintext = input.secretValue == null ? null : checkSecretValue(input.secretType, input.secretValue);

  const id = newId();
  const revision = 0n;
  const secretType = printAnalysedType(input.secretType);
  const subject = { environmentId: environment.id, id, path: path.text, secretType };
  const sealed = await seal(ctx, subject, revision, plaintext);
  const entry = logEntry(ctx, subject, { change: 'created', revision, ...sealed });
  const written = await writes.run(environment.id, () =>
    insertAgentSecret(db, {
      ...subject,
      ...sealed,
      ...entry,
      typeKind: input.secretType.type,
      valueBytes: plaintext === null ? 0 : Buffer.byteLength(plaintext),
    }),
  );
  if (!written) throw await whyNotCreated(ctx, environment.id, path.text, plaintext);
  return {
    ...subject,
    revision,
    sealedValue: sealed.sealedValue,
    valueRevision: sealed.valueRevision,
    createdAt: entry.at,
    createdBy: actor.accountId,
    updatedAt: entry.at,
    updatedBy: actor.accountId,
    echo: plaintext,
  };
}

/** What an update does to the value; the revision advances in any case. */
export type SecretValueChange = { op: 'keep' } | { op: 'set'; value: JsonValue } | { op: 'unset' };

export interface UpdateAgentSecretInput {
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
export async function updateAgentSecret(ctx: Context, input: UpdateAgentSecretInput): Promise<AgentSecret> {
  const { db, writes } = ctx.services;
  const { maxValueBytes, ...secret } = await currentForWrite(ctx, input.id, 'UpdateAgentSecret', input.currentRevision);
  const revision = secret.revision + 1n;
  const { op } = input.secretValue;
  const plaintext =
    input.secretValue.op === 'set'
      ? checkSecretValue(analysedTypeFromText(secret.secretType), input.secretValue.value)
      : null;
  if (plaintext !== null && Buffer.byteLength(plaintext) > maxValueBytes) throw valueTooLarge(maxValueBytes);
  const sealed = await seal(ctx, secret, revision, plaintext);
  const kept = { sealedValue: secret.sealedValue, valueRevision: secret.valueRevision };
  const entry = logEntry(ctx, secret, {
    change: op === 'unset' && secret.sealedValue !== null ? 'value_removed' : 'updated',
    revision,
    valueRevision: op === 'keep' ? kept.valueRevision : sealed.valueRevision,
    valueDigest: sealed.valueDigest,
  });
  const written = await writes.run(secret.environmentId, () =>
    updateRow(db, {
      ...sealed,
      ...entry,
      id: secret.id,
      environmentId: secret.environmentId,
      currentRevision: input.currentRevision,
      keepsValue: op === 'keep',
    }),
  );
  if (!written) throw await whyNotWritten(ctx, secret.id);
  return {
    ...secret,
    ...(op === 'keep' ? kept : { ...pick(sealed), echo: plaintext }),
    revision,
    updatedAt: entry.at,
    updatedBy: entry.accountId,
  };
}

/**
 * Deletes a secret, if it still has the revision the caller names; answers it with the revision of the deletion and
 * without a value. Refuses as `updateAgentSecret`.
 */
export async function deleteAgentSecret(
  ctx: Context,
  input: { id: string; currentRevision: bigint },
): Promise<AgentSecret> {
  const { db, writes } = ctx.services;
  const { maxValueBytes: _, ...secret } = await currentForWrite(
    ctx,
    input.id,
    'DeleteAgentSecret',
    input.currentRevision,
  );
  const revision = secret.revision + 1n;
  const nothing = { sealedValue: null, valueRevision: null, valueDigest: null };
  const entry = logEntry(ctx, secret, { change: 'deleted', revision, ...nothing });
  const written = await writes.run(secret.environmentId, () =>
    removeAgentSecret(db, {
      ...entry,
      id: secret.id,
      environmentId: secret.environmentId,
      currentRevision: input.currentRevision,
    }),
  );
  if (!written) throw await whyNotWritten(ctx, secret.id);
  return { ...secret, ...pick(nothing), revision, updatedAt: entry.at, updatedBy: entry.accountId, echo: null };
}

/** The secret the caller may change, at the revision the caller names. */
async function currentForWrite(ctx: Context, id: string, action: EnvironmentAction, currentRevision: bigint) {
  const actor = actorOf(ctx);
  const row = await findAgentSecretForWrite(ctx.services.db, id, actor.accountId);
  const roles = row ? rolesOf(actor, row) : [];
  if (!row || !may(roles, 'ViewAgentSecret')) throw notFound('agentSecret', id);
  authorizeEnvironment(row.environmentId, roles, action);
  if (row.revision !== currentRevision) throw stale(row.revision);
  const { ownerId: _, shareRoles: __, ...secret } = row;
  return secret;
}

interface Subject {
  environmentId: string;
  id: string;
  path: string;
  secretType: string;
}

/** Seals a value before anything else sees it, bound to the revision that sets it; all null without a value. */
async function seal(ctx: Context, subject: Subject, revision: bigint, plaintext: string | null) {
  if (plaintext === null) return { sealedValue: null, valueRevision: null, valueDigest: null };
  const keys = await ctx.services.keys.keysOf(subject.environmentId);
  const binding = { environmentId: subject.environmentId, agentSecretId: subject.id, revision };
  return {
    sealedValue: sealValue(keys.current, binding, plaintext),
    valueRevision: revision,
    // With id and revision in it, equal values of two revisions have nothing in common that the log would show.
    valueDigest: valueDigest(keys.digest, `${subject.id}:${revision}:${plaintext}`),
  };
}

function logEntry(
  ctx: Context,
  subject: Subject,
  content: Pick<LogEntryContent, 'change' | 'revision' | 'valueRevision' | 'valueDigest'>,
): LogEntry {
  const { accountId, tokenId } = actorOf(ctx);
  const { change, revision, valueRevision, valueDigest } = content;
  const at = new Date();
  const { id: agentSecretId, environmentId, path, secretType } = subject;
  const entry = { change, at, accountId, tokenId, valueDigest };
  return {
    ...entry,
    entryDigest: entryDigest({ ...entry, environmentId, agentSecretId, path, secretType, revision, valueRevision }),
  };
}

function pick({ sealedValue, valueRevision }: { sealedValue: Uint8Array | null; valueRevision: bigint | null }) {
  return { sealedValue, valueRevision };
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
  if (await findAgentSecretByPath(db, environmentId, path)) {
    return new AppError('AGENT_SECRET_ALREADY_EXISTS', `Agent secret for path ${path} already exists in environment`);
  }
  if (plaintext !== null && Buffer.byteLength(plaintext) > room.maxValueBytes) return valueTooLarge(room.maxValueBytes);
  if (room.secretCount >= room.maxSecrets) {
    return limitExceeded(`The plan allows ${room.maxSecrets} secrets per environment`);
  }
  // Taken or full a moment ago, free by now: nothing was written, and a retry will tell.
  return new AppError('CONCURRENT_UPDATE', 'Concurrent update attempt');
}

/** The update found another revision, or nothing: a race was lost. */
async function whyNotWritten(ctx: Context, id: string): Promise<AppError> {
  const row = await findAgentSecretForWrite(ctx.services.db, id, actorOf(ctx).accountId);
  return stale(row?.revision);
}

function stale(currentRevision: bigint | undefined): AppError {
  return new AppError(
    'CONCURRENT_UPDATE',
    'Concurrent update attempt',
    currentRevision === undefined ? {} : { currentRevision },
  );
}

function valueTooLarge(maxValueBytes: number): AppError {
  return limitExceeded(`The plan allows ${maxValueBytes} bytes per secret value`);
}
