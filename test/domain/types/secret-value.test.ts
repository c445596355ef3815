// Values: stored exactly or refused, with problems that name places and never content.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AnalysedType, printAnalysedType } from '../../../src/domain/types/analysed-type.js';
import { parseAnalysedType } from '../../../src/domain/types/analysed-type-parse.js';
import { checkSecretValue } from '../../../src/domain/types/secret-value.js';
import { AppError } from '../../../src/errors/errors.js';
import { JsonNumber, type JsonValue } from '../../../src/json/exact.js';
import { parseJson } from '../../../src/json/parse.js';
import { printJson } from '../../../src/json/print.js';
import {
  analysedTypeDocument,
  anyString,
  type TypeDocument,
  typedValue,
} from '../../conformance/generators/typed-values.js';

const str = { type: 'Str' };
const u8 = { type: 'U8' };

describe('a value that fits', () => {
  test('reads back as promised, however it was spelled, and its canonical text checks to itself', () => {
    fc.assert(
      fc.property(typedValue(), ({ document, jsonText, expectedText }) => {
        expect(check(document, jsonText)).toBe(expectedText);
        expect(check(document, expectedText)).toBe(expectedText);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['U64', '18446744073709551615', '18446744073709551615'],
    ['U64', '184467440737095516.15e2', '18446744073709551615'],
    ['U64', '1844674407370955161500000000000000e-14', '18446744073709551615'],
    ['S64', '-9223372036854775808.000', '-9223372036854775808'],
    ['U8', `0.${'0'.repeat(300)}255E+303`, '255'],
    ['U8', '0e99999999999999999999', '0'],
    ['U8', '-0.00e-99999999999999999999', '0'],
    ['Chr', '1.114111e6', '1114111'],
    ['F64', '5e-324', '5e-324'],
    ['F64', '1e-400', '0'],
    ['F64', '-0.0', '0'],
    ['F64', '1.7976931348623157e308', '1.7976931348623157e+308'],
    ['F32', '3.4028235e38', '3.4028234663852886e+38'],
    ['F32', '-1e-60', '0'],
  ])('%s takes %s as %s', (type, given, kept) => {
    expect(check({ type }, given)).toBe(kept);
  });

  test.each([
    ['U64', '18446744073709551615.5'],
    ['U64', '18446744073709551616'],
    ['U64', '1e20'],
    ['U64', '1e999999999999999999999'],
    ['U8', '1e-999999999999999999999'],
    ['U8', '0.9999999999999999999999'],
    ['U8', '255.0000000000000000000000001'],
    ['U8', '1e-400'],
    ['S8', '-128.1'],
    ['Chr', '55296.0'],
    ['F64', '1e309'],
    ['F64', '-1e999999999999'],
    ['F32', '3.4028236e38'],
  ])('%s does not take %s', (type, given) => {
    expect(problems({ type }, given)).toHaveLength(1);
  });

  test('costs no more than its text, whatever number that stands for', () => {
    const million = '0'.repeat(1_000_000);
    const started = performance.now();
    expect(check({ type: 'U64' }, `1${million}e-1000000`)).toBe('1');
    expect(check({ type: 'U64' }, `1.${million}`)).toBe('1');
    expect(check({ type: 'U64' }, `0.${million}1e1000001`)).toBe('1');
    expect(check({ type: 'U64' }, `7e${'0'.repeat(1_000_000)}1`)).toBe('70');
    expect(problems({ type: 'U64' }, `1${million}`)).toHaveLength(1);
    expect(problems({ type: 'U64' }, `0.${million}1`)).toHaveLength(1);
    expect(problems({ type: 'U64' }, `1e${'9'.repeat(1_000_000)}`)).toHaveLength(1);
    expect(problems({ type: 'F64' }, `1e${'9'.repeat(1_000_000)}`)).toHaveLength(1);
    expect(check({ type: 'Handle', resource_id: 1, mode: 'Owned' }, `"x/${million}7"`)).toBe('"x/7"');
    expect(problems({ type: 'Handle', resource_id: 1, mode: 'Owned' }, `"x/${million}${million}x"`)).toHaveLength(1);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('keeps every text unit by unit, in text that survives UTF-8', () => {
    fc.assert(
      fc.property(anyString(), (value) => {
        const text = check(str, JSON.stringify(value));
        expect(JSON.parse(Buffer.from(text).toString())).toBe(value);
      }),
    );
  });

  test('is written with the first of two declarations of a name', () => {
    const record = { type: 'Record', fields: [field('a', str), field('b', u8), field('a', { type: 'Bool' })] };
    expect(check(record, '{"b":1,"a":"x"}')).toBe('{"a":"x","b":1}');
    expect(problems(record, '{"b":1,"a":true}')).toEqual(['$.a: expected string']);
    const variant = { type: 'Variant', cases: [field('a', u8), { name: 'a' }] };
    expect(check(variant, '{"a":1}')).toBe('{"a":1}');
    expect(problems(variant, '{"a":null}')).toEqual(['$.a: expected u8']);
    expect(check({ type: 'Flags', names: ['x', 'y', 'x'] }, '["y","x","x"]')).toBe('["x","y"]');
  });

  test('has its flags in the order of declaration, however many there are', () => {
    const names = Array.from({ length: 12 }, (_, index) => `f${index}`);
    expect(check({ type: 'Flags', names }, JSON.stringify(names.toReversed()))).toBe(JSON.stringify(names));
  });

  test('may use names that objects inherit', () => {
    const record = {
      type: 'Record',
      fields: [field('__proto__', str), field('toString', { type: 'Option', inner: u8 })],
    };
    expect(check(record, '{"__proto__":"x"}')).toBe('{"__proto__":"x","toString":null}');
    expect(problems(record, '{}')).toEqual(['$.__proto__: expected string, but the field is missing']);
    expect(check({ type: 'Variant', cases: [field('__proto__', u8)] }, '{"__proto__":1}')).toBe('{"__proto__":1}');
    expect(problems({ type: 'Variant', cases: [field('a', u8)] }, '{"__proto__":1}')).toHaveLength(1);
    expect(problems({ type: 'Result' }, '{"constructor":null}')).toHaveLength(1);
  });

  test('may be as deep as a type may be', () => {
    let document: TypeDocument = u8;
    for (let level = 1; level < 36; level += 1) document = { type: 'Record', fields: [field('a', document)] };
    const text = `${'{"a":'.repeat(35)}1${'}'.repeat(35)}`;
    expect(check(document, text)).toBe(text);
    expect(problems(document, `{"a":${text}}`)).toEqual([`$${'.a'.repeat(35)}: expected u8`]);
  });
});

describe('a value that does not fit', () => {
  test('is refused, or taken as an independent reading of the contract takes it', () => {
    const mutated = fc.tuple(typedValue(), typedValue(), fc.infiniteStream(fc.nat())).map(([target, source, dice]) => {
      const roll = (sides: number) => Number(dice.next().value) % sides;
      const text = printJson(mutate(parseJson(target.jsonText), parseJson(source.jsonText), roll));
      return { document: target.document, text };
    });
    const outcomes = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(mutated, ({ document, text }) => {
        const expected = oracle(JSON.parse(JSON.stringify(document)), parseJson(text));
        if (expected === undefined) {
          expect(problems(document, text)?.length).toBeGreaterThan(0);
          outcomes.refused += 1;
        } else {
          expect(check(document, text)).toBe(expected);
          outcomes.taken += 1;
        }
      }),
      { numRuns: 5000 },
    );
    expect(Math.min(outcomes.taken, outcomes.refused)).toBeGreaterThan(200);
  });

  test('is told by place and expectation, every place at once', () => {
    const document = {
      type: 'Record',
      fields: [
        field('db', { type: 'Record', fields: [field('port', { type: 'U16' }), field('host', str)] }),
        field('api-key', { type: 'List', inner: u8 }),
        field('shape', { type: 'Variant', cases: [field('circle', { type: 'F64' }), { name: 'nothing' }] }),
        field('flags', { type: 'Flags', names: ['a'] }),
        field('pair', { type: 'Tuple', items: [str, { type: 'Option', inner: { type: 'Chr' } }] }),
        field('result', { type: 'Result', ok: str }),
        field('size', { type: 'Enum', cases: ['s'] }),
        field('cart', { type: 'Handle', resource_id: 1, mode: 'Owned' }),
      ],
    };
    expect(
      problems(
        document,
        '{"db":{"port":65536,"pass":1},"api-key":[1,256,null],"shape":{"circle":"x"},"flags":["a","b"],"pair":["a",-1],"result":{"err":1},"size":"xl","cart":"x"}',
      ),
    ).toEqual([
      '$.db.port: expected u16',
      '$.db.host: expected string, but the field is missing',
      '$.db: expected exactly the declared fields',
      '$["api-key"][1]: expected u8',
      '$["api-key"][2]: expected u8',
      '$.shape.circle: expected f64',
      '$.flags[1]: expected a declared flag',
      '$.pair[1]: expected char, as the number of a Unicode scalar value',
      '$.result.err: expected null',
      '$.size: expected a declared case',
      '$.cart: expected a handle, <prefix>/<unsigned 64-bit id>',
    ]);
    expect(
      problems(
        document,
        '{"db":[],"api-key":{},"shape":{"square":1},"flags":null,"pair":[1],"result":{"ok":"x","err":null},"size":1,"cart":1}',
      ),
    ).toEqual([
      '$.db: expected an object with exactly the declared fields',
      '$["api-key"]: expected an array',
      '$.shape: expected an object with exactly one key, a declared case',
      '$.flags: expected an array of declared flags',
      '$.pair: expected an array of length 2',
      '$.result: expected an object with exactly one key, ok or err',
      '$.size: expected a declared case',
      '$.cart: expected a handle, <prefix>/<unsigned 64-bit id>',
    ]);
  });

  test('is told in 100 problems and the count of the rest', () => {
    const told = problems({ type: 'List', inner: u8 }, `[${Array(250).fill('""').join()}]`);
    expect(told).toHaveLength(101);
    expect(told?.slice(-2)).toEqual(['$[99]: expected u8', 'and 150 more problems']);
  });

  test('is told briefly, however long the declared names are', () => {
    const document = { type: 'List', inner: { type: 'Record', fields: [field('n'.repeat(100_000), u8)] } };
    const told = problems(document, `[${Array(100).fill('{}').join()}]`);
    expect(told?.[0]).toBe(`$[0]["${'n'.repeat(64)}…"]: expected u8, but the field is missing`);
    expect(JSON.stringify(told).length).toBeLessThan(20_000);
  });

  test('never shows what it holds, be it a value, a key or a case', () => {
    const secret = 'hunter2';
    const intruders: JsonValue[] = [secret, [secret], { [secret]: null }, { [secret]: secret, more: [secret] }];
    const intruder = fc.constantFrom(...intruders);
    fc.assert(
      fc.property(typedValue(), intruder, fc.infiniteStream(fc.nat()), ({ document, jsonText }, other, dice) => {
        const roll = (sides: number) => Number(dice.next().value) % sides;
        const value = mutate(parseJson(jsonText), other, roll);
        try {
          checkSecretValue(typeOf(document), value);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          expect(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toContain(secret);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('is refused with its own code', () => {
    expect(refusal(u8, '"x"')).toMatchObject({
      code: 'AGENT_SECRET_VALUE_TYPE_MISMATCH',
      message: 'The secret value does not fit its type',
    });
  });
});

describe('a small request', () => {
  const many = Array.from({ length: 1000 }, (_, index) => `f${index}`);
  const empties = `[${Array(20_000).fill('{}').join()}]`;

  test('cannot make a huge value out of missing optional fields', () => {
    const fields = many.map((name) => field(name, { type: 'Option', inner: u8 }));
    const started = performance.now();
    const error = refusal({ type: 'List', inner: { type: 'Record', fields } }, empties);
    expect(error.code).toBe('LIMIT_EXCEEDED');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('cannot make us count missing fields for long', () => {
    const fields = many.map((name) => field(name, u8));
    const started = performance.now();
    const told = problems({ type: 'List', inner: { type: 'Record', fields } }, empties);
    expect(told?.slice(-2)).toEqual(['$[0].f99: expected u8, but the field is missing', 'and more problems']);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('cannot make us walk all flags or cases for every element', () => {
    const started = performance.now();
    const lists = { type: 'List', inner: { type: 'Flags', names: many } };
    expect(check(lists, `[${Array(20_000).fill('["f999"]').join()}]`)).toHaveLength(20_000 * 9 + 1);
    const variants = { type: 'List', inner: { type: 'Variant', cases: many.map((name) => ({ name })) } };
    expect(check(variants, `[${Array(20_000).fill('{"f999":null}').join()}]`)).toHaveLength(20_000 * 14 + 1);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

test('every random type has its say on random values without anything but a refusal', () => {
  fc.assert(
    fc.property(analysedTypeDocument(), fc.jsonValue(), (document, value) => {
      const type = typeOf(document);
      const text = JSON.stringify(value);
      const expected = oracle(JSON.parse(printAnalysedType(type)), parseJson(text));
      if (expected === undefined) problems(document, text);
      else expect(check(document, text)).toBe(expected);
    }),
    { numRuns: 1000 },
  );
});

function field(name: string, typ: TypeDocument): { name: string; typ: TypeDocument } {
  return { name, typ };
}

function typeOf(document: TypeDocument): AnalysedType {
  return parseAnalysedType(parseJson(JSON.stringify(document)));
}

function check(document: TypeDocument, text: string): string {
  return checkSecretValue(typeOf(document), parseJson(text));
}

function refusal(document: TypeDocument, text: string): AppError {
  try {
    check(document, text);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

function problems(document: TypeDocument, text: string): readonly string[] | undefined {
  const error = refusal(document, text);
  expect(error.code).toBe('AGENT_SECRET_VALUE_TYPE_MISMATCH');
  return error.details.problems;
}

/** Changes one place of a value: to a part of another one, or by adding to it or taking from it. */
function mutate(value: JsonValue, other: JsonValue, roll: (sides: number) => number): JsonValue {
  const members = value === null || typeof value !== 'object' || value instanceof JsonNumber ? [] : Object.keys(value);
  const inner = members[roll(Math.max(1, members.length))];
  if (inner !== undefined && roll(4) !== 0) {
    const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, JsonValue>;
    const changed = mutate(copy[inner] as JsonValue, other, roll);
    Object.defineProperty(copy, inner, { value: changed, enumerable: true });
    return copy;
  }
  if (value instanceof JsonNumber) {
    const spellings = [
      `${value.text.split(/[.eE]/)[0]}.5`,
      `${Number.parseInt(value.text, 10) % 1000}e3`,
      '256',
      '-1',
      '1e39',
      '65536.0',
      '0.10',
    ];
    return new JsonNumber(spellings[roll(spellings.length)] as string);
  }
  if (Array.isArray(value) && roll(3) !== 0)
    return roll(2) === 0 ? [...value, ...value.slice(0, 1), other] : value.slice(1);
  if (members.length > 0 && roll(3) !== 0) {
    const rest = Object.entries(value as object).slice(roll(2));
    return Object.fromEntries(roll(2) === 0 ? [...rest, ['more', other]] : rest);
  }
  const scalars: JsonValue[] = [null, true, new JsonNumber('1'), '', 'a/1', [], {}, { ok: null }, other];
  return scalars[roll(scalars.length)] as JsonValue;
}

/** The table of values.md, read once more: the canonical text of a value, or undefined where it does not fit. */
function oracle(document: TypeDocument, value: JsonValue): string | undefined {
  const { type } = document;
  const given: unknown = value instanceof JsonNumber ? Number(value.text) : value;
  const keys = typeof given === 'object' && given !== null && !Array.isArray(given) ? Object.keys(given) : undefined;
  const member = (key: string): JsonValue => (value as Record<string, JsonValue>)[key] as JsonValue;
  const all = (texts: (string | undefined)[], open: string, close: string) =>
    texts.includes(undefined) ? undefined : open + texts.join(',') + close;
  switch (type) {
    case 'Bool':
      return typeof given === 'boolean' ? `${given}` : undefined;
    case 'Str':
      return typeof given === 'string' ? JSON.stringify(given) : undefined;
    case 'F64':
    case 'F32': {
      const kept = type === 'F32' && typeof given === 'number' ? Math.fround(given) : given;
      return Number.isFinite(kept) ? JSON.stringify(kept) : undefined;
    }
    case 'Enum':
      return (document.cases as unknown[]).includes(given) ? JSON.stringify(given) : undefined;
    case 'Flags': {
      const names = document.names as unknown[];
      if (!Array.isArray(given) || !given.every((flag) => names.includes(flag))) return undefined;
      return JSON.stringify([...new Set(names)].filter((name) => given.includes(name)));
    }
    case 'Handle': {
      const [, prefix, digits] = (typeof given === 'string' && /^(.*)\/\+?([0-9]+)$/s.exec(given)) || [];
      if (digits === undefined || BigInt(digits) >= 1n << 64n) return undefined;
      return JSON.stringify(`${prefix}/${BigInt(digits)}`);
    }
    case 'Option':
      return given === null ? 'null' : oracle(document.inner as TypeDocument, value);
    case 'List':
      return Array.isArray(value)
        ? all(
            value.map((item) => oracle(document.inner as TypeDocument, item)),
            '[',
            ']',
          )
        : undefined;
    case 'Tuple': {
      const items = document.items as TypeDocument[];
      if (!Array.isArray(value) || value.length !== items.length) return undefined;
      return all(
        items.map((item, index) => oracle(item, value[index] as JsonValue)),
        '[',
        ']',
      );
    }
    case 'Record': {
      const fields = new Map(
        (document.fields as { name: string; typ: TypeDocument }[]).toReversed().map((f) => [f.name, f]),
      );
      const names = [...new Set((document.fields as { name: string }[]).map((f) => f.name))];
      if (!keys?.every((key) => fields.has(key))) return undefined;
      const texts = names.map((name) => {
        const typ = fields.get(name)?.typ as TypeDocument;
        const text = keys.includes(name) ? oracle(typ, member(name)) : typ.type === 'Option' ? 'null' : undefined;
        return text && `${JSON.stringify(name)}:${text}`;
      });
      return all(texts, '{', '}');
    }
    case 'Variant':
    case 'Result': {
      const sides =
        type === 'Result'
          ? [
              { name: 'ok', typ: document.ok },
              { name: 'err', typ: document.err },
            ]
          : document.cases;
      const side = (sides as { name: string; typ?: TypeDocument | null }[]).find(({ name }) => name === keys?.[0]);
      if (keys?.length !== 1 || side === undefined) return undefined;
      const text = side.typ ? oracle(side.typ, member(side.name)) : member(side.name) === null ? 'null' : undefined;
      return text && `{${JSON.stringify(side.name)}:${text}}`;
    }
    default:
      return value instanceof JsonNumber ? wholeNumber(type, value.text) : undefined;
  }
}

/** By plain arithmetic: as many tenths, hundredths and so on as the number has decimals. */
function wholeNumber(type: string, text: string): string | undefined {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', decimals = ''] = mantissa.split('.');
  const scale = Number(exponent) - decimals.length;
  const digits = BigInt(whole + decimals) * (scale > 0 ? 10n ** BigInt(Math.min(scale, 400)) : 1n);
  const divisor = 10n ** BigInt(Math.min(Math.max(0, -scale), 400));
  if (digits % divisor !== 0n) return undefined;
  const number = digits / divisor;
  if (type === 'Chr') {
    return number >= 0n && number <= 0x10ffffn && (number < 0xd800n || number > 0xdfffn) ? `${number}` : undefined;
  }
  const bits = Number(type.slice(1));
  const wrapped = type.startsWith('U') ? BigInt.asUintN(bits, number) : BigInt.asIntN(bits, number);
  return wrapped === number ? `${number}` : undefined;
}
