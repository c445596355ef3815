// Looks up any object of the domain by its global id, or what it was at one of its revisions. Ids that do not exist or are
// not visible to the caller yield null, never an error.
import { AppError } from '../errors/errors.js';
import { invalidRequest } from '../errors/refusals.js';
import { type Moment, momentFrom, momentId } from '../ids/moment-id.js';
import { uuidFrom } from '../ids/uuid.js';
import { hasSliceTime, nextSlice } from '../scheduling/time-slice.js';
import { findNodeKinds, type NodeKind } from '../store/node.js';
import { getTokens } from './access/token.js';
import { actorOf } from './request/actor.js';
import type { Context } from './request/context.js';
import { spendItems } from './request/item-budget.js';
import { MAX_PAGE_SIZE } from './request/page.js';
import { getAgentSecrets } from './secrets/agent-secret.js';
import { getAgentSecretRevisions } from './secrets/agent-secret-revision.js';
import { getAccounts } from './tenancy/account.js';
import { getApplications } from './tenancy/application.js';
import { getEnvironments } from './tenancy/environment.js';
import { getEnvironmentSnapshots } from './tenancy/environment-at.js';
import { getEnvironmentShares } from './tenancy/environment-share.js';
import { getPlans } from './tenancy/plan.js';

/**
 * Batch readers by kind of node. Each returns results in the order of the ids, with an error or null for every id that
 * the caller may not see.
 */
const getters = {
  agentSecret: getAgentSecrets,
  agentSecretRevision: (ctx: Context, ids: readonly string[]) => getAgentSecretRevisions(ctx, ids.map(knownMoment)),
  environment: getEnvironments,
  environmentSnapshot: (ctx: Context, ids: readonly string[]) => getEnvironmentSnapshots(ctx, ids.map(knownMoment)),
  application: getApplications,
  account: getAccounts,
  environmentShare: getEnvironmentShares,
  token: getTokens,
  plan: getPlans,
} satisfies Record<string, (ctx: Context, ids: readonly string[]) => Promise<unknown[]>>;
type Kind = keyof typeof getters;

/** What things were at one of their revisions, by the kind of thing. */
const PAST: Partial<Record<NodeKind, Kind>> = {
  agentSecret: 'agentSecretRevision',
  environment: 'environmentSnapshot',
};

type Found<K extends Kind> = Exclude<Awaited<ReturnType<(typeof getters)[K]>>[number], Error | null>;
export type Node = { [K in Kind]: { kind: K; value: Found<K> } }[Kind];

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
 * One query finds the kinds of all ids; then one query per kind reads its nodes. An id of another form belongs to no
 * node.
 */
async function findNodes(ctx: Context, ids: readonly string[]): Promise<(Node | null)[]> {
  const names = ids.map((id) => uuidFrom(id) ?? canonicalMoment(id));
  const distinct = [...new Set(names)].filter((name) => name !== undefined);
  const nodes = new Map<string, Node>();
  if (distinct.length > 0) {
    const kinds = await kindsOf(ctx, [...new Set(distinct.map(subjectOf))]);
    const idsByKind = new Map<Kind, string[]>();
    for (const name of distinct) {
      const subject = subjectOf(name);
      const subjectKind = kinds.get(subject);
      const kind = subjectKind && (name === subject ? subjectKind : PAST[subjectKind]);
      if (kind) idsByKind.set(kind, [...(idsByKind.get(kind) ?? []), name]);
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
  return names.map((name) => (name === undefined ? null : (nodes.get(name) ?? null)));
}

async function kindsOf(ctx: Context, ids: readonly string[]): Promise<Map<string, NodeKind>> {
  return new Map((await findNodeKinds(ctx.services.db, ids)).map(({ id, kind }) => [id, kind]));
}

function canonicalMoment(text: string): string | undefined {
  const moment = momentFrom(text);
  return moment && momentId(moment);
}

/** The UUID that an id begins with. */
function subjectOf(name: string): string {
  return name.slice(0, 36);
}

function knownMoment(name: string): Moment {
  return momentFrom(name) as Moment;
}

function throwUnlessHidden(error: Error): void {
  const isHidden = error instanceof AppError && (error.code.endsWith('NOT_FOUND') || error.code === 'AUTH_FORBIDDEN');
  if (!isHidden) throw error;
}
