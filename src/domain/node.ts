// Looks up any object of the domain by its global id. Ids that do not exist or are not visible to the caller yield
// null, never an error.
import { AppError } from '../errors/errors.js';
import { invalidRequest } from '../errors/refusals.js';
import { uuidFrom } from '../ids/uuid.js';
import { hasSliceTime, nextSlice } from '../scheduling/time-slice.js';
import { findNodeKinds, type NodeKind } from '../store/node.js';
import { getTokens } from './access/token.js';
import { actorOf } from './request/actor.js';
import type { Context } from './request/context.js';
import { spendItems } from './request/item-budget.js';
import { MAX_PAGE_SIZE } from './request/page.js';
import { getAgentSecrets } from './secrets/agent-secret.js';
import { getAccounts } from './tenancy/account.js';
import { getApplications } from './tenancy/application.js';
import { getEnvironments } from './tenancy/environment.js';
import { getEnvironmentShares } from './tenancy/environment-share.js';
import { getPlans } from './tenancy/plan.js';

/**
 * Batch readers by kind of node. Each returns results in the order of the ids, with an error or null for every id that
 * the caller may not see.
 */
const getters = {
  agentSecret: getAgentSecrets,
  environment: getEnvironments,
  application: getApplications,
  account: getAccounts,
  environmentShare: getEnvironmentShares,
  token: getTokens,
  plan: getPlans,
} satisfies Record<NodeKind, (ctx: Context, ids: readonly string[]) => Promise<unknown[]>>;

type Found<K extends NodeKind> = Exclude<Awaited<ReturnType<(typeof getters)[K]>>[number], Error | null>;
export type Node = { [K in NodeKind]: { kind: K; value: Found<K> } }[NodeKind];

/** The nodes in the order of the ids. Throws INVALID_REQUEST for more ids than one page may have. */
export async function getNodes(ctx: Context, ids: readonly string[]): Promise<(Node | null)[]> {
  actorOf(ctx);
  if (ids.length > MAX_PAGE_SIZE) throw invalidRequest(`ids: expected ${MAX_PAGE_SIZE} ids at most`);
  spendItems(ctx, ids.length);
  const nodes = await findNodes(ctx, ids);
  // One that is named often is read once, and shown as often.
  while (!hasSliceTime(ids.length)) await nextSlice(actorOf(ctx).accountId);
  return nodes;
}

/** The node with this id together with its kind, or null. */
export async function getNode(ctx: Context, id: string): Promise<Node | null> {
  actorOf(ctx);
  return (await findNodes(ctx, [id]))[0] ?? null;
}

/**
 * One query finds the kinds of all ids; then one query per kind reads its nodes. An id that is not a UUID belongs to no
 * node.
 */
async function findNodes(ctx: Context, ids: readonly string[]): Promise<(Node | null)[]> {
  const uuids = ids.map(uuidFrom);
  const distinct = [...new Set(uuids)].filter((id) => id !== undefined);
  const nodes = new Map<string, Node>();
  if (distinct.length > 0) {
    const idsByKind = new Map<NodeKind, string[]>();
    for (const { id, kind } of await findNodeKinds(ctx.services.db, distinct)) {
      idsByKind.set(kind, [...(idsByKind.get(kind) ?? []), id]);
    }
    await Promise.all(
      [...idsByKind].map(async ([kind, idsOfKind]) => {
        const values = await getters[kind](ctx, idsOfKind);
        for (const [index, id] of idsOfKind.entries()) {
          const value = values[index];
          if (value instanceof Error) throwUnlessHidden(value);
          else if (value) nodes.set(id, { kind, value } as Node);
        }
      }),
    );
  }
  return uuids.map((id) => (id === undefined ? null : (nodes.get(id) ?? null)));
}

function throwUnlessHidden(error: Error): void {
  const isHidden = error instanceof AppError && (error.code.endsWith('NOT_FOUND') || error.code === 'AUTH_FORBIDDEN');
  if (!isHidden) throw error;
}
