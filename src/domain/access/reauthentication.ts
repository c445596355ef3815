// Reads the caller from the database again before an operation that grants access. Such access would outlast a
// credential that was revoked a moment ago but is still in the credential cache.
import { unauthorized } from '../../errors/refusals.js';
import { findCaller } from '../../store/access/caller.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { isAccountWide } from '../request/grant.js';

/**
 * The context with the caller as it is in the database now, bypassing the credential cache. Throws AUTH_UNAUTHORIZED
 * when the credential is no longer valid.
 */
export async function reauthenticated(ctx: Context): Promise<Context> {
  const actor = actorOf(ctx);
  const { accountId, tokenId, grant } = actor;
  const caller = await findCaller(ctx.services.db, { accountId, tokenId });
  if (!caller) throw unauthorized();
  return { ...ctx, actor: { ...actor, isAdmin: caller.roles.includes('admin') && isAccountWide(grant) } };
}
