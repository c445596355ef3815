// The GraphQL type SecretRead: the audit records of opened secret values.

import { listSecretReads, type SecretRead } from '../../domain/reads/secret-read.js';
import { segmentsOf } from '../../domain/types/secret-path.js';
import { builder } from '../builder/builder.js';
import { loadAccountName, loadAgentSecret, loadLastRead, loadToken } from '../builder/loaders.js';
import { AccountNameRef, AgentSecretRef, EnvironmentRef, TokenRef } from '../builder/refs.js';

const SecretReadRef = builder.objectRef<SecretRead>('SecretRead').implement({
  description: 'One opening of one value, by whoever was shown it.',
  fields: (t) => ({
    agentSecretId: t.expose('agentSecretId', { type: 'UUID', description: 'Which secret.' }),
    agentSecret: t.field({
      type: AgentSecretRef,
      nullable: true,
      description: 'The secret as it is now; null where the caller may no longer see it.',
      resolve: ({ agentSecretId }, _, ctx) => loadAgentSecret(ctx, agentSecretId),
    }),
    path: t.stringList({
      description: 'Its canonical path segments.',
      resolve: ({ path }) => segmentsOf(path),
    }),
    revision: t.expose('revision', { type: 'Revision', description: 'The revision it was read at.' }),
    by: t.field({
      type: AccountNameRef,
      description: 'Whose credential it was.',
      resolve: (read, _, ctx) => loadAccountName(ctx, read.accountId),
    }),
    tokenId: t.expose('tokenId', {
      type: 'UUID',
      nullable: true,
      description: 'Which token; null for a login of an external issuer.',
    }),
    token: t.field({
      type: TokenRef,
      nullable: true,
      description: 'The token, if it is one of the caller’s own that is not revoked.',
      resolve: ({ tokenId }, _, ctx) => (tokenId === null ? null : loadToken(ctx, tokenId)),
    }),
    door: t.exposeString('door', { description: '`graphql` or `rest`.' }),
    requestId: t.exposeString('requestId', { description: 'The request, as `x-request-id` and the logs name it.' }),
    at: t.expose('at', { type: 'DateTimeISO', description: 'When.' }),
  }),
});

const Filter = builder.inputType('SecretReadFilter', {
  description: 'All given conditions must hold.',
  fields: (t) => ({
    agentSecretId: t.field({ type: 'UUID', description: 'Of this secret.' }),
    accountId: t.field({ type: 'UUID', description: 'By this account.' }),
    tokenId: t.field({ type: 'UUID', description: 'With this token.' }),
    since: t.field({ type: 'DateTimeISO', description: 'At this time or later.' }),
    until: t.field({ type: 'DateTimeISO', description: 'Before this time.' }),
  }),
});

builder.objectFields(EnvironmentRef, (t) => ({
  reads: t.connection(
    {
      type: SecretReadRef,
      nullable: true,
      description:
        'Who opened which value, newest first, as long as records are kept. The echo of a value just sent is no opening. Roles: owner, admin.',
      args: { filter: t.arg({ type: Filter, description: 'Only openings that match.' }) },
      resolve: (environment, args, ctx) => listSecretReads(ctx, environment, args),
    },
    { name: 'SecretReadConnection', description: 'A page of openings.' },
    { name: 'SecretReadEdge', description: 'An opening and its place in the list.' },
  ),
}));

builder.objectFields(AgentSecretRef, (t) => ({
  lastReadAt: t.field({
    type: 'DateTimeISO',
    nullable: true,
    description:
      'When its value was last opened, whichever revision of it; null for never. Exact to the minute: the seconds may be those of an earlier opening in that minute. `Environment.reads` has each opening.',
    resolve: (secret, _, ctx) => loadLastRead(ctx, secret.id),
  }),
}));
