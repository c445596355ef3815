// Lists the secrets of an environment page by page, filtered and in any of the orders.
import {
  type AgentSecretFilter,
  type AgentSecretSortField,
  countAgentSecrets,
  findAgentSecrets,
} from '../../store/secrets/agent-secret-page.js';
import { MAX_INLINE_BYTES } from '../../store/secrets/inline-values.js';
import { authorize } from '../access/permissions.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { readCounted, spendItems } from '../request/item-budget.js';
import { storableMoment } from '../request/moment.js';
import {
  edgesBy,
  idKey,
  momentKey,
  type Page,
  type PageArguments,
  pageOf,
  pageRequest,
  stringKey,
} from '../request/page.js';
import { storableText } from '../request/storable-text.js';
import type { Environment } from '../tenancy/environment.js';
import { MAX_PATH_BYTES } from '../types/secret-path.js';
import { type AgentSecret, bytesOf, stateOf, within } from './agent-secret.js';

export interface AgentSecretQuery extends PageArguments {
  filter?:
    | {
        deleted?: boolean | null | undefined;
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
  /** The number of secrets that match the filter, on all pages together. */
  totalCount(): Promise<number>;
}

/** One page of the environment's secrets. */
export async function listAgentSecrets(
  ctx: Context,
  environment: Environment,
  query: AgentSecretQuery,
): Promise<AgentSecretConnection> {
  authorize(ctx, environment, 'ViewAgentSecret');
  const { db } = ctx.services;
  const field = query.orderBy?.field ?? 'path';
  const request = pageRequest(query, (json) => readCursorKey(json, field));
  const filter = { ...storableFilter(query.filter), pathsWithin: actorOf(ctx).grant.pathPrefixes ?? undefined };
  spendItems(ctx, request.size);
  const page = {
    filter,
    field,
    descending: (query.orderBy?.direction === 'DESC') !== request.backward,
    // When reading backward, `before` is the limit that comes first in the reading direction.
    after: request.backward ? request.before : request.after,
    before: request.backward ? request.after : request.before,
    limit: request.size + 1,
  };
  const most = { rows: page.limit, rowBytes: MAX_PATH_BYTES, sharedBytes: MAX_INLINE_BYTES };
  const rows = await readCounted(ctx, most, () => findAgentSecrets(db, stateOf(environment), page), bytesOf);
  const secrets = rows.map((row) => within(environment, row));
  return {
    ...pageOf(request, secrets, cursorKey(field)),
    totalCount: () => countAgentSecrets(db, stateOf(environment), filter),
  };
}

/** The secret as it stands in the list by path. */
export const edgeByPath = edgesBy(cursorKey('path'));

function cursorKey(field: AgentSecretSortField) {
  return (secret: AgentSecret) => [field, keyOf(secret, field), secret.id];
}

function keyOf(secret: AgentSecret, field: AgentSecretSortField): string {
  return field === 'path' ? secret.path : secret[field].toISOString();
}

/** A cursor contains the sort field of its list, because it marks no position in a list with another order. */
function readCursorKey(json: unknown, field: AgentSecretSortField): { key: string; id: string } | undefined {
  if (!Array.isArray(json) || json.length !== 3 || json[0] !== field) return undefined;
  const key = field === 'path' ? stringKey(json[1]) : momentKey(json[1]);
  const id = idKey(json[2]);
  return key === undefined || id === undefined ? undefined : { key, id };
}

function storableFilter(filter: AgentSecretQuery['filter']): AgentSecretFilter {
  return {
    deleted: filter?.deleted ?? false,
    pathPrefix: filter?.pathPrefix == null ? undefined : storableText(filter.pathPrefix),
    hasValue: filter?.hasValue ?? undefined,
    typeKinds: filter?.typeKinds == null ? undefined : [...new Set(filter.typeKinds)],
    updatedSince: filter?.updatedSince == null ? undefined : storableMoment(filter.updatedSince),
  };
}
