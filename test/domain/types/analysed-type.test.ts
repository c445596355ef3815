// Type documents: what is accepted, how it is printed and described, and that refusals name places and no content.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeAnalysedType, printAnalysedType, TYPE_KINDS } from '../../../src/domain/types/analysed-type.js';
import { analysedTypeFromText, parseAnalysedType } from '../../../src/domain/types/analysed-type-parse.js';
import { AppError } from '../../../src/errors/errors.js';
import { parseJson } from '../../../src/json/parse.js';
import { analysedTypeDocument, type TypeDocument } from '../../conformance/generators/typed-values.js';

describe('parseAnalysedType', () => {
  test('knows 22 kinds', () => {
    expect(new Set(TYPE_KINDS).size).toBe(22);
  });

  test.each([
    ['true', ['$: expected a type document']],
    ['{}', [`$.type: expected one of ${TYPE_KINDS.join(', ')}`]],
    ['{"type":"List"}', ['$.inner: expected a type document']],
    ['{"type":"Option","inner":[],"name":1}', ['$.name: expected a string', '$.inner: expected a type document']],
    ['{"type":"Tuple","items":{}}', ['$.items: expected an array']],
    [
      '{"type":"Record","fields":[{"name":"a","typ":{"type":"Str"}},5,{"name":null}]}',
      [
        '$.fields[1]: expected an object with name and typ',
        '$.fields[2].name: expected a string',
        '$.fields[2].typ: expected a type document',
      ],
    ],
    [
      '{"type":"Variant","cases":["a",{"name":"b","typ":{"type":"Tuple","items":[{"type":"Str"},{"type":"Enum"}]}}]}',
      ['$.cases[0]: expected an object with name and typ', '$.cases[1].typ.items[1].cases: expected an array'],
    ],
    ['{"type":"Flags","names":["a",1]}', ['$.names[1]: expected a string']],
    ['{"type":"Result","ok":1,"err":"Str"}', ['$.ok: expected a type document', '$.err: expected a type document']],
    [
      '{"type":"Handle","resource_id":18446744073709551616,"mode":"owned"}',
      [
        '$.resource_id: expected a whole number from 0 to 18446744073709551615, in plain digits',
        '$.mode: expected Owned or Borrowed',
      ],
    ],
  ])('names every place where %s is wrong', (text, problems) => {
    expect(refusal(text)).toMatchObject({ code: 'INVALID_REQUEST', details: { problems } });
  });

  test.each(['1.0', '1e0', '-0', '0.0', '-1', '100000000000000000000', '"1"', 'null'])(
    'takes no resource_id spelled %s',
    (id) => {
      expect(refusal(`{"type":"Handle","mode":"Owned","resource_id":${id}}`).details.problems).toHaveLength(1);
    },
  );

  test('lists 50 problems and counts the rest', () => {
    const { problems } = refusal(`{"type":"Tuple","items":[${Array(60).fill('0').join()}]}`).details;
    expect(problems).toHaveLength(51);
    expect(problems?.slice(-2)).toEqual(['$.items[49]: expected a type document', 'and 10 more problems']);
  });

  test('takes 64 levels of types and 108 of JSON, and refuses one more', () => {
    const wraps: [levels: number, wrap: (inner: TypeDocument) => TypeDocument][] = [
      [64, (inner) => ({ type: 'List', inner })],
      [64, (inner) => ({ type: 'Option', inner })],
      [54, (inner) => ({ type: 'Tuple', items: [inner] })],
      [36, (inner) => ({ type: 'Record', fields: [{ name: 'a', typ: inner }] })],
      [36, (inner) => ({ type: 'Variant', cases: [{ name: 'a', typ: inner }] })],
      [64, (inner) => ({ type: 'Result', err: inner })],
    ];
    for (const [levels, wrap] of wraps) {
      let document: TypeDocument = { type: 'Str' };
      for (let level = 1; level < levels; level += 1) document = wrap(document);
      const text = JSON.stringify(document);
      expect(parseJson(printAnalysedType(parseAnalysedType(parseJson(text))))).toEqual(parseJson(text));
      const { problems } = refusal(JSON.stringify(wrap(document))).details;
      const expected =
        levels === 64
          ? /: expected at most 64 levels of types$/
          : /: expected at most 108 levels of arrays and objects$/;
      expect(problems).toEqual([expect.stringMatching(expected)]);
    }
  });

  test('reads a stored document that is deeper than what is taken in', () => {
    const open = '{"type":"Record","fields":[{"name":"a","typ":';
    const text = `${open.repeat(63)}{"type":"Str"}${'}]}'.repeat(63)}`;
    expect(refusal(text).details.problems).toHaveLength(1);
    expect(printAnalysedType(analysedTypeFromText(text))).toBe(text);
  });

  test('reads names that objects inherit like any other', () => {
    const text = '{"type":"Record","fields":[{"name":"__proto__","typ":{"type":"Str"}}],"name":"toString"}';
    expect(printAnalysedType(parseAnalysedType(parseJson(text)))).toBe(text);
    expect(refusal('{"__proto__":{"type":"Str"}}').details.problems).toHaveLength(1);
    expect(refusal('{"type":"toString"}').details.problems).toHaveLength(1);
  });

  test('reads big documents in proportional time', () => {
    const fields = Array.from({ length: 20_000 }, (_, index) => ({ name: `f${index}`, typ: { type: 'Nope' } }));
    const started = performance.now();
    refusal(JSON.stringify({ type: 'Record', fields }));
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('never tells what the document holds', () => {
    const secret = 'hunter2';
    const texts = [
      `"${secret}"`,
      `{"type":"${secret}"}`,
      `{"type":["${secret}"]}`,
      `{"${secret}":1}`,
      `{"type":"List","inner":"${secret}","name":["${secret}"],"${secret}":"${secret}"}`,
      `{"type":"Record","fields":[{"name":"${secret}","typ":{"type":"${secret}"}},{"name":{"${secret}":0}},"${secret}"]}`,
      `{"type":"Variant","cases":[{"name":"${secret}","typ":"${secret}"},"${secret}"]}`,
      `{"type":"Enum","cases":["${secret}",0]}`,
      `{"type":"Flags","names":{"${secret}":0}}`,
      `{"type":"Result","ok":"${secret}"}`,
      `{"type":"Handle","resource_id":"${secret}","mode":"${secret}"}`,
    ];
    for (const text of texts) {
      const error = refusal(text);
      expect(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toContain(secret);
    }
  });
});

describe('printAnalysedType', () => {
  test('prints known keys only, type first, absent optional ones omitted', () => {
    expect(
      printed({
        unknown: 1,
        owner: 'o',
        cases: [
          { typ: null, doc: '', name: 'a' },
          { name: 'b', typ: { name: 'dropped', type: 'Str' } },
        ],
        name: null,
        type: 'Variant',
      }),
    ).toBe('{"type":"Variant","cases":[{"name":"a"},{"name":"b","typ":{"type":"Str"}}],"owner":"o"}');
    expect(printed({ type: 'Result', ok: null, err: { type: 'U8' } })).toBe('{"type":"Result","err":{"type":"U8"}}');
  });

  test('keeps every digit of a resource_id', () => {
    const text = '{"type":"Handle","resource_id":18446744073709551615,"mode":"Borrowed","name":"cart"}';
    expect(printAnalysedType(parseAnalysedType(parseJson(text)))).toBe(text);
  });

  test('loses nothing of a document but unknown keys and nulls', () => {
    fc.assert(
      fc.property(analysedTypeDocument(), (document) => {
        expect(JSON.parse(printed(document))).toEqual(known(JSON.parse(JSON.stringify(document))));
      }),
      { numRuns: 500 },
    );
  });

  test('prints what reads back as the same type, also through the cache', () => {
    fc.assert(
      fc.property(analysedTypeDocument(), (document) => {
        const type = parseAnalysedType(parseJson(JSON.stringify(document)));
        const text = printAnalysedType(type);
        expect(printAnalysedType(parseAnalysedType(parseJson(text)))).toBe(text);
        expect(analysedTypeFromText(text)).toEqual(type);
        expect(analysedTypeFromText(text)).toBe(analysedTypeFromText(text));
      }),
    );
  });
});

test('a stored type that cannot be read is a fault of ours, not a refusal', () => {
  for (const text of ['{"type":"Nope"}', '{', '']) {
    const error = thrown(() => analysedTypeFromText(text));
    expect(error).toEqual(new Error('A stored type document cannot be read'));
    expect(error).not.toBeInstanceOf(AppError);
  }
});

describe('describeAnalysedType', () => {
  const inner = { type: 'U8' };
  test.each<[string, TypeDocument]>([
    ['string', { type: 'Str' }],
    ['char', { type: 'Chr' }],
    ['bool', { type: 'Bool' }],
    ['f32', { type: 'F32' }],
    ['s64', { type: 'S64' }],
    ['list<u8>', { type: 'List', inner }],
    ['option<list<u8>>', { type: 'Option', inner: { type: 'List', inner } }],
    ['tuple<string, u8>', { type: 'Tuple', items: [{ type: 'Str' }, inner] }],
    ['tuple<>', { type: 'Tuple', items: [] }],
    ['record { host: string, port: u8 }', { type: 'Record', fields: [named('host', 'Str'), named('port', 'U8')] }],
    ['record {}', { type: 'Record', fields: [] }],
    ['variant { circle(f64), nothing }', { type: 'Variant', cases: [named('circle', 'F64'), { name: 'nothing' }] }],
    ['enum { red, green }', { type: 'Enum', cases: ['red', 'green'] }],
    ['flags { read, write }', { type: 'Flags', names: ['read', 'write'] }],
    ['result<string, u8>', { type: 'Result', ok: { type: 'Str' }, err: inner }],
    ['result<_, u8>', { type: 'Result', err: inner }],
    ['result<u8>', { type: 'Result', ok: inner }],
    ['result', { type: 'Result' }],
    ['own<cart>', { type: 'Handle', resource_id: 1, mode: 'Owned', name: 'cart' }],
    ['borrow<resource-7>', { type: 'Handle', resource_id: 7, mode: 'Borrowed' }],
  ])('%s', (description, document) => {
    expect(describeAnalysedType(parseAnalysedType(parseJson(JSON.stringify(document))))).toBe(description);
  });
});

function named(name: string, type: string): { name: string; typ: TypeDocument } {
  return { name, typ: { type } };
}

function printed(document: TypeDocument): string {
  return printAnalysedType(parseAnalysedType(parseJson(JSON.stringify(document))));
}

/** What is to remain of a document, found without looking at its kind. */
function known(document: TypeDocument): TypeDocument {
  const keys = [
    'type',
    'inner',
    'items',
    'fields',
    'cases',
    'names',
    'ok',
    'err',
    'resource_id',
    'mode',
    'name',
    'owner',
    'typ',
  ];
  const entries = Object.entries(document).filter(([key, value]) => keys.includes(key) && value !== null);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, Array.isArray(value) ? value.map(knownPart) : knownPart(value)]),
  ) as TypeDocument;
}

function knownPart(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? known(value as TypeDocument) : value;
}

function refusal(text: string): AppError {
  const error = thrown(() => parseAnalysedType(parseJson(text)));
  if (error instanceof AppError) return error;
  throw error;
}

function thrown(attempt: () => unknown): unknown {
  try {
    attempt();
  } catch (error) {
    return error;
  }
  throw new Error('expected a refusal');
}
