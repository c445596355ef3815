// The GraphQL type AgentSecret: its fields, and the query for one secret by its id.
import { getAgentSecret } from '../../domain/secrets/agent-secret.js';
import { builder } from '../builder/builder.js';
import { loadAccountName, loadEnvironment } from '../builder/loaders.js';
import { AccountNameRef, AgentSecretRef, AgentSecretStateRef, EnvironmentRef, NodeRef } from '../builder/refs.js';
import { openedDocument } from './agent-secret-state.js';

AgentSecretRef.implement({
  description: 'A typed secret at a path of an environment as it is now, changed only by revision-checked writes.',
  interfaces: [NodeRef, AgentSecretStateRef],
  fields: (t) => ({
    environmentId: t.expose('environmentId', { type: 'UUID', description: 'The id of its environment.' }),
    environment: t.field({
      type: EnvironmentRef,
      description: 'Its environment.',
      resolve: (secret, _, ctx) => loadEnvironment(ctx, secret.environmentId),
    }),
    document: t.field({
      type: 'AgentSecretDocument',
      nullable: true,
      description:
        'The secret with its value opened, in one piece as REST answers it; null, and the error of `secretValue`, where that has one.',
      resolve: (secret, _, ctx) => openedDocument(ctx, secret),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTimeISO', description: 'When it was created.' }),
    createdBy: t.field({
      type: AccountNameRef,
      description: 'Who created it.',
      resolve: (secret, _, ctx) => loadAccountName(ctx, secret.createdBy),
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTimeISO', description: 'When it was last written.' }),
    updatedBy: t.field({
      type: AccountNameRef,
      description: 'Who wrote it last.',
      resolve: (secret, _, ctx) => loadAccountName(ctx, secret.updatedBy),
    }),
    deletedAt: t.field({
      type: 'DateTimeISO',
      nullable: true,
      description: 'When it was deleted; null for one that is not.',
      resolve: ({ deletedAt }) => deletedAt ?? null,
    }),
  }),
});

builder.queryFields((t) => ({
  agentSecret: t.field({
    type: AgentSecretRef,
    nullable: true,
    description: 'A secret by its id; the error AGENT_SECRET_NOT_FOUND when the caller may not see it.',
    args: { id: t.arg({ type: 'UUID', required: true, description: 'The secret’s id.' }) },
    resolve: (_, { id }, ctx) => getAgentSecret(ctx, id),
  }),
}));
