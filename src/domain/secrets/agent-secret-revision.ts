// The history of a secret: its revisions in the log, the secret as of a revision, and old values decrypted on demand.
import { notFound } from '../../errors/refusals.js';
import { type Moment, momentId } from '../../ids/moment-id.js';
import {
  type AgentSecretRevisionRow,
  findAgentSecretRevision,
  findAgentSecretRevisions,
  findAgentSecretRevisionsAt,
  findSealedValues,
  findSecretTypes,
  MAX_SEALED_BYTES_READ,
  type SealedValueRow,
} from '../../store/secrets/agent-secret-revision.js';
import { MAX_INLINE_BYTES } from '../../store/secrets/inline-values.js';
import {
  openedEarlier,
  openSealedValue,
  requireRevealScope,
  type SealedPlace,
  valueDestroyed,
} from '../keys/opened-value.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { readCounted, spendItems } from '../request/item-budget.js';
import { forwardPage, type Page, type PageArguments, pageOf } from '../request/page.js';
import { MAX_PATH_BYTES } from '../types/secret-path.js';
import { type AgentSecret, authorizeAgentSecret, isVisible } from './agent-secret.js';
import { revisionNotFound } from './agent-secret-refusal.js';

/** What the log tells of one write. */
export type LoggedWrite = Pick<AgentSecretRevisionRow, 'change' | 'environmentRevision' | 'destroyedRevision'>;

/** One write of a secret: the state that it left, and what the log tells of it, unless that is read on demand. */
export interface AgentSecretRevision extends AgentSecret {
  logged?: LoggedWrite;
}

/** The largest bigint of Postgres; no revision is greater. */
export const LARGEST_STORED = 2n ** 63n - 1n;

/** The secret's writes up to the revision at which it was read, newest first. */
export async function listAgentSecretRevisions(
  ctx: Context,
  secret: AgentSecret,
  args: PageArguments,
): Promise<Page<AgentSecretRevision> & { totalCount(): number }> {
  const request = forwardPage(args, readCursorRevision);
  spendItems(ctx, request.size);
  const newest = secret.revision + 1n;
  const before = request.after !== undefined && request.after < newest ? request.after : newest;
  const rows = await readCounted(
    ctx,
    { rows: request.size + 1, rowBytes: MAX_PATH_BYTES, sharedBytes: MAX_INLINE_BYTES },
    () => findAgentSecretRevisions(ctx.services.db, { agentSecretId: secret.id, before, limit: request.size + 1 }),
    ({ secretType }) => secretType?.length ?? 0,
  );
  const page = pageOf(request, rows.map(revisionOf), ({ revision }) => String(revision));
  return { ...page, totalCount: () => Number(newest) };
}

/**
 * The secret as a revision left it, even if it has been deleted since. Throws AGENT_SECRET_NOT_FOUND when the caller
 * may not see the secret, and AGENT_SECRET_REVISION_NOT_FOUND.
 */
export async function getAgentSecretRevision(ctx: Context, id: string, revision: bigint): Promise<AgentSecretRevision> {
  const actor = actorOf(ctx);
  const { db } = ctx.services;
  const find = (number: bigint) => findAgentSecretRevision(db, id, number, actor.accountId);
  const row = revision > LARGEST_STORED ? undefined : await find(revision);
  // The first revision, which always exists, shows whether the caller may know of the secret at all.
  const visibleRow = row ?? (await find(0n));
  if (!visibleRow) throw notFound('agentSecret', id);
  authorizeAgentSecret(ctx, id, visibleRow, 'ViewAgentSecret');
  if (!row) throw revisionNotFound(id);
  return revisionOf(row);
}

/** Several revisions in the order of the places; null for every one that there is not, or that the caller may not see. */
export async function getAgentSecretRevisions(
  ctx: Context,
  places: readonly Moment[],
): Promise<(AgentSecretRevision | null)[]> {
  const actor = actorOf(ctx);
  const rows = await readCounted(
    ctx,
    { rows: places.length, rowBytes: MAX_PATH_BYTES },
    () => findAgentSecretRevisionsAt(ctx.services.db, places, actor.accountId),
    ({ path }) => path.length,
  );
  const visible = rows.filter((row) => isVisible(actor, row)).map(revisionOf);
  const found = new Map(visible.map((revision) => [momentId(revision), revision]));
  return places.map((place) => found.get(momentId(place)) ?? null);
}

/** What the log tells of several writes, in the order of the places. */
export async function getLoggedWrites(ctx: Context, places: readonly Moment[]): Promise<(LoggedWrite | Error)[]> {
  const revisions = await getAgentSecretRevisions(ctx, places);
  return revisions.map((found, index) => found?.logged ?? notFound('agentSecret', (places[index] as Moment).id));
}

/** What the log tells of a write, of all that is known of it. */
export function loggedOf({ change, environmentRevision, destroyedRevision }: LoggedWrite): LoggedWrite {
  return { change, environmentRevision, destroyedRevision };
}

/** Converts a log row into the state that its write left. */
export function revisionOf(row: AgentSecretRevisionRow): AgentSecretRevision {
  return {
    isPast: true,
    logged: loggedOf(row),
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

/** Where a value is stored. Its type is read with it. */
export type StoredPlace = Omit<SealedPlace, 'secretType'>;

/**
 * The values that these revisions have, each as canonical JSON text; an error in the place of each that cannot be
 * opened. They are read in portions of bounded size.
 */
export async function openStoredValues(ctx: Context, places: readonly StoredPlace[]): Promise<(string | Error)[]> {
  // Before they are read: a page of values is much work for a credential that may see none of them.
  requireRevealScope(ctx);
  const opened = new Map<string, string | Error>();
  const unopened: StoredPlace[] = [];
  const earlier = places.map(async (place) => {
    try {
      const text = openedEarlier(ctx, place);
      if (text === undefined) unopened.push(place);
      else opened.set(keyOfPlace(place), await text);
    } catch (error) {
      opened.set(keyOfPlace(place), error as Error);
    }
  });
  await Promise.all(earlier);
  for (let left = unopened; left.length > 0; ) {
    const rows = await findSealedPortion(ctx, left);
    const found = new Map(rows.map((row) => [keyOfValue(row.agentSecretId, row.revision), row]));
    const later: StoredPlace[] = [];
    const openings = left.map(async (place) => {
      const row = found.get(keyOfValue(place.id, place.valueRevision));
      if (row?.isLeftOut) later.push(place);
      else opened.set(keyOfPlace(place), await openOrError(ctx, place, row));
    });
    await Promise.all(openings);
    left = later;
  }
  return places.map((place) => opened.get(keyOfPlace(place)) as string | Error);
}

function findSealedPortion(ctx: Context, places: readonly StoredPlace[]): Promise<SealedValueRow[]> {
  const wanted = new Map(places.map(({ id, valueRevision }) => [keyOfValue(id, valueRevision), { id, valueRevision }]));
  const revisions = [...wanted.values()].map(({ id, valueRevision }) => ({ id, revision: valueRevision as bigint }));
  return readCounted(
    ctx,
    { rows: revisions.length, rowBytes: 0, sharedBytes: 2 * MAX_SEALED_BYTES_READ },
    () => findSealedValues(ctx.services.db, revisions),
    ({ secretType, sealedValue }) => (secretType?.length ?? 0) + (sealedValue?.length ?? 0),
  );
}

async function openOrError(ctx: Context, place: StoredPlace, row: SealedValueRow | undefined): Promise<string | Error> {
  if (!row?.sealedValue) return valueDestroyed();
  try {
    return await openSealedValue(ctx, { ...place, secretType: row.secretType as string }, row.sealedValue);
  } catch (error) {
    return error as Error;
  }
}

/** The types of secrets that the caller may see, in the order of the ids: for rows whose list has left them out. */
export async function getSecretTypes(ctx: Context, ids: readonly string[]): Promise<string[]> {
  const types = new Map<string, string>();
  for (let left = ids; left.length > 0; left = ids.filter((id) => !types.has(id))) {
    const rows = await readCounted(
      ctx,
      { rows: left.length, rowBytes: 0, sharedBytes: 2 * MAX_SEALED_BYTES_READ },
      () => findSecretTypes(ctx.services.db, left),
      ({ secretType }) => secretType?.length ?? 0,
    );
    for (const { id, secretType } of rows) if (secretType !== null) types.set(id, secretType);
    if (rows.length === 0) throw new Error('a secret without a type');
  }
  return ids.map((id) => types.get(id) as string);
}

/** The type of a secret, wherever it was read. */
export async function typeOf(
  ctx: Context,
  { id, secretType }: Pick<AgentSecret, 'id' | 'secretType'>,
): Promise<string> {
  return secretType ?? ((await getSecretTypes(ctx, [id]))[0] as string);
}

function keyOfValue(id: string, valueRevision: bigint | null): string {
  return `${id}:${valueRevision}`;
}

/** The same value may be opened as that of several revisions, each of which is recorded. */
function keyOfPlace({ id, valueRevision, revision }: StoredPlace): string {
  return `${id}:${valueRevision}:${revision}`;
}

function readCursorRevision(json: unknown): bigint | undefined {
  const revision = typeof json === 'string' && /^\d{1,19}$/.test(json) ? BigInt(json) : undefined;
  return revision !== undefined && revision <= LARGEST_STORED ? revision : undefined;
}
