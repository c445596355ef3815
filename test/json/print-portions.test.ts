// Bodies that are printed in portions are the same text as those that are printed at once.
import { expect, test } from 'vitest';
import { JsonNumber, RawJson } from '../../src/json/exact.js';
import { printJson } from '../../src/json/print.js';
import { printBody } from '../../src/json/print-portions.js';

const many = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n));
const item = (n: number) => ({
  text: 'é"\n\ud83d\ude00'.repeat(n % 50),
  raw: new RawJson('{"n":18446744073709551615}'),
  number: new JsonNumber('1.0'),
  revision: 2n ** 64n,
  at: new Date(n),
  nothing: null,
  absent: undefined,
  ['__proto__']: true,
  list: [undefined, [], {}, { absent: undefined }],
});

const LARGE: [string, unknown][] = [
  ['a list of many', { values: many(5_000, item) }],
  ['lists in lists', many(90, (n) => many(n, item))],
  ['one long text in a list', { errors: [], data: { text: ['"é'.repeat(400_000)] } }],
  ['one long raw text', [new RawJson(`"${'é'.repeat(400_000)}"`)]],
  [
    'a list in an object of many',
    { ...Object.fromEntries(many(99, (n) => [`k"${n}`, item(n)])), list: many(3_000, item) },
  ],
];

test.each(LARGE)('%s is printed in portions, as it would be at once', async (_, value) => {
  const body = printBody(value);
  expect(body).toBeInstanceOf(ReadableStream);
  expect(await new Response(body).text()).toBe(printJson(value));
});

test('what is short is text at once', () => {
  for (const value of [null, 'text', 1, {}, [], item(3), many(100, () => item(1))])
    expect(printBody(value)).toBe(printJson(value));
});
