// Creates secrets: authorizes, checks, encrypts and writes. The API contract defines the order of the checks.
import { AppError } from '../../errors/errors.js';
import { forbidden, notFound } from '../../errors/refusals.js';
import { newIdIn } from '../../ids/new-id.js';
import type { JsonValue } from '../../json/exact.js';
import { findAgentSecretByPath } from '../../store/secrets/agent-secret-list.js';
import { findEnvironmentRoom, insertAgentSecret } from '../../store/secrets/agent-secret-write.js';
import { findEnvironment } from '../../store/tenancy/environment.js';
import { authorizeEnvironment, rolesOf } from '../access/permissions.js';
import { sealAndWrite } from '../keys/sealed-value.js';
import { logEntry } from '../log/log-entry.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { coversPath } from '../request/grant.js';
import type { AnalysedType } from '../types/analysed-type.js';
import { typeTextToStore } from '../types/analysed-type-parse.js';
import { canonicalPath } from '../types/secret-path.js';
import { bytesOf, checkSecretValue } from '../types/secret-value.js';
import type { AgentSecret } from './agent-secret.js';
import { pathTaken, tooManySecrets, valueTooLarge } from './agent-secret-refusal.js';
import { outcomeOf, replayed } from './agent-secret-replay.js';
import { atMostOnce, type Repeatable, type Write } from './idempotency.js';

export interface CreateAgentSecretInput extends Repeatable {
  environmentId: string;
  /** Segments in any casing. */
  path: readonly string[];
  secretType: AnalysedType;
  /** Absent or null creates a secret without a value. */
  secretValue?: JsonValue | undefined;
}

/**
 * Creates a secret at revision 0.
 *
 * Throws, checked in this order: INVALID_REQUEST (path, type), ENVIRONMENT_NOT_FOUND, AUTH_FORBIDDEN,
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

  const subject = { environmentId: environment.id, id: newIdIn(environment.id), path, secretType };
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
          value,
          entry,
          typeKind: input.secretType.type,
          valueBytes: bytesOf(plaintext),
        });
      },
      outcomeOf(subject.id),
    ),
  );
  if (!written) throw await whyNotCreated(ctx, environment.id, path, plaintext);
  const { accountId } = actor;
  const { sealedValue, valueRevision } = sealed;
  const authorship = { createdAt: at, createdBy: accountId, updatedAt: at, updatedBy: accountId };
  const created = { ...subject, ...authorship, revision, sealedValue, valueRevision };
  ctx.services.revisions.note(accountId, created);
  return { ...created, echo: plaintext };
}

function plaintextOf({ secretType, secretValue }: CreateAgentSecretInput): string | null {
  return secretValue == null ? null : checkSecretValue(secretType, secretValue);
}

/** Finds the reason why the insert wrote nothing, with the checks in the order of the contract. */
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
  if (bytesOf(plaintext) > room.maxValueBytes) return valueTooLarge(room.maxValueBytes);
  if (room.secretCount >= room.maxSecrets) {
    return tooManySecrets(room.maxSecrets);
  }
  // The path was taken or the environment was full a moment ago, but is not any more. Nothing was written, and the
  // caller can retry.
  return new AppError('CONCURRENT_UPDATE', 'Concurrent update attempt');
}
