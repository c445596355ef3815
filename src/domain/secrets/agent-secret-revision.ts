// The history of a secret: its revisions in the log, the secret as of a revision, and old values decrypted on demand.
import { notFound } from '../../errors/refusals.js';
import {
  type AgentSecretRevisionRow,
  findAgentSecretRevision,
  findAgentSecretRevisions,
  findSealedValues,
} from '../../store/secrets/agent-secret-revision.js';
import { openSealedValue, type SealedPlace, valueDestroyed } from '../keys/sealed-value.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { spendItems } from '../request/item-budget.js';
import { forwardPage, type Page, type PageArguments, pageOf } from '../request/page.js';
import { type AgentSecret, authorizeAgentSecret } from './agent-secret.js';
import { revisionNotFound } from './agent-secret-refusal.js';

/** One write of a secret as it is recorded in the log. */
export type AgentSecretRevision = AgentSecretRevisionRow;

/** The largest bigint of Postgres; no revision is greater. */
export const LARGEST_STORED = 2n ** 63n - 1n;

/** The secret's writes up to the revision at which it was read, newest first. */
export async function listAgentSecretRevisions(
  ctx: Context,
  secret: AgentSecret,
  args: PageArguments,
): Promise<Page<AgentSecretRevision>> {
  const request = forwardPage(args, readCursorRevision);
  spendItems(ctx, request.size);
  const newest = secret.revision + 1n;
  const before = request.after !== undefined && request.after < newest ? request.after : newest;
  const rows = await findAgentSecretRevisions(ctx.services.db, {
    agentSecretId: secret.id,
    before,
    limit: request.size + 1,
  });
  return pageOf(request, rows, ({ revision }) => String(revision));
}

/**
 * The secret as a revision left it, even if it has been deleted since. Throws AGENT_SECRET_NOT_FOUND when the caller
 * may not see the secret, and AGENT_SECRET_REVISION_NOT_FOUND.
 */
export async function getAgentSecretAtRevision(ctx: Context, id: string, revision: bigint): Promise<AgentSecret> {
  const actor = actorOf(ctx);
  const { db } = ctx.services;
  const find = (number: bigint) => findAgentSecretRevision(db, id, number, actor.accountId);
  const row = revision > LARGEST_STORED ? undefined : await find(revision);
  // The first revision, which always exists, shows whether the caller may know of the secret at all.
  const visibleRow = row ?? (await find(0n));
  if (!visibleRow) throw notFound('agentSecret', id);
  authorizeAgentSecret(ctx, id, visibleRow, 'ViewAgentSecret');
  if (!row) throw revisionNotFound(id);
  return secretOf(row);
}

/** Converts a log row into the secret as that write left it. */
export function secretOf(row: AgentSecretRevision): AgentSecret {
  return {
    id: row.agentSecretId,
    environmentId: row.environmentId,
    path: row.path,
    secretType: row.secretType,
    revision: row.revision,
    valueRevision: row.valueRevision,
    sealedValue: row.valueRevision === null ? null : undefined,
    isDestroyed: row.isDestroyed,
    createdAt: row.createdAt,
    createdBy: row.createdBy,
    updatedAt: row.at,
    updatedBy: row.accountId,
    deletedAt: row.deletedAt,
  };
}

/**
 * The values that the revisions have set, as canonical JSON texts, with an error for every value that cannot be opened.
 */
export async function openStoredValues(ctx: Context, places: readonly SealedPlace[]): Promise<(string | Error)[]> {
  const wanted = places.map(({ id, valueRevision }) => ({ id, revision: valueRevision as bigint }));
  const rows = await findSealedValues(ctx.services.db, wanted);
  const found = new Map(rows.map((row) => [`${row.agentSecretId}:${row.revision}`, row.sealedValue]));
  return Promise.all(
    places.map(async (place) => {
      const sealed = found.get(`${place.id}:${place.valueRevision}`);
      if (!sealed) return valueDestroyed();
      try {
        return await openSealedValue(ctx, place, sealed);
      } catch (error) {
        return error as Error;
      }
    }),
  );
}

function readCursorRevision(json: unknown): bigint | undefined {
  const revision = typeof json === 'string' && /^\d{1,19}$/.test(json) ? BigInt(json) : undefined;
  return revision !== undefined && revision <= LARGEST_STORED ? revision : undefined;
}
