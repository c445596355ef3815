// The GraphQL type Plan: its fields, its list and its mutations.
import {
  createPlan,
  deletePlan,
  HIGHEST,
  listPlans,
  MOST_VALUE_BYTES,
  type Plan,
  planEdge,
  updatePlan,
} from '../../domain/tenancy/plan.js';
import { builder } from '../builder/builder.js';
import { NodeRef, PlanRef } from '../builder/refs.js';
import { type RefusalCode, refusable, resultOf } from '../builder/refusals.js';

PlanRef.implement({
  description: 'Limits that an account lives under; reaching one is refused with LIMIT_EXCEEDED.',
  interfaces: [NodeRef],
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Unique.' }),
    maxEnvironments: t.expose('maxEnvironments', {
      type: 'Int',
      description: 'Environments per account.',
    }),
    maxSecretsPerEnvironment: t.expose('maxSecretsPerEnvironment', {
      type: 'Int',
      description: 'Secrets per environment, without deleted ones.',
    }),
    maxValueBytes: t.expose('maxValueBytes', {
      type: 'Int',
      description: 'Bytes per value, counted on its JSON text in UTF-8.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTimeISO', description: 'When it was created.' }),
  }),
});

const PlanEdge = builder.edgeObject({
  type: PlanRef,
  name: 'PlanEdge',
  description: 'A plan and its place in the list.',
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
    PlanEdge,
  ),
}));

const SECRETS = `Secrets per environment: ${HIGHEST.maxSecretsPerEnvironment} at most.`;
const BYTES = `Bytes per value: ${HIGHEST.maxValueBytes} at most, and times \`maxSecretsPerEnvironment\` ${MOST_VALUE_BYTES} at most, so that all values of an environment fit into one list.`;

const Created = builder.objectRef<Plan>('CreatePlanPayload').implement({
  description: 'A new plan.',
  fields: (t) => ({
    plan: t.field({ type: PlanRef, description: 'The plan.', resolve: (plan) => plan }),
    planEdge: t.field({
      type: PlanEdge,
      description: 'The plan in the list of all, for clients that add it to a list themselves.',
      resolve: planEdge,
    }),
  }),
});
const Updated = builder.objectRef<Plan>('UpdatePlanPayload').implement({
  description: 'A plan that was changed.',
  fields: (t) => ({
    plan: t.field({ type: PlanRef, description: 'The plan as it is now.', resolve: (plan) => plan }),
  }),
});
const Deleted = builder.objectRef<Plan>('DeletePlanPayload').implement({
  description: 'A plan that was deleted.',
  fields: (t) => ({
    deletedId: t.exposeID('id', {
      description: 'The id of the plan, for clients that take it out of a list themselves.',
    }),
  }),
});

const CreateInput = builder.inputType('CreatePlanInput', {
  description: 'A new plan.',
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 64 letters, digits, `-`, `_` or `.`.' }),
    maxEnvironments: t.field({ type: 'Int', required: true, description: 'Environments per account.' }),
    maxSecretsPerEnvironment: t.field({
      type: 'Int',
      required: true,
      description: SECRETS,
    }),
    maxValueBytes: t.field({ type: 'Int', required: true, description: BYTES }),
  }),
});
const UpdateInput = builder.inputType('UpdatePlanInput', {
  description: 'A change of a plan; what is absent stays.',
  fields: (t) => ({
    id: t.field({ type: 'ID', required: true, description: 'Which plan.' }),
    name: t.string({ description: 'Its name from now on; the one named `default` keeps it.' }),
    maxEnvironments: t.field({ type: 'Int', description: 'Environments per account.' }),
    maxSecretsPerEnvironment: t.field({ type: 'Int', description: SECRETS }),
    maxValueBytes: t.field({ type: 'Int', description: BYTES }),
  }),
});
const DeleteInput = builder.inputType('DeletePlanInput', {
  description: 'A deletion of a plan.',
  fields: (t) => ({ id: t.field({ type: 'ID', required: true, description: 'Which plan.' }) }),
});

const CREATE_REFUSALS = ['INVALID_REQUEST', 'ALREADY_EXISTS'] as const satisfies RefusalCode[];
const UPDATE_REFUSALS = ['INVALID_REQUEST', 'ALREADY_EXISTS'] as const satisfies RefusalCode[];
const DELETE_REFUSALS = ['INVALID_REQUEST'] as const satisfies RefusalCode[];

builder.mutationFields((t) => ({
  createPlan: t.field({
    type: resultOf('CreatePlanResult', Created, CREATE_REFUSALS),
    nullable: true,
    description: 'Creates a plan. Account role: admin.',
    args: { input: t.arg({ type: CreateInput, required: true, description: 'The plan.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, CREATE_REFUSALS, () => createPlan(ctx, input)),
  }),
  updatePlan: t.field({
    type: resultOf('UpdatePlanResult', Updated, UPDATE_REFUSALS),
    nullable: true,
    description:
      'Changes the name or the limits of a plan; what already exceeds a lowered limit stays. Account role: admin.',
    args: { input: t.arg({ type: UpdateInput, required: true, description: 'The change.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, UPDATE_REFUSALS, () => updatePlan(ctx, input)),
  }),
  deletePlan: t.field({
    type: resultOf('DeletePlanResult', Deleted, DELETE_REFUSALS),
    nullable: true,
    description: 'Deletes a plan that no account lives under; the one named `default` stays. Account role: admin.',
    args: { input: t.arg({ type: DeleteInput, required: true, description: 'Which one.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, DELETE_REFUSALS, () => deletePlan(ctx, input)),
  }),
}));
