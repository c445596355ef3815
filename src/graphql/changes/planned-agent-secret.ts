// The GraphQL type PlannedAgentSecret: a secret as a change would leave it that was not written.
import type { AgentSecret } from '../../domain/secrets/agent-secret.js';
import { builder } from '../builder/builder.js';
import { loadAgentSecret } from '../builder/loaders.js';
import { AgentSecretRef, AgentSecretStateRef } from '../builder/refs.js';
import { ChangeRef } from '../secrets/agent-secret-revision.js';

type Planned = AgentSecret & Required<Pick<AgentSecret, 'planned'>>;

export const PlannedAgentSecret = builder.objectRef<Planned>('PlannedAgentSecret').implement({
  description: 'A secret as a change would leave it, which was not written: in a dry run, or next to a refused change.',
  interfaces: [AgentSecretStateRef],
  fields: (t) => ({
    agentSecret: t.field({
      type: AgentSecretRef,
      nullable: true,
      description: 'The secret as it is now; null for one that would be new.',
      resolve: ({ id, planned }, _, ctx) => (planned.isNew ? null : loadAgentSecret(ctx, id)),
    }),
    change: t.field({
      type: ChangeRef,
      description: 'What the change would do.',
      resolve: ({ planned }) => planned.change,
    }),
  }),
});
