// The one room of the domain that sees plaintext beside its seal: values sealed on their way in, opened on their way out.
import { valueDigest } from '../../crypto/digest.js';
import type { EnvironmentKeys } from '../../crypto/environment-keys.js';
import { openValue, sealedKeyVersion, sealValue } from '../../crypto/sealing.js';
import { AppError } from '../../errors/errors.js';
import { forbidden } from '../../errors/refusals.js';
import { hasSliceTime, nextSlice } from '../../scheduling/time-slice.js';
import { findMinDataKeyVersion } from '../../store/keys/data-key.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';

/** A value as a write stores it; all null without a value. */
export interface SealedValue {
  sealedValue: Uint8Array | null;
  /** The revision that sets it, to which the seal is bound. */
  valueRevision: bigint | null;
  valueDigest: Uint8Array | null;
  /** The data key's version. */
  keyVersion: number | null;
}

export const NO_VALUE: SealedValue = Object.freeze({
  sealedValue: null,
  valueRevision: null,
  valueDigest: null,
  keyVersion: null,
});

/** Seals a value before anything else sees it, bound to the revision that sets it. */
export function sealWith(
  keys: EnvironmentKeys,
  subject: { environmentId: string; id: string },
  revision: bigint,
  plaintext: string | null,
): SealedValue {
  if (plaintext === null) return NO_VALUE;
  const binding = { environmentId: subject.environmentId, agentSecretId: subject.id, revision };
  return {
    sealedValue: sealValue(keys.current, binding, plaintext),
    valueRevision: revision,
    valueDigest: digestOf(keys, subject.id, revision, plaintext),
    keyVersion: keys.current.version,
  };
}

/**
 * Seals a value and writes it; once more when nothing was written because another instance had replaced the data key that
 * this one still held.
 */
export async function sealAndWrite<T>(
  ctx: Context,
  subject: { environmentId: string; id: string },
  revision: bigint,
  plaintext: string | null,
  write: (sealed: SealedValue) => Promise<T | undefined>,
): Promise<{ sealed: SealedValue; written: T | undefined }> {
  if (plaintext === null) return { sealed: NO_VALUE, written: await write(NO_VALUE) };
  const { db, keys } = ctx.services;
  const { environmentId } = subject;
  const cachedKeys = await keys.keysOf(environmentId);
  const sealed = sealWith(cachedKeys, subject, revision, plaintext);
  const written = await write(sealed);
  if (written !== undefined || cachedKeys.current.version >= (await findMinDataKeyVersion(db, environmentId))) {
    return { sealed, written };
  }
  const resealed = sealWith(await keys.reload(environmentId), subject, revision, plaintext);
  return { sealed: resealed, written: await write(resealed) };
}

/** With id and revision in it, equal values of two revisions have nothing in common that the log would show. */
export function digestOf(keys: EnvironmentKeys, id: string, revision: bigint, plaintext: string): Uint8Array {
  return valueDigest(keys.digest, `${id}:${revision}:${plaintext}`);
}

/** Where a sealed value is stored: what it takes to open it. */
export interface SealedPlace {
  id: string;
  environmentId: string;
  valueRevision: bigint | null;
  /** The revision the value is read at, for the record. */
  revision: bigint;
}

/**
 * The canonical JSON text of a sealed value, opened for the caller and recorded. A promise only when the environment's keys
 * are not in memory, the record has to be committed first, or others have to be served first. AUTH_FORBIDDEN without the
 * scope `reveal`. Rejects with SealError when the bytes are not what was sealed for this place.
 */
export function openSealedValue(ctx: Context, place: SealedPlace, sealed: Uint8Array): string | Promise<string> {
  requireRevealScope(ctx);
  return hasSliceTime() ? openInThisSlice(ctx, place, sealed) : openInLaterSlice(ctx, place, sealed);
}

/** One of many: those of a list are asked for all at once. */
async function openInLaterSlice(ctx: Context, place: SealedPlace, sealed: Uint8Array): Promise<string> {
  await nextSlice();
  while (!hasSliceTime()) await nextSlice();
  return openInThisSlice(ctx, place, sealed);
}

function openInThisSlice(ctx: Context, place: SealedPlace, sealed: Uint8Array): string | Promise<string> {
  const keys = ctx.services.keys.keysOf(place.environmentId);
  if (keys instanceof Promise || !keys.has(sealedKeyVersion(sealed))) return openWithFreshKeys(ctx, place, sealed);
  const text = openWith(keys, place, sealed);
  const recorded = ctx.services.reads.record(ctx, place);
  return recorded ? recorded.then(() => text) : text;
}

/** A row of a list with what it takes to open its value; no bytes where there is none, or none any more. */
export type SealedRow = Omit<SealedPlace, 'environmentId'> & { sealedValue: Uint8Array | null };

/**
 * The same for an environment's values all together: opened in portions, recorded at once; null without a value.
 * AGENT_SECRET_VALUE_DESTROYED where one was erased.
 */
export async function openSealedValues(
  ctx: Context,
  environmentId: string,
  rows: readonly SealedRow[],
): Promise<(string | null)[]> {
  const { keys: cache, reads } = ctx.services;
  const texts: (string | null)[] = [];
  const opened: SealedRow[] = [];
  let keys: EnvironmentKeys | undefined;
  let failure: { error: unknown } | undefined;
  try {
    for (const row of rows) {
      const { id, valueRevision, sealedValue } = row;
      if (valueRevision === null) {
        texts.push(null);
        continue;
      }
      if (sealedValue === null) throw valueDestroyed();
      if (keys === undefined) {
        requireRevealScope(ctx);
        keys = await cache.keysOf(environmentId);
      }
      while (!hasSliceTime()) await nextSlice();
      if (!keys.has(sealedKeyVersion(sealedValue))) keys = await cache.reload(environmentId);
      texts.push(openWith(keys, { environmentId, id, valueRevision }, sealedValue));
      opened.push(row);
    }
  } catch (error) {
    failure = { error };
  }
  // Also when no value leaves: what was opened is told.
  if (opened.length > 0) await reads.recordAll(ctx, environmentId, opened);
  if (failure) throw failure.error;
  return texts;
}

/** As `openSealedValue`, with keys at hand. */
export function openWith(
  keys: Pick<EnvironmentKeys, 'data'>,
  place: Omit<SealedPlace, 'revision'>,
  sealed: Uint8Array,
): string {
  const { environmentId, id: agentSecretId, valueRevision } = place;
  const binding = { environmentId, agentSecretId, revision: valueRevision as bigint };
  return openValue(keys.data(sealedKeyVersion(sealed)), binding, sealed);
}

function requireRevealScope(ctx: Context): void {
  if (!actorOf(ctx).grant.scopes.has('reveal')) throw forbidden('The token does not allow to reveal values');
}

async function openWithFreshKeys(ctx: Context, place: SealedPlace, sealed: Uint8Array): Promise<string> {
  const keys = await ctx.services.keys.keysOf(place.environmentId);
  // Another instance may have made a newer key since this one loaded the environment's keys.
  const hasKey = keys.has(sealedKeyVersion(sealed));
  const text = openWith(hasKey ? keys : await ctx.services.keys.reload(place.environmentId), place, sealed);
  await ctx.services.reads.record(ctx, place);
  return text;
}

export function valueDestroyed(): AppError {
  return new AppError('AGENT_SECRET_VALUE_DESTROYED', 'The value of this revision was destroyed');
}
