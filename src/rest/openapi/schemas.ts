// OpenAPI schemas of the request and response bodies. Existing clients rely on their names.
import type { ErrorCode } from '../../errors/errors.js';
import { STATUS } from '../problem.js';
import { exampleOf, REST_CODES } from './errors.js';
import { CHANGES, EXAMPLES } from './examples.js';
import { GOLEM_SCHEMAS } from './golem-schemas.js';
import { ANALYSED_TYPE, TYPE_SCHEMAS, UINT64, UUID } from './types.js';

function codes(isIncluded: (code: ErrorCode) => boolean) {
  return {
    type: 'string',
    description: 'Permanent; decide by it, not by the message.',
    enum: REST_CODES.filter(isIncluded),
  };
}

export const SCHEMAS = {
  AgentSecretDto: {
    description: 'A secret, with its value.',
    type: 'object',
    required: ['id', 'environmentId', 'path', 'revision', 'secretType', 'secretValue'],
    properties: {
      id: { description: 'For good; in lower case, as all ids.', ...UUID },
      environmentId: { description: 'The environment it lives in.', ...UUID },
      path: {
        description: 'The path in canonical form: every segment in lowerCamelCase.',
        type: 'array',
        minItems: 1,
        maxItems: 16,
        items: { type: 'string', minLength: 1 },
      },
      revision: { description: '0 when new, one more with every update and with the deletion.', ...UINT64 },
      secretType: { description: 'Declared at creation, for good.', ...ANALYSED_TYPE },
      secretValue: {
        description:
          'Any JSON that fits the type. `null` without a value, and for the empty case of an Option. Integers are exact; parse them as 64-bit ones.',
      },
    },
    examples: [EXAMPLES.get_agent_secret.response],
  },
  Page_AgentSecretDto: {
    description: 'All secrets of an environment. There is only one page.',
    type: 'object',
    required: ['values'],
    properties: { values: { type: 'array', items: { $ref: '#/components/schemas/AgentSecretDto' } } },
  },
  AgentSecretCreation: {
    description: 'A new secret. Unknown keys are ignored.',
    type: 'object',
    required: ['path', 'secretType'],
    properties: {
      path: {
        description:
          'The path in any casing. Every segment is converted to lowerCamelCase and must hold a letter or a digit; with dots between them, the segments have 1,024 UTF-8 bytes at most.',
        type: 'array',
        minItems: 1,
        maxItems: 16,
        items: { type: 'string', minLength: 1 },
      },
      secretType: { description: 'Declared at creation, for good.', ...ANALYSED_TYPE },
      secretValue: { description: 'Any JSON that fits the type. Absent or `null`: a secret without a value.' },
    },
    examples: [EXAMPLES.create_agent_secret.request],
  },
  AgentSecretUpdate: {
    description: 'A change of the value. Path and type are for good; unknown keys are ignored.',
    type: 'object',
    required: ['currentRevision'],
    properties: {
      currentRevision: {
        description: 'The revision that the caller has seen, in plain decimal digits.',
        ...UINT64,
      },
      secretValue: {
        description: 'Absent or `null`: the value is kept, while the revision still advances.',
        anyOf: [{ $ref: '#/components/schemas/OptionalFieldUpdate_any' }, { type: 'null' }],
      },
    },
    examples: [EXAMPLES.update_agent_secret.request],
  },
  OptionalFieldUpdate_any: {
    description: 'What becomes of the value.',
    type: 'object',
    oneOf: [
      { $ref: '#/components/schemas/OptionalFieldUpdate_any_Set' },
      { $ref: '#/components/schemas/OptionalFieldUpdate_any_Unset' },
    ],
    discriminator: {
      propertyName: 'op',
      mapping: {
        set: '#/components/schemas/OptionalFieldUpdate_any_Set',
        unset: '#/components/schemas/OptionalFieldUpdate_any_Unset',
      },
    },
  },
  OptionalFieldUpdate_any_Set: {
    description: 'A new value takes the place of the old one.',
    type: 'object',
    required: ['op', 'value'],
    properties: {
      op: { type: 'string', enum: ['set'] },
      value: { description: 'Any JSON that fits the type; `null` is a value here, and fits Option types only.' },
    },
    examples: [{ op: 'set', value: 'new' }],
  },
  OptionalFieldUpdate_any_Unset: {
    description: 'The value is removed; the secret stays, without a value.',
    type: 'object',
    required: ['op'],
    properties: { op: { type: 'string', enum: ['unset'] } },
    examples: [{ op: 'unset' }],
  },
  AgentSecretChangeStream: {
    description:
      'Server-sent events. The `id` of an event is where to resume, its `data` is an `AgentSecretChanges`; the `data` of the event `end` is an `ErrorBody`.',
    type: 'string',
  },
  AgentSecretChanges: {
    description:
      'What was written at once: one change, or a change set. None at the beginning of a stream without `after`.',
    type: 'object',
    required: ['environmentRevision', 'changes'],
    properties: {
      environmentRevision: { description: 'The environment’s revision since then: where to resume.', ...UINT64 },
      changes: { type: 'array', items: { $ref: '#/components/schemas/AgentSecretChange' } },
    },
    examples: [CHANGES],
  },
  AgentSecretChange: {
    description: 'One write of a secret, without its value.',
    type: 'object',
    required: ['id', 'path', 'change', 'environmentRevision', 'revision', 'at', 'valueState', 'by'],
    properties: {
      id: { description: 'The secret.', ...UUID },
      path: {
        description: 'Its path in canonical form.',
        type: 'array',
        minItems: 1,
        maxItems: 16,
        items: { type: 'string', minLength: 1 },
      },
      change: {
        description: 'What was done.',
        type: 'string',
        enum: ['created', 'updated', 'value_removed', 'deleted', 'restored', 'value_destroyed'],
      },
      environmentRevision: { description: 'The environment’s revision since this write.', ...UINT64 },
      revision: { description: 'The secret’s revision since this write.', ...UINT64 },
      at: { description: 'When it was made.', type: 'string', format: 'date-time' },
      valueState: {
        description: 'Whether the secret had a value since, and whether that one was erased later.',
        type: 'string',
        enum: ['present', 'absent', 'destroyed'],
      },
      by: { description: 'The account that made it.', ...UUID },
    },
  },
  ...GOLEM_SCHEMAS,
  ...TYPE_SCHEMAS,
  ErrorBody: {
    description: 'The body of every refusal but those with status 400.',
    type: 'object',
    required: ['code', 'error'],
    properties: {
      code: codes((code) => STATUS[code] !== 400),
      error: { type: 'string', description: 'For people. Never holds any part of a secret value.' },
    },
    examples: [exampleOf('CONCURRENT_UPDATE').value],
  },
  ErrorsBody: {
    description: 'The body of every refusal with status 400.',
    type: 'object',
    required: ['code', 'errors'],
    properties: {
      code: codes((code) => STATUS[code] === 400),
      errors: {
        description: 'One entry per problem, for people. Never holds any part of a secret value.',
        type: 'array',
        minItems: 1,
        items: { type: 'string' },
      },
    },
    examples: [exampleOf('AGENT_SECRET_VALUE_TYPE_MISMATCH').value],
  },
};

export type SchemaName = keyof typeof SCHEMAS;
