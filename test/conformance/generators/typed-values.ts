// Generates random types and values for property tests. Every value comes with the text that a read must return.
import { toUSVString } from 'node:util';
import fc from 'fast-check';

/** A type document as a plain object; `JSON.stringify` prints it. */
export type TypeDocument = { type: string } & Record<string, unknown>;

/** A value that fits its type. `jsonText` is one valid spelling of it, and a read must return exactly `expectedText`. */
export interface TypedValue {
  document: TypeDocument;
  jsonText: string;
  expectedText: string;
}

type Spelled = Omit<TypedValue, 'document'>;

const INTEGERS: Record<string, readonly [min: bigint, max: bigint]> = {
  U64: [0n, 18446744073709551615n],
  S64: [-9223372036854775808n, 9223372036854775807n],
  U32: [0n, 4294967295n],
  S32: [-2147483648n, 2147483647n],
  U16: [0n, 65535n],
  S16: [-32768n, 32767n],
  U8: [0n, 255n],
  S8: [-128n, 127n],
};

const SCALARS = ['Str', 'Chr', 'F64', 'F32', 'Bool', ...Object.keys(INTEGERS)];

/** Generates any text, including U+0000 and names that objects inherit. */
export function anyString(): fc.Arbitrary<string> {
  return anyUnits().map(toUSVString);
}

/** Generates any JavaScript string: as `anyString` does, and strings with lone surrogates, which are no text. */
export function anyUnits(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
    {
      weight: 1,
      arbitrary: fc.array(fc.integer({ max: 0xffff, min: 0 })).map((units) => String.fromCharCode(...units)),
    },
    { weight: 1, arbitrary: fc.constantFrom('', '__proto__', 'constructor', 'toString', 'type', '\0', '\ud800', '0') },
  );
}

/** A document of any of the 22 types, with and without optional and unknown keys, now and then with a name declared twice. */
export function analysedTypeDocument(): fc.Arbitrary<TypeDocument> {
  return TREE.type;
}

const NAMES = fc.array(anyString(), { minLength: 1, maxLength: 4 });

const TREE = fc.letrec<{ type: TypeDocument; leaf: TypeDocument; tree: TypeDocument }>((tie) => {
  const type = tie('type');
  const optionalType = fc.option(type);
  return {
    type: fc.oneof({ maxDepth: 4, depthSize: 'small', withCrossShrink: true }, tie('leaf'), tie('tree')),
    leaf: fc.oneof(
      { weight: 4, arbitrary: fc.record({ type: fc.constantFrom(...SCALARS) }) },
      { weight: 1, arbitrary: compound('Enum', { cases: NAMES }) },
      { weight: 1, arbitrary: compound('Flags', { names: fc.array(anyString(), { maxLength: 5 }) }) },
      {
        weight: 1,
        arbitrary: compound('Handle', { resource_id: fc.maxSafeNat(), mode: fc.constantFrom('Owned', 'Borrowed') }),
      },
    ),
    tree: fc.oneof(
      compound('List', { inner: type }),
      compound('Option', { inner: type }),
      compound('Tuple', { items: fc.array(type, { maxLength: 4 }) }),
      compound('Record', { fields: fc.array(fc.record({ name: anyString(), typ: type }), { maxLength: 5 }) }),
      compound('Variant', {
        cases: fc.array(fc.record({ name: anyString(), typ: optionalType }, { requiredKeys: ['name'] }), {
          minLength: 1,
          maxLength: 4,
        }),
      }),
      fc
        .record({ ok: optionalType, err: optionalType, name: fc.option(anyString()) }, { requiredKeys: [] })
        .map((sides) => ({ type: 'Result', ...sides })),
    ),
  };
});

function compound(type: string, parts: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<TypeDocument> {
  const extras = {
    name: fc.option(anyString()),
    owner: fc.option(anyString()),
    unknown: fc.jsonValue({ maxDepth: 1 }),
  };
  return fc
    .tuple(fc.record(parts), fc.record(extras, { requiredKeys: [] }))
    .map(([required, optional]) => ({ type, ...required, ...optional }));
}

/** Generates a random type with a value of that type. */
export function typedValue(): fc.Arbitrary<TypedValue> {
  return analysedTypeDocument().chain((document) => valueFor(document).map((value) => ({ document, ...value })));
}

/** Generates a value of the given type in a random spelling. */
export function valueFor(document: TypeDocument): fc.Arbitrary<Spelled> {
  const space = fc.constantFrom('', '', '', ' ', '\n\t');
  return fc
    .tuple(space, unspacedValueFor(document), space)
    .map(([before, value, after]) => ({ ...value, jsonText: before + value.jsonText + after }));
}

function unspacedValueFor(document: TypeDocument): fc.Arbitrary<Spelled> {
  switch (document.type) {
    case 'Bool':
      return fc.boolean().map((value) => asIs(String(value)));
    case 'Str':
      return anyString().chain(spelledString);
    case 'Chr':
      return fc.oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff })).map(asIs);
    case 'F64':
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => float(number, number));
    case 'F32':
      return fc
        .double({ noNaN: true, min: -3.4028234663852886e38, max: 3.4028234663852886e38 })
        .map((number) => float(number, Math.fround(number)));
    case 'Enum':
      return fc.constantFrom(...(document.cases as string[])).chain(spelledString);
    case 'Flags':
      return flags(document.names as string[]);
    case 'Handle':
      return fc.tuple(anyString(), fc.constantFrom('', '+', '0', '+000'), fc.bigInt(0n, 2n ** 64n - 1n)).map(handle);
    case 'List':
      return fc.array(valueFor(document.inner as TypeDocument), { maxLength: 4 }).map(array);
    case 'Option':
      return fc.option(valueFor(document.inner as TypeDocument)).map((value) => value ?? asIs('null'));
    case 'Tuple':
      return fc.tuple(...(document.items as TypeDocument[]).map(valueFor)).map(array);
    case 'Record':
      return record(document.fields as Declared[]);
    case 'Variant':
      return fc.constantFrom(...distinct(document.cases as Declared[])).chain(choice);
    case 'Result':
      return fc
        .constantFrom<Declared[]>({ name: 'ok', typ: document.ok as Side }, { name: 'err', typ: document.err as Side })
        .chain(choice);
    default:
      return integer(...(INTEGERS[document.type] as readonly [bigint, bigint]));
  }
}

type Side = TypeDocument | null | undefined;
type Declared = { name: string; typ?: Side };

function distinct(declared: readonly Declared[]): Declared[] {
  return declared.filter(({ name }, index) => declared.findIndex((other) => other.name === name) === index);
}

function asIs(text: string | number): Spelled {
  return { jsonText: String(text), expectedText: String(text) };
}

function spelledString(value: string): fc.Arbitrary<Spelled> {
  const escaped = Array.from({ length: value.length }, (_, index) => {
    return `\\u${value.charCodeAt(index).toString(16).padStart(4, '0')}`;
  });
  const expectedText = JSON.stringify(value);
  return fc.constantFrom(expectedText, `"${escaped.join('')}"`).map((jsonText) => ({ jsonText, expectedText }));
}

function integer(min: bigint, max: bigint): fc.Arbitrary<Spelled> {
  const number = fc.oneof(fc.bigInt(min, max), fc.constantFrom(min, max, 0n, 1n, 100n));
  return fc
    .tuple(number, fc.constantFrom('', '.0', '.000e0', 'e0', '0e-1', '00.0E-2', 'e+00'))
    .map(([value, tail]) => ({
      jsonText: value === 0n && tail.startsWith('0') ? '-0.0' : `${value}${tail}`,
      expectedText: String(value),
    }));
}

function float(given: number, kept: number): Spelled {
  // JSON.stringify prints -0 as 0.
  return { jsonText: Object.is(given, -0) ? '-0.0' : String(given), expectedText: JSON.stringify(kept) };
}

function flags(names: readonly string[]): fc.Arbitrary<Spelled> {
  if (names.length === 0) return fc.constant(asIs('[]'));
  return fc.array(fc.constantFrom(...names), { maxLength: 6 }).map((given) => ({
    jsonText: JSON.stringify(given),
    expectedText: JSON.stringify([...new Set(names)].filter((name) => given.includes(name))),
  }));
}

function handle([prefix, before, id]: [string, string, bigint]): Spelled {
  return { jsonText: JSON.stringify(`${prefix}/${before}${id}`), expectedText: JSON.stringify(`${prefix}/${id}`) };
}

function array(elements: readonly Spelled[]): Spelled {
  return {
    jsonText: `[${elements.map((element) => element.jsonText).join(',')}]`,
    expectedText: `[${elements.map((element) => element.expectedText).join(',')}]`,
  };
}

function record(fields: readonly Declared[]): fc.Arbitrary<Spelled> {
  const counted = distinct(fields);
  const members = counted.map(({ name, typ }) =>
    fc.record({
      key: fc.constant(`${JSON.stringify(name)}:`),
      value: valueFor(typ as TypeDocument),
      left: typ?.type === 'Option' ? fc.boolean() : fc.constant(false),
      rank: fc.integer(),
    }),
  );
  return fc.tuple(...members).map((given) => {
    const shuffled = given.filter(({ left }) => !left).sort((a, b) => a.rank - b.rank);
    return {
      jsonText: `{${shuffled.map(({ key, value }) => key + value.jsonText).join(',')}}`,
      expectedText: `{${given.map(({ key, value, left }) => key + (left ? 'null' : value.expectedText)).join(',')}}`,
    };
  });
}

function choice({ name, typ }: Declared): fc.Arbitrary<Spelled> {
  const payload = typ == null ? fc.constant(asIs('null')) : valueFor(typ);
  return payload.map(({ jsonText, expectedText }) => ({
    jsonText: `{${JSON.stringify(name)}:${jsonText}}`,
    expectedText: `{${JSON.stringify(name)}:${expectedText}}`,
  }));
}
