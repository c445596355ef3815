// The GraphQL type AgentSecretRevision: one write of a secret and the state that it left, for good.

import type { Context } from '../../domain/request/context.js';
import {
  type AgentSecretRevision,
  getAgentSecretRevision,
  type LoggedWrite,
  listAgentSecretRevisions,
} from '../../domain/secrets/agent-secret-revision.js';
import { momentId } from '../../ids/moment-id.js';
import { builder } from '../builder/builder.js';
import { loadAgentSecret, loadEnvironment, loadLoggedWrite } from '../builder/loaders.js';
import {
  AccountNameRef,
  AgentSecretRef,
  AgentSecretRevisionRef,
  AgentSecretStateRef,
  EnvironmentRef,
  NodeRef,
} from '../builder/refs.js';
import { openedDocument } from './agent-secret-state.js';

export const ChangeRef = builder.enumType('AgentSecretChangeKind', {
  description: 'What a write did to a secret.',
  values: {
    CREATED: { value: 'created', description: 'It came into being.' },
    UPDATED: { value: 'updated', description: 'Its value was set, or kept while the revision grew.' },
    VALUE_REMOVED: { value: 'value_removed', description: 'Its value was unset.' },
    DELETED: { value: 'deleted', description: 'It was deleted.' },
    RESTORED: {
      value: 'restored',
      description: 'It went back to the value of an old revision, perhaps out of deletion.',
    },
    VALUE_DESTROYED: {
      value: 'value_destroyed',
      description: 'The value of an old revision, `destroyedRevision`, was erased for good.',
    },
  } as const,
});

AgentSecretRevisionRef.implement({
  description:
    'One write of a secret, as the environment’s log has it, and the state that it left. It never changes, except that its value may be erased.',
  interfaces: [NodeRef, AgentSecretStateRef],
  fields: (t) => ({
    id: t.id({ description: 'The secret’s id, a colon, and the revision.', resolve: momentId }),
    agentSecretId: t.expose('id', { type: 'UUID', description: 'The id of the secret.' }),
    agentSecret: t.field({
      type: AgentSecretRef,
      nullable: true,
      description: 'The secret as it is now, deleted or not; null when the caller may no longer see it.',
      resolve: (revision, _, ctx) => presentOf(ctx, revision),
    }),
    environmentId: t.expose('environmentId', { type: 'UUID', description: 'The id of the environment.' }),
    environment: t.field({
      type: EnvironmentRef,
      description: 'The environment as it is now.',
      resolve: ({ environmentId }, _, ctx) => loadEnvironment(ctx, environmentId),
    }),
    environmentRevision: t.field({
      type: 'Revision',
      description: 'The environment’s revision since this write: its place in the log.',
      resolve: (revision, _, ctx) => logged(ctx, revision, ({ environmentRevision }) => environmentRevision),
    }),
    change: t.field({
      type: ChangeRef,
      description: 'What the write did.',
      resolve: (revision, _, ctx) => logged(ctx, revision, ({ change }) => change),
    }),
    destroyedRevision: t.field({
      type: 'Revision',
      nullable: true,
      description: 'The revision that had set the value which this write erased; null unless it erased one.',
      resolve: (revision, _, ctx) => logged(ctx, revision, ({ destroyedRevision }) => destroyedRevision),
    }),
    at: t.expose('updatedAt', { type: 'DateTimeISO', description: 'When it was made.' }),
    by: t.field({
      type: AccountNameRef,
      description: 'Who made it.',
      resolve: ({ updatedBy }) => ({ id: updatedBy }),
    }),
    deletedAt: t.field({
      type: 'DateTimeISO',
      nullable: true,
      description: 'When the secret had been deleted; null where this write left it alive.',
      resolve: ({ deletedAt }) => deletedAt ?? null,
    }),
    document: t.field({
      type: 'AgentSecretDocument',
      nullable: true,
      description:
        'The secret as this write left it with its value opened, in one piece as REST answers it; null, and the error of `secretValue`, where that has one.',
      resolve: (revision, _, ctx) => openedDocument(ctx, revision),
    }),
  }),
});

/** What a write of this request has left is the present; what comes from the log may have been written since. */
export function presentOf(ctx: Context, revision: AgentSecretRevision) {
  return revision.isPast ? loadAgentSecret(ctx, revision.id) : revision;
}

function logged<T>(ctx: Context, revision: AgentSecretRevision, show: (write: LoggedWrite) => T): T | Promise<T> {
  return revision.logged ? show(revision.logged) : loadLoggedWrite(ctx, revision).then(show);
}

/** Of a page that can count its list. */
export function totalCountOf(page: unknown): number | Promise<number> {
  return (page as { totalCount(): number | Promise<number> }).totalCount();
}

export const AgentSecretRevisionConnection = builder.connectionObject(
  {
    type: AgentSecretRevisionRef,
    name: 'AgentSecretRevisionConnection',
    description: 'A page of revisions.',
    fields: (connection) => ({
      totalCount: connection.field({
        type: 'Int',
        description: 'How many there are on all pages together.',
        resolve: totalCountOf,
      }),
    }),
  },
  { name: 'AgentSecretRevisionEdge', description: 'A revision and its place in the list.' },
);

for (const [ref, description] of [
  [AgentSecretRef, 'Its writes, newest first.'],
  [AgentSecretRevisionRef, 'The secret’s writes up to this one, newest first.'],
] as const) {
  builder.objectFields(ref, (t) => ({
    revisions: t.connection(
      {
        type: AgentSecretRevisionRef,
        description,
        resolve: (secret, args, ctx) => listAgentSecretRevisions(ctx, secret, args),
      },
      AgentSecretRevisionConnection,
    ),
  }));
}

builder.queryFields((t) => ({
  agentSecretRevision: t.field({
    type: AgentSecretRevisionRef,
    nullable: true,
    description:
      'A secret as one of its revisions left it, also when it has been deleted since. The error AGENT_SECRET_NOT_FOUND when the caller may not see the secret, AGENT_SECRET_REVISION_NOT_FOUND when it has no such revision.',
    args: {
      id: t.arg({ type: 'UUID', required: true, description: 'The secret’s id.' }),
      revision: t.arg({ type: 'Revision', required: true, description: 'Which of its revisions.' }),
    },
    resolve: (_, { id, revision }, ctx) => getAgentSecretRevision(ctx, id, revision),
  }),
}));
