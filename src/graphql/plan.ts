// Plan in GraphQL: fields, lists, mutations.
import { createPlan, listPlans, updatePlan } from '../domain/plan.js';
import { builder } from './builder.js';
import { NodeRef, PlanRef } from './refs.js';
import { type RefusalCode, refusable, resultOf } from './refusals.js';

PlanRef.implement({
  description: 'Limits that an account lives under; reaching one is refused with LIMIT_EXCEEDED.',
  interfaces: [NodeRef],
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Unique.' }),
    maxEnvironments: t.expose('maxEnvironments', {
      type: 'NonNegativeInt',
      description: 'Environments per account.',
    }),
    maxSecretsPerEnvironment: t.expose('maxSecretsPerEnvironment', {
      type: 'NonNegativeInt',
      description: 'Secrets per environment, without deleted ones.',
    }),
    maxValueBytes: t.expose('maxValueBytes', {
      type: 'NonNegativeInt',
      description: 'Bytes per value, counted on its JSON text in UTF-8.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTimeISO', description: 'When it was created.' }),
  }),
});

builder.queryFields((t) => ({
  plans: t.connection(
    {
      type: PlanRef,
      nullable: true,
      description: 'All plans by name. Account role: admin.',
      resolve: (_, args, ctx) => listPlans(ctx, args),
    },
    { name: 'PlanConnection', description: 'A page of plans.' },
    { name: 'PlanEdge', description: 'A plan and its place in the list.' },
  ),
}));

const CreateInput = builder.inputType('CreatePlanInput', {
  description: 'A new plan.',
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 64 letters, digits, `-`, `_` or `.`.' }),
    maxEnvironments: t.field({ type: 'NonNegativeInt', required: true, description: 'Environments per account.' }),
    maxSecretsPerEnvironment: t.field({
      type: 'NonNegativeInt',
      required: true,
      description: 'Secrets per environment.',
    }),
    maxValueBytes: t.field({ type: 'NonNegativeInt', required: true, description: 'Bytes per value.' }),
  }),
});
const UpdateInput = builder.inputType('UpdatePlanInput', {
  description: 'New limits of a plan; absent ones stay.',
  fields: (t) => ({
    id: t.field({ type: 'UUID', required: true, description: 'Which plan.' }),
    maxEnvironments: t.field({ type: 'NonNegativeInt', description: 'Environments per account.' }),
    maxSecretsPerEnvironment: t.field({ type: 'NonNegativeInt', description: 'Secrets per environment.' }),
    maxValueBytes: t.field({ type: 'NonNegativeInt', description: 'Bytes per value.' }),
  }),
});

const CREATE_REFUSALS = ['INVALID_REQUEST', 'ALREADY_EXISTS'] as const satisfies RefusalCode[];
const UPDATE_REFUSALS = ['INVALID_REQUEST'] as const satisfies RefusalCode[];

builder.mutationFields((t) => ({
  createPlan: t.field({
    type: resultOf('CreatePlanResult', PlanRef, CREATE_REFUSALS),
    nullable: true,
    description: 'Creates a plan. Account role: admin.',
    args: { input: t.arg({ type: CreateInput, required: true, description: 'The plan.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, CREATE_REFUSALS, () => createPlan(ctx, input)),
  }),
  updatePlan: t.field({
    type: resultOf('UpdatePlanResult', PlanRef, UPDATE_REFUSALS),
    nullable: true,
    description: 'Changes the limits of a plan; what already exceeds a lowered limit stays. Account role: admin.',
    args: { input: t.arg({ type: UpdateInput, required: true, description: 'The change.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, UPDATE_REFUSALS, () => updatePlan(ctx, input)),
  }),
}));
