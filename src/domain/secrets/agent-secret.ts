// Reads secrets by id or by path, in their current or an earlier state. Pages are in agent-secret-page.ts, lists of a
// whole environment in agent-secret-list.ts, writes in agent-secret-create.ts and agent-secret-update.ts.
import { createHash } from 'node:crypto';
import { invalidRequest, notFound } from '../../errors/refusals.js';
import type { Change } from '../../store/engine/tables.js';
import { findAgentSecret, findUnreadAgentSecretsForAccounts } from '../../store/secrets/agent-secret.js';
import { findAgentSecretByPath } from '../../store/secrets/agent-secret-list.js';
import {
  authorize,
  type EnvironmentPermission,
  may,
  type Role,
  type RoleBinding,
  rolesOf,
} from '../access/permissions.js';
import { openSealedValue, valueDestroyed } from '../keys/opened-value.js';
import { type Actor, actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { coversPath, grantTag } from '../request/grant.js';
import { readCounted } from '../request/item-budget.js';
import { storableText } from '../request/storable-text.js';
import type { Environment } from '../tenancy/environment.js';
import { MAX_TYPE_BYTES } from '../types/analysed-type-parse.js';
import { canonicalPath, MAX_PATH_BYTES } from '../types/secret-path.js';

/**
 * A state of a secret as the caller may see it: the current one, an earlier one, or a planned one. The value stays
 * encrypted until `openSecretValue` is called.
 */
export interface AgentSecret {
  id: string;
  environmentId: string;
  path: string;
  /** The type document in canonical form; null where a list has left it out for its size: it is read on demand. */
  secretType: string | null;
  revision: bigint;
  /** The revision that set the value; null without a value. */
  valueRevision: bigint | null;
  /** Null when there is no value or it was destroyed. Undefined when the value is only read on demand. */
  sealedValue: Uint8Array | null | undefined;
  /** Bytes of the encrypted value where a list has left it out for its size: it is read on demand. */
  leftOutBytes?: number | null;
  /** Whether the value was destroyed. Only set when `sealedValue` is not read yet; otherwise `sealedValue` shows it. */
  isDestroyed?: boolean;
  createdAt: Date;
  createdBy: string;
  updatedAt: Date;
  updatedBy: string;
  deletedAt?: Date | null;
  /** Whether it was read from the log: the secret may have been written since. */
  isPast?: boolean;
  /** The value's canonical JSON text, when the caller has just sent it: it can be returned without decryption. */
  echo?: string | null | undefined;
  /** Of a write that was not made, such as a dry run: its revision does not exist. */
  planned?: { change: Change; isNew: boolean };
}

/** Whether a secret has a value, has none, or had one that was erased for good. */
export type ValueState = 'PRESENT' | 'ABSENT' | 'DESTROYED';

/** Whether the value, if there is one, has to be read before it can be opened. */
export function isUnread({ sealedValue, leftOutBytes, echo, isDestroyed, valueRevision }: AgentSecret): boolean {
  if (valueRevision === null || echo !== undefined || isDestroyed) return false;
  return sealedValue === undefined || (sealedValue === null && leftOutBytes != null);
}

type StoredValue = Pick<AgentSecret, 'valueRevision' | 'sealedValue' | 'leftOutBytes' | 'isDestroyed'>;

export function valueStateOf(secret: StoredValue): ValueState {
  if (secret.valueRevision === null) return 'ABSENT';
  const isErased = secret.sealedValue === null && secret.leftOutBytes == null;
  return secret.isDestroyed || isErased ? 'DESTROYED' : 'PRESENT';
}

/** Throws AGENT_SECRET_NOT_FOUND when the caller may not see the secret. That includes the role viewer. */
export async function getAgentSecret(ctx: Context, id: string): Promise<AgentSecret> {
  const actor = actorOf(ctx);
  const wait = ctx.operation?.take(0);
  if (wait) await wait;
  const row = await findAgentSecret(ctx.services.db, { id, accountId: actor.accountId });
  if (!row) throw notFound('agentSecret', id);
  authorizeAgentSecret(ctx, id, row, 'ViewAgentSecret');
  ctx.services.revisions.note(actor.accountId, row);
  return row;
}

/** Several secrets in the order of the ids, with null for every one that is deleted or that the caller may not see. */
export async function getAgentSecrets(ctx: Context, ids: readonly string[]): Promise<(AgentSecret | null)[]> {
  return (await getPresentAgentSecrets(ctx, ids)).map((secret) => (secret?.deletedAt ? null : secret));
}

/** What several secrets are now, deleted or not, in the order of the ids; null for every one that the caller may not see. */
export async function getPresentAgentSecrets(ctx: Context, ids: readonly string[]): Promise<(AgentSecret | null)[]> {
  const actor = actorOf(ctx);
  const { accountId } = actor;
  const rows = await readCounted(
    ctx,
    { rows: ids.length, rowBytes: MAX_PATH_BYTES + MAX_TYPE_BYTES },
    () =>
      findUnreadAgentSecretsForAccounts(
        ctx.services.db,
        ids.map((id) => ({ id, accountId })),
      ),
    (row) => (row ? bytesOf(row) : 0),
  );
  return rows.map((row) => (row && isVisible(actor, row) ? row : null));
}

/** The environment and path of a secret, and the role data that decides who may see it. */
type AccessSubject = RoleBinding & { environmentId: string; path: string };

export function isVisible(actor: Actor, secret: AccessSubject): boolean {
  return visibleRoles(actor, secret) !== undefined;
}

/** The caller's roles for a secret. Undefined unless a role and the credential both allow the caller to see it. */
function visibleRoles(actor: Actor, secret: AccessSubject): Role[] | undefined {
  const roles = rolesOf(actor, secret, secret.environmentId);
  return may(roles, 'ViewAgentSecret') && coversPath(actor.grant, secret.path) ? roles : undefined;
}

/**
 * Throws AGENT_SECRET_NOT_FOUND unless the caller may see the secret, and AUTH_FORBIDDEN unless it may perform the
 * action.
 */
export function authorizeAgentSecret(
  ctx: Context,
  id: string,
  secret: AccessSubject,
  action: EnvironmentPermission,
): void {
  const roles = visibleRoles(actorOf(ctx), secret);
  if (!roles) throw notFound('agentSecret', id);
  authorize(ctx, { roles }, action);
}

export interface AgentSecretPlace {
  /** Segments in any casing, which are converted to canonical form. */
  path?: readonly string[] | null | undefined;
  /**
   * The dotted canonical path as the service returns it. It is not converted, because the conversion is not idempotent.
   */
  pathText?: string | null | undefined;
}

/** The secret at a path, or null. Throws INVALID_REQUEST unless exactly one of `path` and `pathText` is given. */
export async function getAgentSecretByPath(
  ctx: Context,
  environment: Environment,
  place: AgentSecretPlace,
): Promise<AgentSecret | null> {
  authorize(ctx, environment, 'ViewAgentSecret');
  if ((place.path == null) === (place.pathText == null)) {
    throw invalidRequest('expected exactly one of path and pathText');
  }
  const path = place.path != null ? canonicalPath(place.path).text : (place.pathText as string);
  if (!coversPath(actorOf(ctx).grant, path)) return null;
  const row = await findAgentSecretByPath(ctx.services.db, stateOf(environment), storableText(path));
  return row ? within(environment, row) : null;
}

/**
 * An ETag that changes whenever the environment's list of secrets may have changed, and that is equal for two readers
 * who see the same list. It contains the time besides the revision: after a backup is restored, revisions are used
 * again for other secrets, but times are not.
 */
export function agentSecretsTag(ctx: Context, environment: Environment): string {
  authorize(ctx, environment, 'ViewAgentSecret');
  const grantText = grantTag(actorOf(ctx).grant);
  const suffix = grantText && `-${createHash('sha256').update(grantText).digest('base64url').slice(0, 12)}`;
  return `${environment.revision}.${environment.updatedAt.getTime().toString(36)}${suffix}`;
}

/**
 * The value's canonical JSON text; null without a value. Returns a promise only when `openSealedValue` does. Throws
 * AGENT_SECRET_VALUE_DESTROYED when the value was erased, and AGENT_SECRET_VALUE_UNREADABLE when the stored bytes are not
 * those that were encrypted for this secret.
 */
export function openSecretValue(ctx: Context, secret: AgentSecret): string | null | Promise<string | null> {
  if (secret.echo !== undefined) return secret.echo;
  if (secret.valueRevision === null) return null;
  if (!secret.sealedValue) throw valueDestroyed();
  const { valueRevision, sealedValue, planned } = secret;
  // A list that has read a value has read its type, too.
  const place = secret as AgentSecret & { secretType: string };
  return openSealedValue(ctx, planned ? { ...place, revision: valueRevision } : place, sealedValue);
}

/** Bytes of the texts and values that a row of secrets holds. */
export function bytesOf({
  path,
  secretType,
  sealedValue,
}: Pick<AgentSecret, 'path' | 'secretType' | 'sealedValue'>): number {
  return path.length + (secretType?.length ?? 0) + (sealedValue?.length ?? 0);
}

export function stateOf({ id, at }: Environment) {
  return { environmentId: id, at };
}

/** Marks a secret that was read as of an earlier revision of its environment. */
export function within<Row extends object>(environment: Environment, row: Row): Row & { isPast?: boolean } {
  return environment.at === undefined ? row : { ...row, isPast: true };
}
