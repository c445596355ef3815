// The caller as the database knows it now, for what gives access: that would outlast a credential which was revoked a moment ago.
import { unauthorized } from '../../errors/refusals.js';
import { findCaller } from '../../store/access/caller.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { isAccountWide } from '../request/grant.js';

/** The context with nothing taken on trust from a few seconds ago; AUTH_UNAUTHORIZED when the credential is none any more. */
export async function reauthenticated(ctx: Context): Promise<Context> {
  const actor = actorOf(ctx);
  const { accountId, tokenId, grant } = actor;
  const caller = await findCaller(ctx.services.db, { accountId, tokenId });
  if (!caller) throw unauthorized();
  return { ...ctx, actor: { ...actor, isAdmin: caller.roles.includes('admin') && isAccountWide(grant) } };
}
