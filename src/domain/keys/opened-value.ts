// Decrypts values on their way out, in time slices, and records each opening.
import type { EnvironmentKeys } from '../../crypto/environment-keys.js';
import { openValue, SealError, sealedKeyVersion } from '../../crypto/sealing.js';
import { AppError } from '../../errors/errors.js';
import { forbidden, valuesUnreadable } from '../../errors/refusals.js';
import { hasSliceTime, nextSlice } from '../../scheduling/time-slice.js';
import { isGoodFor } from '../access/permissions.js';
import { actorOf, withoutScope } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { bindingOf, type SealedSubject } from './sealed-value.js';

/** What is needed to decrypt a stored value. */
export interface SealedPlace extends SealedSubject {
  valueRevision: bigint | null;
  /** The revision at which the value is read, for the audit log. */
  revision: bigint;
}

/**
 * The canonical JSON text of an encrypted value, decrypted for the caller and recorded. Returns a promise only when the
 * environment's keys are not in memory, when the record has to be committed first, or when other requests have to be
 * served first. Throws AUTH_FORBIDDEN without the scope `reveal`, and AGENT_SECRET_VALUE_UNREADABLE when the bytes are not
 * those that were encrypted for this secret and revision.
 */
export function openSealedValue(ctx: Context, place: SealedPlace, sealed: Uint8Array): string | Promise<string> {
  requireRevealScope(ctx);
  const { operation } = ctx;
  if (!operation) return openInSlice(ctx, place, sealed);
  const key = `${place.id}:${place.valueRevision}`;
  const known = operation.opened.get(key);
  if (known !== undefined) return openedBefore(ctx, place, known);
  operation.add(2 * sealed.length);
  // The first value of an operation is opened at once: most have no other one.
  const isFirst = operation.opened.size === 0;
  const text = isFirst ? openInThisSlice(ctx, place, sealed) : openInSlice(ctx, place, sealed);
  operation.opened.set(key, text);
  return text;
}

/** A value that the operation has opened already, which need not be read again; undefined for any other. */
export function openedEarlier(
  ctx: Context,
  place: Omit<SealedPlace, 'secretType'>,
): string | Promise<string> | undefined {
  const known = ctx.operation?.opened.get(`${place.id}:${place.valueRevision}`);
  return known === undefined ? undefined : openedBefore(ctx, place, known);
}

/** A value that the same operation has opened. At another revision of the secret it counts as opened there, too. */
function openedBefore(
  ctx: Context,
  place: Omit<SealedPlace, 'secretType'>,
  text: string | Promise<string>,
): string | Promise<string> {
  const recorded = ctx.services.reads.record(ctx, place);
  return recorded ? recorded.then(() => text) : text;
}

function openInSlice(ctx: Context, place: SealedPlace, sealed: Uint8Array): string | Promise<string> {
  return hasSliceTime() ? openInThisSlice(ctx, place, sealed) : openInLaterSlice(ctx, place, sealed);
}

/** Waits for a time slice. The values of a list are all requested at once, so many calls wait here at the same time. */
async function openInLaterSlice(ctx: Context, place: SealedPlace, sealed: Uint8Array): Promise<string> {
  const { accountId } = actorOf(ctx);
  await nextSlice(accountId);
  while (!hasSliceTime()) await nextSlice(accountId);
  return openInThisSlice(ctx, place, sealed);
}

function openInThisSlice(ctx: Context, place: SealedPlace, sealed: Uint8Array): string | Promise<string> {
  const keys = ctx.services.keys.keysOf(place.environmentId);
  const text = keys instanceof Promise ? undefined : openIfPossible(keys, place, sealed);
  if (text === undefined) return openWithFreshKeys(ctx, place, sealed, keys instanceof Promise ? keys : undefined);
  const recorded = ctx.services.reads.record(ctx, place);
  return recorded ? recorded.then(() => text) : text;
}

/**
 * A row of a list with what is needed to decrypt its value. The bytes are null when there is no value, or when it was
 * destroyed.
 */
export type SealedRow = Omit<SealedPlace, 'environmentId'> & { sealedValue: Uint8Array | null };

/**
 * Does the same for several values of one environment: decrypts them in time slices and records them together. Null for
 * rows without a value. Throws AGENT_SECRET_VALUE_DESTROYED when one was destroyed, and AGENT_SECRET_VALUE_UNREADABLE with
 * all those that do not open.
 */
export async function openSealedValues(
  ctx: Context,
  environmentId: string,
  rows: readonly SealedRow[],
): Promise<(string | null)[]> {
  const { keys: cache, reads } = ctx.services;
  const texts: (string | null)[] = [];
  const opened: SealedRow[] = [];
  const unreadable: string[] = [];
  let reason: SealError | undefined;
  let keys: EnvironmentKeys | undefined;
  let failure: { error: unknown } | undefined;
  try {
    for (const row of rows) {
      const { id, path, secretType, valueRevision, sealedValue } = row;
      if (valueRevision === null) {
        texts.push(null);
        continue;
      }
      if (sealedValue === null) throw valueDestroyed();
      if (keys === undefined) {
        requireRevealScope(ctx);
        keys = await cache.keysOf(environmentId);
      }
      while (!hasSliceTime()) await nextSlice(actorOf(ctx).accountId);
      const place = { environmentId, id, path, secretType, valueRevision };
      try {
        let text = openIfPossible(keys, place, sealedValue);
        if (text === undefined) {
          keys = await freshKeys(ctx, environmentId, sealedValue);
          text = openWith(keys, place, sealedValue);
        }
        texts.push(text);
        opened.push(row);
      } catch (error) {
        if (!(error instanceof SealError)) throw error;
        reason ??= error;
        unreadable.push(id);
      }
    }
    if (unreadable.length > 0) throw valuesUnreadable(unreadable, reason);
  } catch (error) {
    failure = { error: error instanceof SealError ? valuesUnreadable(idsOfValues(rows), error) : error };
  }
  // Also recorded when an error prevents the values from being returned, because they were decrypted.
  if (opened.length > 0) await reads.recordAll(ctx, environmentId, opened);
  if (failure) throw failure.error;
  return texts;
}

/** All of them: there are no keys at all. */
function idsOfValues(rows: readonly SealedRow[]): string[] {
  return rows.filter(({ valueRevision }) => valueRevision !== null).map(({ id }) => id);
}

/** Decrypts like `openSealedValue`, but with the given keys, without checking access and without recording. */
export function openWith(
  keys: Pick<EnvironmentKeys, 'data'>,
  place: Omit<SealedPlace, 'revision'>,
  sealed: Uint8Array,
): string {
  const binding = bindingOf(place, place.valueRevision as bigint);
  return openValue(keys.data(sealedKeyVersion(sealed)), binding, sealed);
}

/** Throws AUTH_FORBIDDEN without the scope `reveal`. */
export function requireRevealScope(ctx: Context): void {
  if (!isGoodFor(ctx, 'RevealAgentSecretValue')) throw forbidden(`Opening a value ${withoutScope('reveal')}`);
}

/** Undefined where these keys do not open it: others may. */
function openIfPossible(
  keys: EnvironmentKeys,
  place: Omit<SealedPlace, 'revision'>,
  sealed: Uint8Array,
): string | undefined {
  try {
    return openWith(keys, place, sealed);
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}

/** `loading` are the keys that were not in memory; without it, those in memory do not open the value. */
async function openWithFreshKeys(
  ctx: Context,
  place: SealedPlace,
  sealed: Uint8Array,
  loading: Promise<EnvironmentKeys> | undefined,
): Promise<string> {
  const { environmentId } = place;
  let text: string;
  try {
    const opened = loading && openIfPossible(await loading, place, sealed);
    text = opened ?? openWith(await freshKeys(ctx, environmentId, sealed), place, sealed);
  } catch (error) {
    throw error instanceof SealError ? valuesUnreadable([place.id], error) : error;
  }
  await ctx.services.reads.record(ctx, place);
  return text;
}

/**
 * The keys that the environment has now. Since this instance loaded them another one may have made a newer key, or the
 * database may have gone back and have another key of the same version. An operation looks once for each version: it may
 * read many values that no key opens.
 */
function freshKeys(ctx: Context, environmentId: string, sealed: Uint8Array): Promise<EnvironmentKeys> {
  const freshlyLoaded = ctx.operation?.freshKeys;
  const name = `${environmentId}:${sealedKeyVersion(sealed)}`;
  const keys = freshlyLoaded?.get(name) ?? ctx.services.keys.reload(environmentId);
  freshlyLoaded?.set(name, keys);
  return keys;
}

export function valueDestroyed(): AppError {
  return new AppError('AGENT_SECRET_VALUE_DESTROYED', 'The value of this revision was destroyed');
}
