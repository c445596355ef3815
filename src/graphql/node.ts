// The query fields `node` and `nodes`: any object that implements `Node`, by its id.

import { getNode, getNodes, type Node } from '../domain/node.js';
import { MAX_PAGE_SIZE } from '../domain/request/page.js';
import { builder } from './builder/builder.js';
import { NodeRef } from './builder/refs.js';

const TYPE_NAMES: Record<Node['kind'], string> = {
  agentSecret: 'AgentSecret',
  agentSecretRevision: 'AgentSecretRevision',
  environment: 'Environment',
  environmentSnapshot: 'EnvironmentSnapshot',
  application: 'Application',
  account: 'Account',
  environmentShare: 'EnvironmentShare',
  token: 'Token',
  plan: 'Plan',
};

/** Adds `__typename`, from which GraphQL resolves the concrete type of an interface. */
function withTypeName(node: Node | null) {
  return node && { ...node.value, __typename: TYPE_NAMES[node.kind] };
}

builder.queryFields((t) => ({
  node: t.field({
    type: NodeRef,
    nullable: true,
    description: 'Anything by its id; null when it does not exist or is none of the caller’s business.',
    args: { id: t.arg.id({ required: true, description: 'As `id` shows it.' }) },
    resolve: (_, { id }, ctx) => getNode(ctx, id).then(withTypeName),
  }),
  nodes: t.field({
    type: [NodeRef],
    nullable: { list: false, items: true },
    description: `The same for several ids (${MAX_PAGE_SIZE} at most), in their order.`,
    args: { ids: t.arg.idList({ required: true, description: 'As `id` shows them.' }) },
    resolve: (_, { ids }, ctx) => getNodes(ctx, ids).then((nodes) => nodes.map(withTypeName)),
  }),
}));
