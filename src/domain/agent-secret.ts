// Reading secrets: by id, by path, in pages, whole environments. Writing them is agent-secret-write.ts.
import { openValue, sealedKeyVersion } from '../crypto/sealing.js';
import { invalidRequest, notFound } from '../errors.js';
import {
  type AgentSecretFilter,
  type AgentSecretRow,
  type AgentSecretSortField,
  countAgentSecrets,
  findAgentSecret,
  findAgentSecretByPath,
  findAgentSecrets,
  findAllAgentSecrets,
} from '../store/agent-secret.js';
import { authorize, may, rolesOf } from './access.js';
import { actorOf, type Context } from './context.js';
import type { Environment } from './environment.js';
import { storableMoment } from './moment.js';
import { idPlace, momentPlace, type Page, type PageArguments, pageOf, pageRequest, stringPlace } from './page.js';
import { spendItems } from './read-budget.js';
import { canonicalPath } from './secret-path.js';

/** A secret as the caller may see it. The value stays sealed until `openSecretValue`. */
export interface AgentSecret extends AgentSecretRow {
  /** The value's canonical JSON text where the caller has just sent it: an echo needs no opening. */
  echo?: string | null;
}

/** AGENT_SECRET_NOT_FOUND for whoever may not see it, viewers included. */
export async function getAgentSecret(ctx: Context, id: string): Promise<AgentSecret> {
  const actor = actorOf(ctx);
  const row = await findAgentSecret(ctx.services.db, id, actor.accountId);
  if (!row || !may(rolesOf(actor, row), 'ViewAgentSecret')) throw notFound('agentSecret', id);
  return row;
}

export interface AgentSecretPlace {
  /** Segments in any casing; converted. */
  path?: readonly string[] | null | undefined;
  /** The dotted canonical path as the service shows it; taken as it is (the conversion is not idempotent). */
  pathText?: string | null | undefined;
}

/** The secret at a path, or null. INVALID_REQUEST unless exactly one of `path` and `pathText` is given. */
export async function getAgentSecretByPath(
  ctx: Context,
  environment: Environment,
  place: AgentSecretPlace,
): Promise<AgentSecret | null> {
  authorize(environment, 'ViewAgentSecret');
  if ((place.path == null) === (place.pathText == null)) {
    throw invalidRequest('expected exactly one of path and pathText');
  }
  const path = place.path != null ? canonicalPath(place.path).text : (place.pathText as string);
  return (await findAgentSecretByPath(ctx.services.db, environment.id, storable(path))) ?? null;
}

/** Every secret of the environment by path; bounded by the plan's secrets per environment. */
export async function listAllAgentSecrets(ctx: Context, environment: Environment): Promise<AgentSecret[]> {
  authorize(environment, 'ViewAgentSecret');
  spendItems(ctx, Math.max(1, environment.secretCount));
  return findAllAgentSecrets(ctx.services.db, environment.id);
}

export interface AgentSecretQuery extends PageArguments {
  filter?:
    | {
        pathPrefix?: string | null | undefined;
        hasValue?: boolean | null | undefined;
        typeKinds?: readonly string[] | null | undefined;
        updatedSince?: Date | null | undefined;
      }
    | null
    | undefined;
  orderBy?: { field: AgentSecretSortField; direction: 'ASC' | 'DESC' } | null | undefined;
}

export interface AgentSecretConnection extends Page<AgentSecret> {
  /** All secrets that match the filter, on any page. */
  totalCount(): Promise<number>;
}

/** One page of the environment's secrets. */
export async function listAgentSecrets(
  ctx: Context,
  environment: Environment,
  query: AgentSecretQuery,
): Promise<AgentSecretConnection> {
  authorize(environment, 'ViewAgentSecret');
  const { db } = ctx.services;
  const field = query.orderBy?.field ?? 'path';
  const request = pageRequest(query, (json) => readPlace(json, field));
  spendItems(ctx, request.size);
  const filter = storableFilter(query.filter);
  const rows = await findAgentSecrets(db, {
    environmentId: environment.id,
    filter,
    field,
    descending: (query.orderBy?.direction === 'DESC') !== request.backward,
    // Read backward, "before" is what lies ahead in reading direction.
    after: request.backward ? request.before : request.after,
    before: request.backward ? request.after : request.before,
    limit: request.size + 1,
  });
  return {
    ...pageOf(request, rows, (secret) => [field, keyOf(secret, field), secret.id]),
    totalCount: () => countAgentSecrets(db, environment.id, filter),
  };
}

/**
 * The value's canonical JSON text, or null without a value. A promise only when the environment's keys are not in memory.
 * Rejects with SealError when the stored bytes are not what was sealed for this secret.
 */
export function openSecretValue(ctx: Context, secret: AgentSecret): string | null | Promise<string | null> {
  if (secret.echo !== undefined) return secret.echo;
  if (secret.sealedValue === null) return null;
  const keys = ctx.services.keys.keysOf(secret.environmentId);
  if (!(keys instanceof Promise) && keys.has(sealedKeyVersion(secret.sealedValue))) return open(secret, keys);
  return openWithFreshKeys(ctx, secret);
}

async function openWithFreshKeys(ctx: Context, secret: AgentSecret): Promise<string | null> {
  const keys = await ctx.services.keys.keysOf(secret.environmentId);
  const version = sealedKeyVersion(secret.sealedValue as Uint8Array);
  // Another instance may have made a newer key since this one loaded the environment's keys.
  return open(secret, keys.has(version) ? keys : await ctx.services.keys.reload(secret.environmentId));
}

function open(secret: AgentSecret, keys: { data(version: number): Parameters<typeof openValue>[0] }): string {
  const sealed = secret.sealedValue as Uint8Array;
  return openValue(
    keys.data(sealedKeyVersion(sealed)),
    {
      environmentId: secret.environmentId,
      agentSecretId: secret.id,
      revision: secret.valueRevision as bigint,
    },
    sealed,
  );
}

function keyOf(secret: AgentSecret, field: AgentSecretSortField): string {
  return field === 'path' ? secret.path : secret[field].toISOString();
}

/** A cursor of this list names the order it was made for; in another order it would name no place. */
function readPlace(json: unknown, field: AgentSecretSortField): { key: string; id: string } | undefined {
  if (!Array.isArray(json) || json.length !== 3 || json[0] !== field) return undefined;
  const key = field === 'path' ? stringPlace(json[1]) : momentPlace(json[1]);
  const id = idPlace(json[2]);
  return key === undefined || id === undefined ? undefined : { key, id };
}

function storableFilter(filter: AgentSecretQuery['filter']): AgentSecretFilter {
  return {
    pathPrefix: filter?.pathPrefix == null ? undefined : storable(filter.pathPrefix),
    hasValue: filter?.hasValue ?? undefined,
    typeKinds: filter?.typeKinds ?? undefined,
    updatedSince: filter?.updatedSince == null ? undefined : storableMoment(filter.updatedSince),
  };
}

/** Postgres text cannot hold U+0000; no path has one, so what has one may as well look for something else impossible. */
function storable(text: string): string {
  return text.replaceAll('\0', '\u{FFFD}');
}
