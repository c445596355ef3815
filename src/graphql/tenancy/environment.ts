// The GraphQL type Environment: its fields, queries and lists, and the usage of the plan's limits.
import { type Environment, listEnvironments, listSharedEnvironments } from '../../domain/tenancy/environment.js';
import { getEnvironmentAtPlace } from '../../domain/tenancy/environment-at.js';
import { RoleRef } from '../access/role.js';
import { builder } from '../builder/builder.js';
import { loadAccountName, loadApplication, loadPlanOfAccount } from '../builder/loaders.js';
import { AccountNameRef, AccountRef, ApplicationRef, EnvironmentRef, NodeRef } from '../builder/refs.js';

export const PlanUsageRef = builder.objectRef<{ used: number; limit: number }>('PlanUsage').implement({
  description: 'How much of a limit of the plan is used.',
  fields: (t) => ({
    used: t.expose('used', { type: 'Int', description: 'How many there are.' }),
    limit: t.expose('limit', { type: 'Int', description: 'How many the plan allows.' }),
  }),
});

const Usage = builder.objectRef<Environment>('EnvironmentUsage').implement({
  description: 'An environment against its owner’s plan.',
  fields: (t) => ({
    agentSecrets: t.field({
      type: PlanUsageRef,
      description: 'Secrets, without deleted ones.',
      resolve: async ({ ownerId, secretCount }, _, ctx) => ({
        used: secretCount,
        limit: (await loadPlanOfAccount(ctx, ownerId)).maxSecretsPerEnvironment,
      }),
    }),
    maxValueBytes: t.field({
      type: 'Int',
      description: 'The largest value in bytes of its JSON text in UTF-8.',
      resolve: async ({ ownerId }, _, ctx) => (await loadPlanOfAccount(ctx, ownerId)).maxValueBytes,
    }),
  }),
});

EnvironmentRef.implement({
  description: 'A place where an application’s secrets live; a log of writes, counted by `revision`.',
  interfaces: [NodeRef],
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Unique in its application.' }),
    revision: t.expose('revision', {
      type: 'Revision',
      description: 'Counts the writes of secrets in this environment: 0 at first, + 1 with each.',
    }),
    owner: t.field({
      type: AccountNameRef,
      description: 'The account that owns it.',
      resolve: (environment, _, ctx) => loadAccountName(ctx, environment.ownerId),
    }),
    application: t.field({
      type: ApplicationRef,
      nullable: true,
      description: 'Its application; null for all but the owner.',
      resolve: (environment, _, ctx) =>
        environment.roles.includes('owner') ? loadApplication(ctx, environment.applicationId) : null,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTimeISO', description: 'When it was created.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTimeISO',
      description: 'When it, or one of its secrets, was last written.',
    }),
    myRoles: t.expose('roles', { type: [RoleRef], description: 'The caller’s roles here.' }),
    usage: t.field({
      type: Usage,
      description: 'How full it is under its owner’s plan.',
      resolve: (environment) => environment,
    }),
  }),
});

builder.queryFields((t) => ({
  environment: t.field({
    type: EnvironmentRef,
    nullable: true,
    description:
      'An environment by `id`, by `applicationId` and `name`, or by `account`, `application` and `name`; the error ENVIRONMENT_NOT_FOUND when the caller has no role in it.',
    args: {
      id: t.arg({ type: 'UUID', description: 'The environment’s id.' }),
      applicationId: t.arg({ type: 'UUID', description: 'The id of its application.' }),
      account: t.arg.string({ description: 'Name of the account that owns it.' }),
      application: t.arg.string({ description: 'Name of its application.' }),
      name: t.arg.string({ description: 'Its name.' }),
    },
    resolve: (_, place, ctx) => getEnvironmentAtPlace(ctx, place),
  }),
}));

builder.objectFields(AccountRef, (t) => ({
  sharedEnvironments: t.connection(
    {
      type: EnvironmentRef,
      nullable: true,
      description: 'Other accounts’ environments in which this account has a role; only for the caller’s own account.',
      resolve: (account, args, ctx) => (account.id === ctx.actor?.accountId ? listSharedEnvironments(ctx, args) : null),
    },
    { name: 'SharedEnvironmentConnection', description: 'A page of environments.' },
    { name: 'SharedEnvironmentEdge', description: 'An environment and its place in the list.' },
  ),
}));

export const EnvironmentEdge = builder.edgeObject({
  type: EnvironmentRef,
  name: 'EnvironmentEdge',
  description: 'An environment and its place in the list.',
});

builder.objectFields(ApplicationRef, (t) => ({
  environments: t.connection(
    {
      type: EnvironmentRef,
      description: 'The application’s environments by name.',
      resolve: (application, args, ctx) => listEnvironments(ctx, application, args),
    },
    { name: 'EnvironmentConnection', description: 'A page of environments.' },
    EnvironmentEdge,
  ),
}));
