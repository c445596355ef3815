// GraphQL mutations that create, rename or delete an environment.
import { getViewer } from '../../domain/tenancy/account.js';
import {
  createEnvironment,
  deleteEnvironment,
  type Environment,
  environmentEdge,
  updateEnvironment,
} from '../../domain/tenancy/environment.js';
import { builder } from '../builder/builder.js';
import { loadApplication } from '../builder/loaders.js';
import { AccountRef, ApplicationRef, EnvironmentRef } from '../builder/refs.js';
import { type RefusalCode, refusable, resultOf } from '../builder/refusals.js';
import { EnvironmentEdge } from './environment.js';

const GolemSettings = builder.inputType('GolemSettingsInput', {
  description: 'Settings that Golem’s tools keep with an environment; false unless told. They have no effect here.',
  fields: (t) => ({
    compatibilityCheck: t.boolean({ description: 'As Golem’s tools mean it.' }),
    versionCheck: t.boolean({ description: 'As Golem’s tools mean it.' }),
    securityOverrides: t.boolean({ description: 'As Golem’s tools mean it.' }),
  }),
});
const CreateInput = builder.inputType('CreateEnvironmentInput', {
  description: 'A new environment.',
  fields: (t) => ({
    applicationId: t.field({ type: 'ID', required: true, description: 'In which application of the caller’s.' }),
    name: t.string({ required: true, description: '1 to 64 letters, digits, `-`, `_` or `.`.' }),
    golem: t.field({ type: GolemSettings, description: 'Settings for Golem’s tools.' }),
  }),
});
const UpdateInput = builder.inputType('UpdateEnvironmentInput', {
  description: 'New settings of an environment.',
  fields: (t) => ({
    id: t.field({ type: 'ID', required: true, description: 'Which environment.' }),
    name: t.string({ required: true, description: 'Its new name.' }),
  }),
});
const DeleteInput = builder.inputType('DeleteEnvironmentInput', {
  description: 'A deletion of an environment.',
  fields: (t) => ({ id: t.field({ type: 'ID', required: true, description: 'Which environment.' }) }),
});

const Created = builder.objectRef<Environment>('CreateEnvironmentPayload').implement({
  description: 'A new environment.',
  fields: (t) => ({
    environment: t.field({ type: EnvironmentRef, description: 'The environment.', resolve: (made) => made }),
    environmentEdge: t.field({
      type: EnvironmentEdge,
      description: 'The environment in its application’s list, for clients that add it to a list themselves.',
      resolve: environmentEdge,
    }),
    account: t.field({
      type: AccountRef,
      nullable: true,
      description: 'The account that owns it, with its usage as it is now.',
      resolve: (_, __, ctx) => getViewer(ctx),
    }),
  }),
});
const Updated = builder.objectRef<Environment>('UpdateEnvironmentPayload').implement({
  description: 'An environment that was renamed.',
  fields: (t) => ({
    environment: t.field({
      type: EnvironmentRef,
      description: 'The environment as it is now.',
      resolve: (renamed) => renamed,
    }),
  }),
});
const Deleted = builder.objectRef<Environment>('DeleteEnvironmentPayload').implement({
  description: 'An environment that was deleted.',
  fields: (t) => ({
    deletedId: t.exposeID('id', {
      description: 'The id of the environment, for clients that take it out of a list themselves.',
    }),
    application: t.field({
      type: ApplicationRef,
      nullable: true,
      description: 'Its application, as it is now.',
      resolve: ({ applicationId }, _, ctx) => loadApplication(ctx, applicationId),
    }),
    account: t.field({
      type: AccountRef,
      nullable: true,
      description: 'The account that owned it, with its usage as it is now.',
      resolve: (_, __, ctx) => getViewer(ctx),
    }),
  }),
});

const CREATE_REFUSALS = ['INVALID_REQUEST', 'ALREADY_EXISTS', 'LIMIT_EXCEEDED'] as const satisfies RefusalCode[];
const UPDATE_REFUSALS = ['INVALID_REQUEST', 'ALREADY_EXISTS'] as const satisfies RefusalCode[];
const DELETE_REFUSALS = ['INVALID_REQUEST'] as const satisfies RefusalCode[];

builder.mutationFields((t) => ({
  createEnvironment: t.field({
    type: resultOf('CreateEnvironmentResult', Created, CREATE_REFUSALS),
    nullable: true,
    description: 'Creates an environment in one of the caller’s applications.',
    args: { input: t.arg({ type: CreateInput, required: true, description: 'The environment.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, CREATE_REFUSALS, () => createEnvironment(ctx, input)),
  }),
  updateEnvironment: t.field({
    type: resultOf('UpdateEnvironmentResult', Updated, UPDATE_REFUSALS),
    nullable: true,
    description: 'Renames an environment. Roles: owner, admin.',
    args: { input: t.arg({ type: UpdateInput, required: true, description: 'The change.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, UPDATE_REFUSALS, () => updateEnvironment(ctx, input)),
  }),
  deleteEnvironment: t.field({
    type: resultOf('DeleteEnvironmentResult', Deleted, DELETE_REFUSALS),
    nullable: true,
    description: 'Deletes an environment with its secrets. Roles: owner.',
    args: { input: t.arg({ type: DeleteInput, required: true, description: 'Which one.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, DELETE_REFUSALS, () => deleteEnvironment(ctx, input)),
  }),
}));
