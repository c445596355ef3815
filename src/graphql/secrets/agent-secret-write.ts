// GraphQL mutations that create, update or delete one secret.
import { createAgentSecret } from '../../domain/secrets/agent-secret-create.js';
import { deleteAgentSecret, updateAgentSecret } from '../../domain/secrets/agent-secret-update.js';
import { builder } from '../builder/builder.js';
import { type RefusalCode, refusable, resultOf } from '../builder/refusals.js';
import { agentSecretPayload, withEdge } from './agent-secret-payload.js';
import { valueChangeFrom, valueFrom } from './secret-value-input.js';

const CREATE_REFUSALS = [
  'INVALID_REQUEST',
  'AGENT_SECRET_VALUE_TYPE_MISMATCH',
  'AGENT_SECRET_ALREADY_EXISTS',
  'LIMIT_EXCEEDED',
  'CONCURRENT_UPDATE',
  'IDEMPOTENCY_KEY_REUSED',
] as const satisfies RefusalCode[];
const UPDATE_REFUSALS = [
  'INVALID_REQUEST',
  'CONCURRENT_UPDATE',
  'AGENT_SECRET_VALUE_TYPE_MISMATCH',
  'LIMIT_EXCEEDED',
  'IDEMPOTENCY_KEY_REUSED',
] as const satisfies RefusalCode[];
const DELETE_REFUSALS = [
  'INVALID_REQUEST',
  'CONCURRENT_UPDATE',
  'IDEMPOTENCY_KEY_REUSED',
] as const satisfies RefusalCode[];

export const idempotencyKey = {
  description:
    'Makes the write safe to repeat for 24 hours: the same request with the same key answers what the first one did, from any credential of the account that may see the same values. 1 to 255 visible ASCII characters, the caller’s own choice.',
} as const;

type InputFields = Parameters<Parameters<typeof builder.inputType<'NewAgentSecret', never>>[1]['fields']>[0];

/** Input fields of a new secret, shared by createAgentSecret and change sets. */
export const CREATE_FIELDS = (t: InputFields) => ({
  path: t.stringList({
    required: true,
    description: '1 to 16 segments in any casing; converted to canonical form, in which they are unique.',
  }),
  secretType: t.field({ type: 'AnalysedType', required: true, description: 'Its type, for good.' }),
  secretValue: t.field({ type: 'SecretValue', description: 'Its value; absent or null: a secret without a value.' }),
  secretValueText: t.string({ description: 'The value as exact JSON text instead; give only one of the two.' }),
});

const CreateInput = builder.inputType('CreateAgentSecretInput', {
  description: 'A new secret.',
  fields: (t) => ({
    environmentId: t.field({ type: 'UUID', required: true, description: 'Where.' }),
    ...CREATE_FIELDS(t),
    idempotencyKey: t.string(idempotencyKey),
  }),
});

const ValueOp = builder.enumType('SecretValueOp', {
  description: 'What an update does to the value.',
  values: {
    SET: { description: 'Replace it by `value` or `valueText`; null is a value, which fits Option types only.' },
    UNSET: { description: 'Remove it.' },
  } as const,
});

export const ValueChange = builder.inputType('SecretValueChange', {
  description: 'A change of a secret’s value.',
  fields: (t) => ({
    op: t.field({ type: ValueOp, required: true, description: 'Set or unset.' }),
    value: t.field({ type: 'SecretValue', description: 'The new value, for SET.' }),
    valueText: t.string({ description: 'The new value as exact JSON text instead; give only one of the two.' }),
  }),
});

const UpdateInput = builder.inputType('UpdateAgentSecretInput', {
  description: 'A change of a secret.',
  fields: (t) => ({
    id: t.field({ type: 'UUID', required: true, description: 'Which secret.' }),
    currentRevision: t.field({
      type: 'Revision',
      required: true,
      description: 'The revision the caller has seen; refused when the secret has moved on.',
    }),
    secretValue: t.field({
      type: ValueChange,
      description: 'Absent or null: the value is kept, and the revision still grows by one.',
    }),
    idempotencyKey: t.string(idempotencyKey),
  }),
});

const DeleteInput = builder.inputType('DeleteAgentSecretInput', {
  description: 'A deletion of a secret.',
  fields: (t) => ({
    id: t.field({ type: 'UUID', required: true, description: 'Which secret.' }),
    currentRevision: t.field({ type: 'Revision', required: true, description: 'The revision the caller has seen.' }),
    idempotencyKey: t.string(idempotencyKey),
  }),
});

const Created = withEdge(agentSecretPayload('CreateAgentSecretPayload', 'A secret that was created.'));
const Updated = agentSecretPayload('UpdateAgentSecretPayload', 'A secret that was changed.');
const Deleted = agentSecretPayload('DeleteAgentSecretPayload', 'A secret that was deleted.');
builder.objectField(Deleted, 'deletedId', (t) =>
  t.exposeID('id', { description: 'The id of the secret, for clients that take it out of a list themselves.' }),
);

builder.mutationFields((t) => ({
  createAgentSecret: t.field({
    type: resultOf('CreateAgentSecretResult', Created, CREATE_REFUSALS),
    nullable: true,
    description: 'Creates a secret at revision 0. Roles: owner, admin, deployer.',
    args: { input: t.arg({ type: CreateInput, required: true, description: 'The secret.' }) },
    resolve: (_, { input }, ctx) =>
      refusable(ctx, CREATE_REFUSALS, () => {
        const { secretValue: value, secretValueText: text, ...secret } = input;
        return createAgentSecret(ctx, {
          ...secret,
          secretValue: valueFrom({ value, text, names: ['secretValue', 'secretValueText'] }),
        });
      }),
  }),
  updateAgentSecret: t.field({
    type: resultOf('UpdateAgentSecretResult', Updated, UPDATE_REFUSALS),
    nullable: true,
    description: 'Changes a secret’s value if it is still at the named revision. Roles: owner, admin, deployer.',
    args: { input: t.arg({ type: UpdateInput, required: true, description: 'The change.' }) },
    resolve: (_, { input }, ctx) =>
      refusable(ctx, UPDATE_REFUSALS, () =>
        updateAgentSecret(ctx, { ...input, secretValue: valueChangeFrom(input.secretValue) }),
      ),
  }),
  deleteAgentSecret: t.field({
    type: resultOf('DeleteAgentSecretResult', Deleted, DELETE_REFUSALS),
    nullable: true,
    description:
      'Deletes a secret if it is still at the named revision; its revision grows by one. Roles: owner, admin, deployer.',
    args: { input: t.arg({ type: DeleteInput, required: true, description: 'The deletion.' }) },
    resolve: (_, { input }, ctx) => refusable(ctx, DELETE_REFUSALS, () => deleteAgentSecret(ctx, input)),
  }),
}));
