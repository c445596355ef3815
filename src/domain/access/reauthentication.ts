// Reads the caller from the database again: before an operation that grants access, which would outlast a credential
// that was revoked a moment ago but is still in the credential cache, and behind a revocation within a document.
import { AppError } from '../../errors/errors.js';
import { unauthorized } from '../../errors/refusals.js';
import { findCaller } from '../../store/access/caller.js';
import type { Session } from '../../store/engine/client.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { isAccountWide } from '../request/grant.js';

/**
 * The context with the caller as it is in the database now, bypassing the credential cache. Throws AUTH_UNAUTHORIZED
 * when the credential is no longer valid.
 */
export async function reauthenticated(ctx: Context, db: Session = ctx.services.db): Promise<Context> {
  const actor = actorOf(ctx);
  const { accountId, tokenId, grant } = actor;
  const caller = await findCaller(db, { accountId, tokenId });
  if (!caller) throw unauthorized();
  return { ...ctx, actor: { ...actor, isAdmin: caller.roles.includes('admin') && isAccountWide(grant) } };
}

/** For each operation, up to which revocation its caller is known to be valid. */
const confirmedGenerations = new WeakMap<Context, number>();

/**
 * Called before each mutation of a document. If credentials were revoked since the document began, by one of its own
 * mutations or by another request, the caller is read again. Throws AUTH_UNAUTHORIZED, also in everything behind it,
 * when the credential is no longer valid.
 */
export function confirmCaller(ctx: Context): Promise<void> | undefined {
  const { generation } = ctx.services.bearers;
  const confirmed = confirmedGenerations.get(ctx);
  if (confirmed === undefined) confirmedGenerations.set(ctx, generation);
  if (confirmed === undefined || confirmed === generation || !ctx.actor) return undefined;
  return reconfirm(ctx, generation);
}

async function reconfirm(ctx: Context, generation: number): Promise<void> {
  try {
    // The actor is replaced in place, because all fields of a document share one context.
    Object.assign(ctx, { actor: (await reauthenticated(ctx)).actor });
    confirmedGenerations.set(ctx, generation);
  } catch (error) {
    if (error instanceof AppError && error.code === 'AUTH_UNAUTHORIZED') Object.assign(ctx, { actor: undefined });
    throw error;
  }
}
