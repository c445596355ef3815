// The noun behind any id. What the caller may not see, or what is not there, is null here and never an error.
import { AppError, invalidRequest } from '../errors.js';
import { findNodeKind, type NodeKind } from '../store/node.js';
import { getAccount } from './account.js';
import { getAgentSecret } from './agent-secret.js';
import { getApplication } from './application.js';
import { actorOf, type Context } from './context.js';
import { getEnvironment } from './environment.js';
import { getEnvironmentShare } from './environment-share.js';
import { MAX_PAGE_SIZE } from './page.js';
import { getPlan } from './plan.js';
import { spendItems } from './read-budget.js';
import { getToken } from './token.js';

const getters = {
  agentSecret: getAgentSecret,
  environment: (ctx: Context, id: string) => getEnvironment(ctx, id),
  application: getApplication,
  account: getAccount,
  environmentShare: getEnvironmentShare,
  token: getToken,
  plan: getPlan,
} satisfies Record<NodeKind, (ctx: Context, id: string) => Promise<unknown>>;

export type Node = { [K in NodeKind]: { kind: K; value: Awaited<ReturnType<(typeof getters)[K]>> } }[NodeKind];

/** Several at once, in the order of the ids. INVALID_REQUEST for more than a page. */
export function getNodes(ctx: Context, ids: readonly string[]): Promise<(Node | null)[]> {
  actorOf(ctx);
  if (ids.length > MAX_PAGE_SIZE) throw invalidRequest(`ids: expected ${MAX_PAGE_SIZE} ids at most`);
  spendItems(ctx, ids.length);
  return Promise.all(ids.map((id) => getNode(ctx, id)));
}

/** The node of an id with its kind, or null. Ids that are no UUIDs belong to nothing. */
export async function getNode(ctx: Context, id: string): Promise<Node | null> {
  actorOf(ctx);
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return null;
  const kind = await findNodeKind(ctx.services.db, id.toLowerCase());
  if (!kind) return null;
  try {
    return { kind, value: await getters[kind](ctx, id.toLowerCase()) } as Node;
  } catch (error) {
    if (error instanceof AppError && (error.code.endsWith('NOT_FOUND') || error.code === 'AUTH_FORBIDDEN')) return null;
    throw error;
  }
}
