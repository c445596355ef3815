// The GraphQL type Application: its fields, its list and its mutations.

import { getViewer } from '../../domain/tenancy/account.js';
import {
  type Application,
  applicationEdge,
  createApplication,
  deleteApplication,
  getApplicationByName,
  listApplications,
  MAX_APPLICATIONS,
  updateApplication,
} from '../../domain/tenancy/application.js';
import { builder } from '../builder/builder.js';
import { AccountRef, ApplicationRef, NodeRef } from '../builder/refs.js';
import { type RefusalCode, refusable, resultOf } from '../builder/refusals.js';

ApplicationRef.implement({
  description: 'A named group of environments under one account; known to its owner only.',
  interfaces: [NodeRef],
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Unique in its account.' }),
    accountId: t.expose('accountId', { type: 'UUID', description: 'The account that owns it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTimeISO', description: 'When it was created.' }),
  }),
});

builder.queryFields((t) => ({
  application: t.field({
    type: ApplicationRef,
    nullable: true,
    description:
      'An application of the caller’s own account by its name; the error APPLICATION_NOT_FOUND for any other.',
    args: {
      accountId: t.arg({ type: 'UUID', required: true, description: 'The account that owns it.' }),
      name: t.arg.string({ required: true, description: 'Its name.' }),
    },
    resolve: (_, place, ctx) => getApplicationByName(ctx, place),
  }),
}));

const ApplicationEdge = builder.edgeObject({
  type: ApplicationRef,
  name: 'ApplicationEdge',
  description: 'An application and its place in the list.',
});

builder.objectFields(AccountRef, (t) => ({
  applications: t.connection(
    {
      type: ApplicationRef,
      nullable: true,
      description: 'The account’s applications by name; only for the caller’s own account.',
      resolve: (account, args, ctx) => (account.id === ctx.actor?.accountId ? listApplications(ctx, args) : null),
    },
    { name: 'ApplicationConnection', description: 'A page of applications.' },
    ApplicationEdge,
  ),
}));

const Created = builder.objectRef<Application>('CreateApplicationPayload').implement({
  description: 'A new application.',
  fields: (t) => ({
    application: t.field({ type: ApplicationRef, description: 'The application.', resolve: (made) => made }),
    applicationEdge: t.field({
      type: ApplicationEdge,
      description: 'The application in its account’s list, for clients that add it to a list themselves.',
      resolve: applicationEdge,
    }),
  }),
});
const Updated = builder.objectRef<Application>('UpdateApplicationPayload').implement({
  description: 'An application that was renamed.',
  fields: (t) => ({
    application: t.field({
      type: ApplicationRef,
      description: 'The application as it is now.',
      resolve: (renamed) => renamed,
    }),
  }),
});
const Deleted = builder.objectRef<Application>('DeleteApplicationPayload').implement({
  description: 'An application that was deleted.',
  fields: (t) => ({
    deletedId: t.exposeID('id', {
      description: 'The id of the application, for clients that take it out of a list themselves.',
    }),
    account: t.field({
      type: AccountRef,
      nullable: true,
      description: 'The account that owned it, as it is now.',
      resolve: (_, __, ctx) => getViewer(ctx),
    }),
  }),
});

const CreateInput = builder.inputType('CreateApplicationInput', {
  description: 'A new application.',
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 64 letters, digits, `-`, `_` or `.`.' }),
    accountId: t.field({
      type: 'ID',
      description: 'In which account: the caller’s own, as when absent; the error ACCOUNT_NOT_FOUND for any other.',
    }),
  }),
});
const UpdateInput = builder.inputType('UpdateApplicationInput', {
  description: 'New settings of an application.',
  fields: (t) => ({
    id: t.field({ type: 'ID', required: true, description: 'Which application.' }),
    name: t.string({ required: true, description: 'Its new name.' }),
  }),
});
const DeleteInput = builder.inputType('DeleteApplicationInput', {
  description: 'A deletion of an application.',
  fields: (t) => ({ id: t.field({ type: 'ID', required: true, description: 'Which application.' }) }),
});

const CREATE_REFUSALS = ['INVALID_REQUEST', 'ALREADY_EXISTS', 'LIMIT_EXCEEDED'] as const satisfies RefusalCode[];
const UPDATE_REFUSALS = ['INVALID_REQUEST', 'ALREADY_EXISTS'] as const satisfies RefusalCode[];
const DELETE_REFUSALS = ['INVALID_REQUEST'] as const satisfies RefusalCode[];

builder.mutationFields((t) => ({
  createApplication: t.field({
    type: resultOf('CreateApplicationResult', Created, CREATE_REFUSALS),
    nullable: true,
    description: `Creates an application in the caller’s account, which has ${MAX_APPLICATIONS} at most.`,
    args: { input: t.arg({ type: CreateInput, required: true, description: 'The application.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, CREATE_REFUSALS, () => createApplication(ctx, input)),
  }),
  updateApplication: t.field({
    type: resultOf('UpdateApplicationResult', Updated, UPDATE_REFUSALS),
    nullable: true,
    description: 'Renames one of the caller’s applications.',
    args: { input: t.arg({ type: UpdateInput, required: true, description: 'The change.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, UPDATE_REFUSALS, () => updateApplication(ctx, input)),
  }),
  deleteApplication: t.field({
    type: resultOf('DeleteApplicationResult', Deleted, DELETE_REFUSALS),
    nullable: true,
    description: 'Deletes one of the caller’s applications with its environments and secrets.',
    args: { input: t.arg({ type: DeleteInput, required: true, description: 'Which one.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, DELETE_REFUSALS, () => deleteApplication(ctx, input)),
  }),
}));
