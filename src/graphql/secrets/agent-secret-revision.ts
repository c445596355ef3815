// The GraphQL type AgentSecretRevision: one write in the history of a secret.

import type { Context } from '../../domain/request/context.js';
import { valueStateOf } from '../../domain/secrets/agent-secret.js';
import {
  type AgentSecretRevision,
  listAgentSecretRevisions,
  secretOf,
} from '../../domain/secrets/agent-secret-revision.js';
import { builder } from '../builder/builder.js';
import { loadStoredValue } from '../builder/loaders.js';
import { AccountNameRef, AgentSecretRef, AgentSecretRevisionRef } from '../builder/refs.js';
import { answered, asRaw, failed, ValueStateRef } from './agent-secret.js';

const ChangeRef = builder.enumType('AgentSecretChangeKind', {
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
  description: 'One write of a secret, as the environment’s log has it.',
  fields: (t) => ({
    revision: t.expose('revision', { type: 'Revision', description: 'The secret’s revision since this write.' }),
    environmentRevision: t.expose('environmentRevision', {
      type: 'Revision',
      description: 'The environment’s revision since this write: its place in the log.',
    }),
    change: t.expose('change', { type: ChangeRef, description: 'What the write did.' }),
    at: t.expose('at', { type: 'DateTimeISO', description: 'When it was made.' }),
    by: t.field({
      type: AccountNameRef,
      description: 'Who made it.',
      resolve: ({ accountId }) => ({ id: accountId }),
    }),
    destroyedRevision: t.expose('destroyedRevision', {
      type: 'Revision',
      nullable: true,
      description: 'The revision that had set the value which this write erased; null unless it erased one.',
    }),
    agentSecret: t.field({
      type: AgentSecretRef,
      description: 'The secret as this write left it.',
      resolve: secretOf,
    }),
    valueState: t.field({
      type: ValueStateRef,
      description: 'Tells a null `secretValue` from another.',
      resolve: (revision) => valueStateOf(secretOf(revision)),
    }),
    secretValue: t.field({
      type: 'SecretValue',
      nullable: true,
      description:
        'The value the secret had since this write, opened because it is selected. The error AGENT_SECRET_VALUE_DESTROYED where it was erased, AGENT_SECRET_VALUE_UNREADABLE where it cannot be opened.',
      resolve: async (revision, _, ctx) => asRaw(await valueText(ctx, revision)),
    }),
    secretValueText: t.string({
      nullable: true,
      description: 'The value as exact JSON text; null without one.',
      resolve: (revision, _, ctx) => valueText(ctx, revision),
    }),
  }),
});

async function valueText(ctx: Context, revision: AgentSecretRevision): Promise<string | null> {
  if (revision.valueRevision === null || ctx.operation?.refusal) return null;
  const text = loadStoredValue(ctx, secretOf(revision));
  return text.then(
    (opened) => answered(ctx, opened),
    (error: unknown) => failed(ctx, error),
  );
}

builder.objectFields(AgentSecretRef, (t) => ({
  revisions: t.connection(
    {
      type: AgentSecretRevisionRef,
      description: 'Its writes, newest first, up to the revision it was read at.',
      resolve: (secret, args, ctx) => listAgentSecretRevisions(ctx, secret, args),
    },
    { name: 'AgentSecretRevisionConnection', description: 'A page of writes.' },
    { name: 'AgentSecretRevisionEdge', description: 'A write and its place in the history.' },
  ),
}));
