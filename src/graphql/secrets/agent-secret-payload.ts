// What mutations of one secret answer: the interface AgentSecretPayload, and how its types are made.
import type { Context } from '../../domain/request/context.js';
import type { AgentSecret } from '../../domain/secrets/agent-secret.js';
import { edgeByPath } from '../../domain/secrets/agent-secret-page.js';
import type { AgentSecretRevision } from '../../domain/secrets/agent-secret-revision.js';
import { notFound } from '../../errors/refusals.js';
import { builder } from '../builder/builder.js';
import { loadEnvironment } from '../builder/loaders.js';
import { AgentSecretRef, AgentSecretRevisionRef, EnvironmentRef } from '../builder/refs.js';
import { AgentSecretEdge } from './agent-secret-list.js';
import { presentOf } from './agent-secret-revision.js';

const AgentSecretPayload = builder.interfaceRef<AgentSecretRevision>('AgentSecretPayload').implement({
  description: 'What every write of one secret answers when it was done.',
  fields: (t) => ({
    agentSecret: t.field({
      type: AgentSecretRef,
      description: 'The secret as it is now. A repeated request may find it at a later revision than its own.',
      resolve: (written, _, ctx) => presentAfter(ctx, written),
    }),
    agentSecretRevision: t.field({
      type: AgentSecretRevisionRef,
      description: 'The revision that the request made, also where it was repeated.',
      resolve: (written) => written,
    }),
    environment: t.field({
      type: EnvironmentRef,
      nullable: true,
      description: 'Its environment as it is now; null when the caller may no longer see it.',
      resolve: ({ environmentId }, _, ctx) => loadEnvironment(ctx, environmentId),
    }),
  }),
});

/** The payload of a mutation of one secret, to which more fields can be added. */
export function agentSecretPayload(name: string, description: string) {
  return builder.objectRef<AgentSecretRevision>(name).implement({ description, interfaces: [AgentSecretPayload] });
}

/** Adds the edge to a payload after which a list may have one secret more. */
export function withEdge(payload: ReturnType<typeof agentSecretPayload>) {
  builder.objectField(payload, 'agentSecretEdge', (t) =>
    t.field({
      type: AgentSecretEdge,
      description: 'The secret in the list by path, for clients that add it to a list themselves.',
      resolve: async (written, _, ctx) => edgeByPath(await presentAfter(ctx, written)),
    }),
  );
  return payload;
}

async function presentAfter(ctx: Context, written: AgentSecretRevision): Promise<AgentSecret> {
  const present = await presentOf(ctx, written);
  if (!present) throw notFound('agentSecret', written.id);
  // A repeated request: where nobody has written since, it still has the value that the caller has just sent.
  return present !== written && present.revision === written.revision ? { ...present, echo: written.echo } : present;
}
