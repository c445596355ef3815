// The authenticated caller of a request, and what the caller's account and credential allow in general.
import { forbidden, unauthorized } from '../../errors/refusals.js';
import type { Exchange } from '../../logging/exchange.js';
import { type Grant, isAccountWide, type Scope } from './grant.js';
import type { Operation } from './operation.js';

/** The authenticated caller. */
export interface Actor {
  readonly accountId: string;
  /** Null when the caller authenticated with a login instead of a token. */
  readonly tokenId: string | null;
  /** The subject of a login, as its issuer names it. */
  readonly subject?: string | undefined;
  /**
   * Whether the account has the role admin and the credential covers the whole account. Such a caller manages accounts
   * and plans. The role alone does not allow reading any secret.
   */
  readonly isAdmin: boolean;
  /** What the credential allows. */
  readonly grant: Grant;
  /** When the credential expires. It never does if this is absent or null. */
  readonly expiresAt?: Date | null;
}

/** The facts about one request, without the services that answer it. */
export interface RequestFacts {
  /** Undefined when the request came without a valid credential. */
  readonly actor: Actor | undefined;
  /** Whether a credential was sent, valid or not. Told only of requests without an actor. */
  readonly isCredentialSent?: boolean;
  readonly requestId: string;
  /**
   * The interface through which the request came in. `stream` is the REST change stream, which carries no values;
   * `operator` is the service itself when it prepares a development database at startup.
   */
  readonly door: 'graphql' | 'rest' | 'stream' | 'operator';
  /** The id of the last event that the caller has received, when it resumes a stream and names it in a header. */
  readonly lastEventId?: string | undefined;
  /** What the operation holds and answers, where it is limited. */
  readonly operation?: Operation | undefined;
  /** Where metrics, the access log and traces find what becomes known of the request; undefined where nobody asks. */
  readonly exchange?: Exchange | undefined;
}

/** Whether the credential has expired. */
export function hasEnded({ expiresAt }: Actor): boolean {
  return expiresAt != null && expiresAt.getTime() <= Date.now();
}

/** The caller. Throws AUTH_UNAUTHORIZED when there is none. */
export function actorOf(request: RequestFacts): Actor {
  if (!request.actor) throw unauthorized();
  return request.actor;
}

/**
 * The caller, if its account has the role admin and its credential has the scope, when one is given. Throws
 * AUTH_FORBIDDEN otherwise.
 */
export function adminOf(request: RequestFacts, action: string, scope?: Scope): Actor {
  const actor = actorOf(request);
  if (scope !== undefined) needScope(actor, action, scope);
  if (!actor.isAdmin) {
    needWholeAccount(actor, action);
    throw forbidden(`The action ${action} needs the account role admin, which the account does not have`);
  }
  return actor;
}

/** The caller, if its credential may change what belongs to the account. Throws AUTH_FORBIDDEN otherwise. */
export function managerOf(request: RequestFacts, action: string): Actor {
  const actor = actorOf(request);
  needScope(actor, action, 'admin');
  needWholeAccount(actor, action);
  return actor;
}

function needScope({ grant }: Actor, action: string, scope: Scope): void {
  if (!grant.scopes.has(scope)) throw forbidden(`The action ${action} ${withoutScope(scope)}`);
}

function needWholeAccount({ grant }: Actor, action: string): void {
  if (isAccountWide(grant)) return;
  throw forbidden(`The action ${action} needs a token that is limited neither to an environment nor to paths`);
}

/** The reason of a refusal: what the credential lacks. */
export function withoutScope(scope: Scope): string {
  return `needs the scope ${scope}, which the token does not have`;
}
