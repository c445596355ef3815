// The GraphQL type GolemEnvironment, and the list of environments that the caller may see.
import { type EnvironmentDetails, listVisibleEnvironments } from '../../domain/tenancy/visible-environment.js';
import { builder } from '../builder/builder.js';
import { loadEnvironmentDetails } from '../builder/loaders.js';
import { EnvironmentRef } from '../builder/refs.js';

const GolemEnvironment = builder.objectRef<EnvironmentDetails>('GolemEnvironment').implement({
  description: 'What Golem’s tools are told of an environment: how it is addressed, and settings that they keep.',
  fields: (t) => ({
    accountId: t.expose('accountId', { type: 'UUID', description: 'The account that owns it.' }),
    accountName: t.exposeString('accountName', { description: 'The name of that account.' }),
    accountEmail: t.exposeString('accountEmail', {
      description: 'The email of that account, or its name without one.',
    }),
    applicationId: t.expose('applicationId', { type: 'UUID', description: 'Its application.' }),
    applicationName: t.exposeString('applicationName', { description: 'The name of its application.' }),
    compatibilityCheck: t.exposeBoolean('compatibilityCheck', { description: 'Kept for the tools; without effect.' }),
    versionCheck: t.exposeBoolean('versionCheck', { description: 'Kept for the tools; without effect.' }),
    securityOverrides: t.exposeBoolean('securityOverrides', { description: 'Kept for the tools; without effect.' }),
  }),
});

builder.objectFields(EnvironmentRef, (t) => ({
  golem: t.field({
    type: GolemEnvironment,
    description: 'What Golem’s tools are told of it. Roles: all.',
    resolve: (environment, _, ctx) => loadEnvironmentDetails(ctx, environment.id),
  }),
}));

builder.queryFields((t) => ({
  visibleEnvironments: t.connection(
    {
      type: EnvironmentRef,
      nullable: true,
      description:
        'Environments in which the caller has a role, its own and shared ones, oldest first; for a token of one environment, that one.',
      args: {
        account: t.arg.string({ description: 'Only those of the account with this name or email.' }),
        application: t.arg.string({ description: 'Only those in applications of this name.' }),
        name: t.arg.string({ description: 'Only those of this name.' }),
        nameContains: t.arg.string({ description: 'Only those whose name contains this text, in any case.' }),
      },
      resolve: (_, { account, application, name, nameContains, ...page }, ctx) =>
        listVisibleEnvironments(ctx, { account, application, name, nameContains }, page),
    },
    {
      name: 'VisibleEnvironmentConnection',
      description: 'A page of environments.',
      fields: (connection) => ({
        totalCount: connection.int({
          description: 'How many environments match on all pages together.',
          resolve: (page) => (page as unknown as { totalCount(): Promise<number> }).totalCount(),
        }),
      }),
    },
    { name: 'VisibleEnvironmentEdge', description: 'An environment and its place in the list.' },
  ),
}));
