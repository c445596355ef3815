// Nothing that a caller writes becomes code, wherever a document has room for it.
import { readdirSync, readFileSync } from 'node:fs';
import { execute, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { executePlanned } from '../../src/graphql/execution/execute.js';
import { printJson } from '../../src/json/print.js';
import { type WorldContext, world } from './world.js';

const contextValue: WorldContext = { seed: 1, trouble: 0, waiting: 0 };
const CODE = [
  'globalThis.planted = 1',
  "'); globalThis.planted = 1; ('",
  ['$', '{globalThis.planted = 1}'].join(''),
  '`;globalThis.planted=1;`',
];
const TEXTS = [
  ...CODE,
  ...CODE.map((code) => `"}; ${code}; //`),
  '\\"+(globalThis.planted=1)+\\"',
  '\u2028globalThis.planted=1',
];

test.each(TEXTS)('code in literals, defaults and variables is text: %s', async (code) => {
  const literal = JSON.stringify(code);
  const document = parse(`
    query constructor($text: String = ${literal}, $more: String, $options: Options = { text: ${literal} }, $yes: Boolean!) {
      __proto__: echo(text: ${literal}, options: { text: ${literal} }, json: { a: ${literal}, b: [$text, $more] })
      eval: echo(text: $text, options: $options) @include(if: $yes)
      Function: echo(text: $more) @skip(if: $yes)
      ... on Query @include(if: $yes) { constructor: echo(text: """${code.replaceAll(/["\\]/g, "'")}""") }
      ...toString
    }
    fragment toString on Query { hasOwnProperty: echo(text: $more) valueOf: __typename }`);
  expect(validate(world, document)).toEqual([]);
  for (const yes of [true, false, true]) {
    const args = { schema: world, document, contextValue, variableValues: { yes, more: code } };
    const planned = executePlanned(args);
    expect(planned).toBeDefined();
    expect(printJson(await planned)).toBe(printJson(await execute(args)));
  }
  expect('planted' in globalThis).toBe(false);
});

test('what executes documents has no way to make code of text', () => {
  const folder = new URL('../../src/graphql/execution/', import.meta.url);
  const files = readdirSync(folder);
  expect(files.length).toBeGreaterThan(3);
  for (const file of files) {
    expect(readFileSync(new URL(file, folder), 'utf8')).not.toMatch(/\beval\b|\bFunction\(|node:vm|import\(/);
  }
});
