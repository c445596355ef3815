// The GraphQL type EnvironmentShare: its fields, its list and its mutations.

import type { ShareRole } from '../../domain/access/permissions.js';
import {
  createEnvironmentShare,
  deleteEnvironmentShare,
  type EnvironmentShare,
  environmentShareEdge,
  listEnvironmentShares,
  MAX_SHARES,
  updateEnvironmentShare,
} from '../../domain/tenancy/environment-share.js';
import { ShareRoleRef } from '../access/role.js';
import { builder } from '../builder/builder.js';
import { loadAccountName, loadEnvironmentOrNull } from '../builder/loaders.js';
import { AccountNameRef, EnvironmentRef, EnvironmentShareRef, NodeRef } from '../builder/refs.js';
import { type RefusalCode, refusable, resultOf } from '../builder/refusals.js';

EnvironmentShareRef.implement({
  description: 'Roles that another account has in an environment.',
  interfaces: [NodeRef],
  fields: (t) => ({
    environmentId: t.expose('environmentId', { type: 'UUID', description: 'The id of the environment.' }),
    environment: t.field({
      type: EnvironmentRef,
      nullable: true,
      description: 'The environment.',
      resolve: ({ environmentId }, _, ctx) => loadEnvironmentOrNull(ctx, environmentId),
    }),
    account: t.field({
      type: AccountNameRef,
      description: 'Who has the roles.',
      resolve: (share, _, ctx) => loadAccountName(ctx, share.accountId),
    }),
    roles: t.field({
      type: [ShareRoleRef],
      description: 'The roles; without any the environment is unknown to the account.',
      resolve: (share) => share.roles as ShareRole[],
    }),
    createdAt: t.expose('createdAt', { type: 'DateTimeISO', description: 'When it was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTimeISO', description: 'When its roles were last changed.' }),
  }),
});

const EnvironmentShareEdge = builder.edgeObject({
  type: EnvironmentShareRef,
  name: 'EnvironmentShareEdge',
  description: 'A share and its place in the list.',
});

builder.objectFields(EnvironmentRef, (t) => ({
  shares: t.connection(
    {
      type: EnvironmentShareRef,
      nullable: true,
      description: 'The environment’s shares. Roles: owner, admin.',
      resolve: (environment, args, ctx) => listEnvironmentShares(ctx, environment, args),
    },
    { name: 'EnvironmentShareConnection', description: 'A page of shares.' },
    EnvironmentShareEdge,
  ),
}));

const Created = builder.objectRef<EnvironmentShare>('CreateEnvironmentSharePayload').implement({
  description: 'A new share.',
  fields: (t) => ({
    environmentShare: t.field({ type: EnvironmentShareRef, description: 'The share.', resolve: (made) => made }),
    environmentShareEdge: t.field({
      type: EnvironmentShareEdge,
      description: 'The share in its environment’s list, for clients that add it to a list themselves.',
      resolve: environmentShareEdge,
    }),
  }),
});
const Updated = builder.objectRef<EnvironmentShare>('UpdateEnvironmentSharePayload').implement({
  description: 'A share that was changed.',
  fields: (t) => ({
    environmentShare: t.field({
      type: EnvironmentShareRef,
      description: 'The share as it is now.',
      resolve: (changed) => changed,
    }),
  }),
});
const Deleted = builder.objectRef<EnvironmentShare>('DeleteEnvironmentSharePayload').implement({
  description: 'A share that was ended.',
  fields: (t) => ({
    deletedId: t.exposeID('id', {
      description: 'The id of the share, for clients that take it out of a list themselves.',
    }),
    environment: t.field({
      type: EnvironmentRef,
      nullable: true,
      description: 'Its environment as it is now; null when it was the caller’s own share.',
      resolve: ({ environmentId }, _, ctx) => loadEnvironmentOrNull(ctx, environmentId),
    }),
  }),
});

const CreateInput = builder.inputType('CreateEnvironmentShareInput', {
  description: 'A new share.',
  fields: (t) => ({
    environmentId: t.field({ type: 'ID', required: true, description: 'Of which environment.' }),
    accountId: t.field({ type: 'ID', description: 'With which account: its id.' }),
    accountName: t.string({ description: 'Or its name; give one of the two.' }),
    roles: t.field({ type: [ShareRoleRef], required: true, description: 'The roles it gives.' }),
  }),
});
const UpdateInput = builder.inputType('UpdateEnvironmentShareInput', {
  description: 'New roles of a share.',
  fields: (t) => ({
    id: t.field({ type: 'ID', required: true, description: 'Which share.' }),
    roles: t.field({ type: [ShareRoleRef], required: true, description: 'The roles it gives from now on.' }),
  }),
});
const DeleteInput = builder.inputType('DeleteEnvironmentShareInput', {
  description: 'A deletion of a share.',
  fields: (t) => ({ id: t.field({ type: 'ID', required: true, description: 'Which share.' }) }),
});

const CREATE_REFUSALS = ['INVALID_REQUEST', 'ALREADY_EXISTS', 'LIMIT_EXCEEDED'] as const satisfies RefusalCode[];
const UPDATE_REFUSALS = ['INVALID_REQUEST'] as const satisfies RefusalCode[];
const DELETE_REFUSALS = ['INVALID_REQUEST'] as const satisfies RefusalCode[];

builder.mutationFields((t) => ({
  createEnvironmentShare: t.field({
    type: resultOf('CreateEnvironmentShareResult', Created, CREATE_REFUSALS),
    nullable: true,
    description: `Shares an environment with another account, with ${MAX_SHARES} at most. Roles: owner, admin.`,
    args: { input: t.arg({ type: CreateInput, required: true, description: 'The share.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, CREATE_REFUSALS, () => createEnvironmentShare(ctx, input)),
  }),
  updateEnvironmentShare: t.field({
    type: resultOf('UpdateEnvironmentShareResult', Updated, UPDATE_REFUSALS),
    nullable: true,
    description: 'Replaces the roles of a share. Roles: owner, admin.',
    args: { input: t.arg({ type: UpdateInput, required: true, description: 'The change.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, UPDATE_REFUSALS, () => updateEnvironmentShare(ctx, input)),
  }),
  deleteEnvironmentShare: t.field({
    type: resultOf('DeleteEnvironmentShareResult', Deleted, DELETE_REFUSALS),
    nullable: true,
    description: 'Ends a share. Roles: owner, admin.',
    args: { input: t.arg({ type: DeleteInput, required: true, description: 'Which one.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, DELETE_REFUSALS, () => deleteEnvironmentShare(ctx, input)),
  }),
}));
