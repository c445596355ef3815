// The 22 kinds of AnalysedType as OpenAPI schemas, each with a description of its values.

export const UUID = { type: 'string', format: 'uuid' } as const;
/**
 * A counter, or a number of a handle, from 0 to 2^64-1. Generators refuse a bound beyond int64, or make nonsense of it, and
 * take 32 bits where they do not know the format.
 */
export const UINT64 = { type: 'integer', format: 'int64', minimum: 0 } as const;

export const ANALYSED_TYPE = { $ref: '#/components/schemas/AnalysedType' } as const;

const TEXT = { type: 'string' };
const TEXTS = { type: 'array', items: TEXT };

interface Kind {
  /** Description of the values of the type; CommonMark. */
  values: string;
  /** Keys of the type document besides `type`. */
  required?: Record<string, object>;
  optional?: Record<string, object>;
  example: object;
}

function integerKind(bits: number, signed: boolean): Kind {
  const min = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const max = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  return {
    values: `A whole number from ${min} to ${max}, in any spelling: \`1\`, \`1.0\`, \`1e0\`.`,
    example: { type: `${signed ? 'S' : 'U'}${bits}` },
  };
}

const KINDS: Record<string, Kind> = {
  Str: { values: 'A string, kept byte for byte.', example: { type: 'Str' } },
  Chr: {
    values: 'A Unicode scalar value as an integer: 0 to 1114111 without 55296 to 57343. `8364` is the euro sign.',
    example: { type: 'Chr' },
  },
  F64: { values: 'Any finite number.', example: { type: 'F64' } },
  F32: {
    values: 'Any number in the range of f32, rounded to the nearest: `0.1` reads back as `0.10000000149011612`.',
    example: { type: 'F32' },
  },
  U64: integerKind(64, false),
  S64: integerKind(64, true),
  U32: integerKind(32, false),
  S32: integerKind(32, true),
  U16: integerKind(16, false),
  S16: integerKind(16, true),
  U8: integerKind(8, false),
  S8: integerKind(8, true),
  Bool: { values: '`true` or `false`.', example: { type: 'Bool' } },
  List: {
    values: 'An array of values of the inner type.',
    required: { inner: ANALYSED_TYPE },
    example: { type: 'List', inner: { type: 'Str' } },
  },
  Option: {
    values:
      '`null` for none, otherwise a value of the inner type. In an option of an option, `null` is the outer none.',
    required: { inner: ANALYSED_TYPE },
    example: { type: 'Option', inner: { type: 'Bool' } },
  },
  Tuple: {
    values: 'An array with exactly one value for each item.',
    required: { items: { type: 'array', items: ANALYSED_TYPE } },
    example: { type: 'Tuple', items: [{ type: 'Str' }, { type: 'U16' }] },
  },
  Record: {
    values:
      'An object with exactly the declared fields; only a field whose type is an option may be left out, as none.',
    required: { fields: { type: 'array', items: { $ref: '#/components/schemas/NameTypePair' } } },
    example: { type: 'Record', fields: [{ name: 'host', typ: { type: 'Str' } }] },
  },
  Variant: {
    values:
      'An object with exactly one key, the name of a case, such as `{"smtp":"smtp://mail"}`; a case without a type has `null`: `{"log":null}`.',
    required: { cases: { type: 'array', items: { $ref: '#/components/schemas/NameOptionTypePair' } } },
    example: { type: 'Variant', cases: [{ name: 'smtp', typ: { type: 'Str' } }, { name: 'log' }] },
  },
  Enum: {
    values: 'One of the cases, as a string.',
    required: { cases: TEXTS },
    example: { type: 'Enum', cases: ['red', 'green'] },
  },
  Flags: {
    values: 'An array of declared names. Read back in the order of declaration, each once.',
    required: { names: TEXTS },
    example: { type: 'Flags', names: ['read', 'write'] },
  },
  Result: {
    values: '`{"ok": value}` or `{"err": value}`; a side without a type has `null`.',
    optional: { ok: ANALYSED_TYPE, err: ANALYSED_TYPE },
    example: { type: 'Result', ok: { type: 'U64' }, err: { type: 'Str' } },
  },
  Handle: {
    values: 'A string `<prefix>/<id>` whose id is an unsigned 64-bit integer; `cart/007` reads back as `cart/7`.',
    required: { resource_id: UINT64, mode: { $ref: '#/components/schemas/AnalysedResourceMode' } },
    example: { type: 'Handle', resource_id: 1, mode: 'Owned' },
  },
};

const NAMES = {
  name: { type: 'string', description: 'A name for the type. Kept, without influence on values.' },
  owner: { type: 'string', description: 'Whose type it is. Kept, without influence on values.' },
};

/**
 * The one value of `type` of each kind, under a name of its own: generated clients tell the kinds apart by it. They check
 * the values of named enums, and not those of inline ones.
 */
const discriminatorOf = (kind: string): string => `AnalysedTypeName_${kind}`;
const nameOf = (kind: string): string => `AnalysedType_Type${kind}`;
const refTo = (kind: string): string => `#/components/schemas/${nameOf(kind)}`;

/** The schemas of AnalysedType, its kinds and their parts. */
export const TYPE_SCHEMAS = {
  AnalysedType: {
    description:
      'The type of a secret, as a document with the discriminator `type`. At most 64 levels deep, and at most 108 levels of arrays and objects as JSON. Unknown keys are ignored, and a missing optional key equals `null`; answers hold known keys only and omit absent ones. Where a name is declared twice, the first counts. Integers read back in plain digits, however they were spelled.',
    type: 'object',
    oneOf: Object.keys(KINDS).map((kind) => ({ $ref: refTo(kind) })),
    discriminator: {
      propertyName: 'type',
      mapping: Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, refTo(kind)])),
    },
    examples: [{ type: 'Option', inner: { type: 'Str' } }],
  },
  ...Object.fromEntries(Object.entries(KINDS).map(([kind, parts]) => [nameOf(kind), schemaOf(kind, parts)])),
  ...Object.fromEntries(
    Object.keys(KINDS).map((kind) => [
      discriminatorOf(kind),
      { description: `The kind ${kind}.`, type: 'string', enum: [kind] },
    ]),
  ),
  NameTypePair: {
    description: 'A field of a record.',
    type: 'object',
    required: ['name', 'typ'],
    properties: { name: TEXT, typ: ANALYSED_TYPE },
  },
  NameOptionTypePair: {
    description: 'A case of a variant; without `typ`, a case without a payload.',
    type: 'object',
    required: ['name'],
    properties: { name: TEXT, typ: ANALYSED_TYPE },
  },
  AnalysedResourceMode: {
    description: 'How a handle holds its resource.',
    type: 'string',
    enum: ['Owned', 'Borrowed'],
  },
};

function schemaOf(kind: string, { values, required = {}, optional, example }: Kind): object {
  const isScalar = Object.keys(required).length === 0 && optional === undefined;
  return {
    description: values,
    type: 'object',
    required: ['type', ...Object.keys(required)],
    properties: {
      type: { $ref: `#/components/schemas/${discriminatorOf(kind)}` },
      ...required,
      ...optional,
      ...(isScalar ? {} : NAMES),
    },
    examples: [example],
  };
}
