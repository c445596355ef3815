// Who asks: the authenticated caller of a request, and what its account and its credential allow in general.
import { forbidden, unauthorized } from '../../errors/refusals.js';
import { type Grant, isAccountWide, type Scope } from './grant.js';

/** The authenticated caller. */
export interface Actor {
  readonly accountId: string;
  /** Null when the credential is no token but a login. */
  readonly tokenId: string | null;
  /** The subject of a login, as its issuer names it. */
  readonly subject?: string | undefined;
  /**
   * Whether the account has the role admin and the credential covers the whole account. Such a caller manages accounts
   * and plans. The role alone opens no secret.
   */
  readonly isAdmin: boolean;
  /** What the credential allows. */
  readonly grant: Grant;
  /** When the credential expires. Absent or null: never. */
  readonly expiresAt?: Date | null;
}

/** One request, without the services that answer it. */
export interface RequestFacts {
  /** Undefined when no valid credential came with the request. */
  readonly actor: Actor | undefined;
  readonly requestId: string;
  /** Through which door the request came in. `stream`: the REST change stream, which carries no values. */
  readonly door: 'graphql' | 'rest' | 'stream' | 'operator';
}

/** Whether the credential has expired. */
export function hasEnded({ expiresAt }: Actor): boolean {
  return expiresAt != null && expiresAt.getTime() <= Date.now();
}

/** The caller, or AUTH_UNAUTHORIZED. */
export function actorOf(request: RequestFacts): Actor {
  if (!request.actor) throw unauthorized();
  return request.actor;
}

/** The caller if it has the account role admin, and a credential with the scope if one is named, or AUTH_FORBIDDEN. */
export function adminOf(request: RequestFacts, action: string, scope?: Scope): Actor {
  const actor = actorOf(request);
  if (!actor.isAdmin || (scope !== undefined && !actor.grant.scopes.has(scope))) {
    throw forbidden(`The action ${action} needs the account role admin, and a token that may use it`);
  }
  return actor;
}

/** The caller if its credential may change what the account has, or AUTH_FORBIDDEN. */
export function managerOf(request: RequestFacts, action: string): Actor {
  const actor = actorOf(request);
  if (!actor.grant.scopes.has('admin') || !isAccountWide(actor.grant)) {
    throw forbidden(`The token does not allow the action ${action}`);
  }
  return actor;
}
