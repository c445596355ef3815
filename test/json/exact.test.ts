// JSON in and out: strict where it is read, exact where it is printed, silent about content where it refuses.
import { inspect, toUSVString } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isJsonObject,
  JsonDepthError,
  JsonNumber,
  JsonSyntaxError,
  type JsonValue,
  RawJson,
} from '../../src/json/exact.js';
import { decodeUtf8, parseJson } from '../../src/json/parse.js';
import { printJson } from '../../src/json/print.js';
import { anyUnits } from '../conformance/generators/typed-values.js';

describe('parseJson', () => {
  test.each([
    ['null', null],
    [' true ', true],
    ['\t\r\n false', false],
    ['""', ''],
    ['[]', []],
    ['{}', {}],
    ['[ [ ] , { "a" : [ null ] } ]', [[], { a: [null] }]],
    ['"a\\u0041\\n\\/\\"\\\\"', 'aA\n/"\\'],
    ['"\\u0000"', '\0'],
    ['"\\uD83D\\uDD11 🔑"', '🔑 🔑'],
    [`"${'long '.repeat(50)}"`, 'long '.repeat(50)],
    [`"${'x'.repeat(100)}\\\\"`, `${'x'.repeat(100)}\\`],
    ['"\u007f\u2028"', '\u007f\u2028'],
  ])('reads %j', (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  test.each(['0', '-0', '1', '1.0', '1e2', '1E+2', '-1.50e-07', '18446744073709551615', '0.1000', '1e999999999'])(
    'keeps the number %s as it is written',
    (text) => {
      expect(parseJson(text)).toEqual(new JsonNumber(text));
      expect(printJson(parseJson(`[${text}]`))).toBe(`[${text}]`);
    },
  );

  test('keeps __proto__ and its like as ordinary members', () => {
    const object = parseJson('{"__proto__":{"admin":true},"constructor":1,"toString":null}') as Record<
      string,
      JsonValue
    >;
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(Object.keys(object)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(printJson(object)).toBe('{"__proto__":{"admin":true},"constructor":1,"toString":null}');
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  test.each([
    ['', 'line 1, column 1: expected a value'],
    ['\ufeff1', 'line 1, column 1: expected a value'],
    ['[1,\n  ,2]', 'line 2, column 3: expected a value'],
    ['nul', 'line 1, column 1: expected a value'],
    ['-', 'line 1, column 1: expected a value'],
    ['1 2', 'line 1, column 3: expected the end of the text'],
    ['01', 'line 1, column 2: expected the end of the text'],
    ['{"a":1,"b":2,"a":1}', 'line 1, column 14: expected a key that is new to this object'],
    ['{"__proto__":1,"\\u005f_proto__":1}', 'line 1, column 16: expected a key that is new to this object'],
    ['{a:1}', 'line 1, column 2: expected a key in quotes'],
    ['{"a":1,}', 'line 1, column 8: expected a key in quotes'],
    ['{"a" 1}', "line 1, column 6: expected ':'"],
    ['{"a":1', "line 1, column 7: expected ',' or '}'"],
    ['[1.]', "line 1, column 3: expected ',' or ']'"],
    ['["abc]', 'line 1, column 2: expected a string that ends'],
    ['"a\nb"', 'line 1, column 1: expected a string without control characters and with valid escapes'],
    ['"\\x41"', 'line 1, column 1: expected a string without control characters and with valid escapes'],
    ['"\\u12g4"', 'line 1, column 1: expected a string without control characters and with valid escapes'],
    ['"\\ud800"', 'line 1, column 1: expected a string without lone surrogates'],
    ['["\\uD83D\\uDD11 \\uDD11"]', 'line 1, column 2: expected a string without lone surrogates'],
    ['{"a":0,"\\udc00\\ud800":1}', 'line 1, column 8: expected a string without lone surrogates'],
    [`"${'x'.repeat(100)}\\udbff"`, 'line 1, column 1: expected a string without lone surrogates'],
  ])('refuses %j by place and expectation', (text, message) => {
    expect(() => parseJson(text)).toThrow(new JsonSyntaxError(message));
  });

  test.each([
    ...[
      '.5',
      '+1',
      '1e',
      '1e+',
      '0x1',
      'NaN',
      'Infinity',
      'True',
      "'a'",
      '[1,]',
      '[,1]',
      '[1 2]',
      '{"a":}',
      '{,}',
      '{]',
    ],
    ...[
      '// c\n1',
      '/**/1',
      '1\0',
      '\u00a01',
      '\u20281',
      '"\t"',
      '"\\"',
      '"a',
      '"\\u123"',
      '[',
      '{',
      '}',
      ']',
      ',',
      ':',
    ],
  ])('refuses %j, which is not JSON', (text) => {
    expect(() => parseJson(text)).toThrow(JsonSyntaxError);
  });

  test('refuses the nesting one level beyond the limit, and only that', () => {
    const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`;
    expect(() => parseJson(nested(256))).not.toThrow();
    expect(() => parseJson(`[${nested(256)}]`)).toThrow(
      new JsonDepthError('line 1, column 765: expected at most 256 levels of nesting'),
    );
    expect(() => parseJson('[[]]', { maxDepth: 1 })).toThrow(JsonDepthError);
    expect(() => parseJson('[[],[],{}]', { maxDepth: 2 })).not.toThrow();
    expect(() => parseJson('['.repeat(1_000_000))).toThrow(JsonDepthError);
  });

  test('agrees with JSON.parse on every valid document', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }), fc.constantFrom(0, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(withJsNumbers(parseJson(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  test('reads back every text there is, however it is escaped, and refuses every string that is no text', () => {
    fc.assert(
      fc.property(anyUnits(), (value) => {
        const escaped = Array.from(value.split(''), (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
        for (const json of [JSON.stringify(value), `"${escaped.join('')}"`]) {
          expect(parseJson(json, { keepsLoneSurrogates: true })).toBe(value);
          if (toUSVString(value) === value) expect(parseJson(json)).toBe(value);
          else expect(() => parseJson(json)).toThrow('expected a string without lone surrogates');
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('accepts and refuses what JSON.parse does, duplicate keys apart', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '\\u00e9',
      '"a"',
      '"b"',
      '1',
      '-',
      '.',
      'e',
      '0',
      'true',
      'null',
      ' ',
      '\n',
      '\0',
      'é',
    ];
    const text = fc.oneof(
      fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join('')),
      fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...pieces)).map(([json, place, piece]) => {
        const at = place % (json.length + 1);
        return json.slice(0, at) + piece + json.slice(at + (place % 2));
      }),
    );
    fc.assert(
      fc.property(text, (given) => {
        let expected: unknown;
        try {
          expected = JSON.parse(given);
        } catch {
          expect(() => parseJson(given)).toThrow(JsonSyntaxError);
          return;
        }
        try {
          expect(withJsNumbers(parseJson(given))).toEqual(expected);
        } catch (error) {
          if (!(error instanceof JsonSyntaxError)) throw error;
          expect(error.message).toContain('a key that is new to this object');
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('never tells what the text holds', () => {
    const secret = 'hunter2';
    const document = `{"${secret}":["${secret}","\\u0041${secret}",{"${secret}":${'7'.repeat(30)}}]}`;
    const texts = [
      ...Array.from({ length: document.length }, (_, end) => document.slice(0, end)),
      ...Array.from({ length: document.length }, (_, at) => `${document.slice(0, at)}\0${document.slice(at)}`),
      `${document}${secret}`,
      `{"${secret}":1,"${secret}":1}`,
      `"\\${secret}"`,
    ];
    for (const text of texts) {
      const error = refusal(() => parseJson(text));
      expect(error.message).toMatch(/^line 1, column \d+: expected [ a-z',:\]}]+$/);
      expect(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toMatch(/hunter|777/);
    }
  });

  test('takes time in proportion to the text', () => {
    const size = 300_000;
    const texts = ['\\"'.repeat(size), '\\\\'.repeat(size), '['.repeat(250) + ' '.repeat(size), `${'1'.repeat(size)}e`];
    const started = performance.now();
    for (const text of [...texts, ...texts.map((inner) => `"${inner}`)]) expect(() => parseJson(text)).toThrow();
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('decodeUtf8', () => {
  test('reads UTF-8', () => {
    expect(decodeUtf8(new TextEncoder().encode('"naïve 🔑"'))).toBe('"naïve 🔑"');
  });

  test.each([
    ['a cut sequence', [0x22, 0xf0, 0x9f, 0x22]],
    ['an overlong form', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['Latin-1', [0xe9]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeUtf8(Uint8Array.from(bytes))).toThrow(new JsonSyntaxError('expected valid UTF-8'));
  });

  test('keeps a byte order mark, so that it is refused as a stray character', () => {
    expect(() => parseJson(decodeUtf8(Uint8Array.from([0xef, 0xbb, 0xbf, 0x31])))).toThrow(JsonSyntaxError);
  });
});

describe('printJson', () => {
  test('prints what JSON.stringify prints', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ stringUnit: 'binary' }), fc.dictionary(anyUnits(), anyUnits())), (value) => {
        expect(printJson(value)).toBe(JSON.stringify(value));
      }),
      { numRuns: 500 },
    );
  });

  test('prints every string so that it survives UTF-8', () => {
    fc.assert(
      fc.property(anyUnits(), (value) => {
        const text = printJson(value);
        expect(text).toBe(JSON.stringify(value));
        const read = parseJson(decodeUtf8(new TextEncoder().encode(text)), { keepsLoneSurrogates: true });
        expect(read).toBe(value);
      }),
      { numRuns: 1000 },
    );
  });

  test('gives back the digits of every number it was given', () => {
    const number = fc
      .tuple(
        fc.constantFrom('', '-'),
        fc.bigInt({ min: 0n }),
        fc.constantFrom('', '.0', '.500', 'e7', 'E-0', '.25e+99999'),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(number), (numbers) => {
        const text = `[${numbers.join(',')}]`;
        expect(printJson(parseJson(text))).toBe(text);
      }),
    );
  });

  test('prints big integers, raw text, dates and objects without a prototype', () => {
    const bare = Object.assign(Object.create(null), { a: 1n });
    const value = { raw: new RawJson('{"x":1.0}'), number: new JsonNumber('1e2'), bare, at: new Date(0) };
    expect(printJson(value)).toBe('{"raw":{"x":1.0},"number":1e2,"bare":{"a":1},"at":"1970-01-01T00:00:00.000Z"}');
    expect(printJson(18446744073709551615n)).toBe('18446744073709551615');
  });

  test('leaves out undefined members, and prints null where JSON has no word', () => {
    expect(printJson({ a: undefined, b: [undefined, Number.NaN, -Infinity], c: undefined, d: -0 })).toBe(
      '{"b":[null,null,null],"d":0}',
    );
    expect(printJson({ a: undefined, f: () => 1, s: Symbol('s') })).toBe('{}');
    expect(printJson({ self: { toJSON: () => ({ toJSON: 1, n: 2 }) } })).toBe('{"self":{"toJSON":1,"n":2}}');
  });
});

test('isJsonObject tells objects from arrays, numbers and scalars', () => {
  const values = parseJson('[{}, [], 1, "a", true, null]') as JsonValue[];
  expect(values.map(isJsonObject)).toEqual([true, false, false, false, false, false]);
});

function withJsNumbers(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(withJsNumbers);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withJsNumbers(member)]));
}

function refusal(attempt: () => unknown): Error {
  try {
    attempt();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected a refusal');
}
