// GraphQL mutations over several writes or old revisions: change sets, restoring a revision, and destroying its value.
import type { AgentSecretChange } from '../../domain/changes/change-plan.js';
import {
  applyAgentSecretChanges,
  destroyAgentSecretRevision,
  restoreAgentSecret,
} from '../../domain/changes/change-set.js';
import type { ChangeSetResult } from '../../domain/changes/change-write.js';
import type { AgentSecret } from '../../domain/secrets/agent-secret.js';
import { AppError } from '../../errors/errors.js';
import { invalidRequest } from '../../errors/refusals.js';
import { builder } from '../builder/builder.js';
import { loadEnvironment } from '../builder/loaders.js';
import { AgentSecretRevisionRef, EnvironmentRef } from '../builder/refs.js';
import { type RefusalCode, Refused, refusable, refusalType, resultOf } from '../builder/refusals.js';
import { agentSecretPayload, withEdge } from '../secrets/agent-secret-payload.js';
import { CREATE_FIELDS, idempotencyKey, ValueChange } from '../secrets/agent-secret-write.js';
import { valueChangeFrom, valueFrom } from '../secrets/secret-value-input.js';
import { PlannedAgentSecret } from './planned-agent-secret.js';

const CHANGE_REFUSALS = [
  'INVALID_REQUEST',
  'AGENT_SECRET_NOT_FOUND',
  'AGENT_SECRET_REVISION_NOT_FOUND',
  'CONCURRENT_UPDATE',
  'AGENT_SECRET_VALUE_TYPE_MISMATCH',
  'AGENT_SECRET_VALUE_DESTROYED',
  'AGENT_SECRET_ALREADY_EXISTS',
  'LIMIT_EXCEEDED',
] as const satisfies RefusalCode[];
const SET_REFUSALS = [
  'INVALID_REQUEST',
  'CONCURRENT_UPDATE',
  'IDEMPOTENCY_KEY_REUSED',
] as const satisfies RefusalCode[];
const RESTORE_REFUSALS = [
  'INVALID_REQUEST',
  'CONCURRENT_UPDATE',
  'AGENT_SECRET_REVISION_NOT_FOUND',
  'AGENT_SECRET_VALUE_DESTROYED',
  'AGENT_SECRET_ALREADY_EXISTS',
  'LIMIT_EXCEEDED',
  'IDEMPOTENCY_KEY_REUSED',
] as const satisfies RefusalCode[];
const DESTROY_REFUSALS = [
  'INVALID_REQUEST',
  'CONCURRENT_UPDATE',
  'AGENT_SECRET_REVISION_NOT_FOUND',
  'AGENT_SECRET_VALUE_DESTROYED',
  'IDEMPOTENCY_KEY_REUSED',
] as const satisfies RefusalCode[];

const ChangeResult = builder.unionType('AgentSecretChangeResult', {
  description:
    'The revision that the change made, or, where nothing was written, the secret as it would be; otherwise why the change is refused.',
  types: [AgentSecretRevisionRef, PlannedAgentSecret, ...CHANGE_REFUSALS.map(refusalType)],
  resolveType: (result) => {
    if (result instanceof Refused) return refusalType(result.code as RefusalCode);
    return (result as AgentSecret).planned ? PlannedAgentSecret : AgentSecretRevisionRef;
  },
});

const Applied = builder.objectRef<ChangeSetResult>('ApplyAgentSecretChangesPayload').implement({
  description: 'What a list of changes has done, or would do.',
  fields: (t) => ({
    applied: t.exposeBoolean('applied', {
      description: 'Whether it was written: all of it, or, after any refusal and in a dry run, nothing.',
    }),
    environmentRevision: t.expose('environmentRevision', {
      type: 'Revision',
      description: 'The environment’s revision afterwards: + 1 for each change that was written.',
    }),
    environment: t.field({
      type: EnvironmentRef,
      nullable: true,
      description: 'The environment as it is now; null when the caller may no longer see it.',
      resolve: ({ environmentId }, _, ctx) => loadEnvironment(ctx, environmentId),
    }),
    results: t.field({
      type: [ChangeResult],
      description: 'One for each change, in their order.',
      resolve: ({ results }) => results.map((result) => (result instanceof AppError ? new Refused(result) : result)),
    }),
  }),
});

const id = { type: 'UUID', required: true, description: 'Which secret, of this environment.' } as const;
const currentRevision = {
  type: 'Revision',
  required: true,
  description: 'The revision the caller has seen; refused when the secret has moved on.',
} as const;
const toRevision = {
  type: 'Revision',
  required: true,
  description: 'The revision whose value it gets back, or none if that had none.',
} as const;

const Create = builder.inputType('CreateAgentSecretChange', {
  description: 'A new secret.',
  fields: CREATE_FIELDS,
});
const Update = builder.inputType('UpdateAgentSecretChange', {
  description: 'A change of a secret’s value.',
  fields: (t) => ({
    id: t.field(id),
    currentRevision: t.field(currentRevision),
    secretValue: t.field({
      type: ValueChange,
      description: 'Absent or null: the value is kept, and the revision still grows by one.',
    }),
  }),
});
const Delete = builder.inputType('DeleteAgentSecretChange', {
  description: 'A deletion of a secret.',
  fields: (t) => ({ id: t.field(id), currentRevision: t.field(currentRevision) }),
});
const Restore = builder.inputType('RestoreAgentSecretChange', {
  description: 'A return to an old revision’s value, also out of deletion.',
  fields: (t) => ({
    id: t.field(id),
    toRevision: t.field(toRevision),
    currentRevision: t.field(currentRevision),
  }),
});

const ChangeInput = builder.inputType('AgentSecretChangeInput', {
  description: 'Exactly one of the four.',
  isOneOf: true,
  fields: (t) => ({
    create: t.field({ type: Create, description: 'Create a secret.' }),
    update: t.field({ type: Update, description: 'Change a secret’s value.' }),
    delete: t.field({ type: Delete, description: 'Delete a secret.' }),
    restore: t.field({ type: Restore, description: 'Go back to an old revision’s value.' }),
  }),
});

const ApplyInput = builder.inputType('ApplyAgentSecretChangesInput', {
  description: 'Changes of one environment’s secrets, all or nothing.',
  fields: (t) => ({
    environmentId: t.field({ type: 'UUID', required: true, description: 'Where.' }),
    changes: t.field({
      type: [ChangeInput],
      required: true,
      description: '1 to 100, each as if those before it were done.',
    }),
    expectedEnvironmentRevision: t.field({
      type: 'Revision',
      description: 'Refused as a whole when the environment is at another revision.',
    }),
    dryRun: t.boolean({ description: 'Only tell what would happen.' }),
    idempotencyKey: t.string(idempotencyKey),
  }),
});

const RestoreInput = builder.inputType('RestoreAgentSecretInput', {
  description: 'A return to an old revision’s value.',
  fields: (t) => ({
    id: t.field({ ...id, description: 'Which secret; it may be a deleted one.' }),
    toRevision: t.field(toRevision),
    currentRevision: t.field(currentRevision),
    idempotencyKey: t.string(idempotencyKey),
  }),
});

const DestroyInput = builder.inputType('DestroyAgentSecretRevisionInput', {
  description: 'What to erase.',
  fields: (t) => ({
    id: t.field({ ...id, description: 'Which secret; it may be a deleted one.' }),
    revision: t.field({
      type: 'Revision',
      required: true,
      description: 'The revision whose value is erased, together with that of every revision that shares it.',
    }),
    currentRevision: t.field(currentRevision),
    idempotencyKey: t.string(idempotencyKey),
  }),
});

const Restored = withEdge(agentSecretPayload('RestoreAgentSecretPayload', 'A secret that went back to an old value.'));
const Destroyed = agentSecretPayload('DestroyAgentSecretRevisionPayload', 'A secret of which an old value was erased.');

builder.mutationFields((t) => ({
  applyAgentSecretChanges: t.field({
    type: resultOf('ApplyAgentSecretChangesResult', Applied, SET_REFUSALS),
    nullable: true,
    description:
      'Writes several changes at once: all or nothing, seen by readers and the change feed together. Roles: owner, admin, deployer.',
    args: { input: t.arg({ type: ApplyInput, required: true, description: 'The changes.' }) },
    resolve: (_, { input }, ctx) =>
      refusable(ctx, SET_REFUSALS, () =>
        applyAgentSecretChanges(ctx, { ...input, changes: changesFrom(input.changes) }),
      ),
  }),
  restoreAgentSecret: t.field({
    type: resultOf('RestoreAgentSecretResult', Restored, RESTORE_REFUSALS),
    nullable: true,
    description:
      'Makes a new revision with the value of an old one, also out of deletion if the path is free. Roles: owner, admin, deployer.',
    args: { input: t.arg({ type: RestoreInput, required: true, description: 'Which secret, and where to.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, RESTORE_REFUSALS, () => restoreAgentSecret(ctx, input)),
  }),
  destroyAgentSecretRevision: t.field({
    type: resultOf('DestroyAgentSecretRevisionResult', Destroyed, DESTROY_REFUSALS),
    nullable: true,
    description:
      'Erases the value of an old revision for good, and of every revision that shares it; refused if the current one does. The secret’s revision grows by one. Roles: owner, admin, deployer.',
    args: { input: t.arg({ type: DestroyInput, required: true, description: 'Which revision.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, DESTROY_REFUSALS, () => destroyAgentSecretRevision(ctx, input)),
  }),
}));

type Input = typeof ChangeInput.$inferInput;

/** Throws one INVALID_REQUEST that lists the problems of all changes with malformed values. */
function changesFrom(inputs: readonly Input[]): AgentSecretChange[] {
  const problems: string[] = [];
  const changes = inputs.flatMap((input, index) => {
    try {
      return [changeFrom(input)];
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'INVALID_REQUEST') throw error;
      problems.push(...(error.details.problems ?? []).map((problem) => `changes[${index}]: ${problem}`));
      return [];
    }
  });
  if (problems.length > 0) throw invalidRequest(...problems);
  return changes;
}

function changeFrom({ create, update, delete: removal, restore }: Input): AgentSecretChange {
  if (create) {
    const { secretValue: value, secretValueText: text, ...secret } = create;
    const secretValue = valueFrom({ value, text, names: ['secretValue', 'secretValueText'] });
    return { kind: 'create', ...secret, secretValue };
  }
  if (update) return { kind: 'update', ...update, secretValue: valueChangeFrom(update.secretValue) };
  if (removal) return { kind: 'delete', ...removal };
  if (restore) return { kind: 'restore', ...restore };
  throw invalidRequest('expected exactly one of create, update, delete and restore');
}
