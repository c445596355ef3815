// What planned documents hold in memory until their answers are sent, and how long they stay planned.
import { buildSchema, type DocumentNode, parse } from 'graphql';
import { expect, test } from 'vitest';
import { executePlanned, type PrintedData } from '../../src/graphql/execution/execute.js';
import { LongString, PIECE } from '../../src/json/json-text.js';
import { printBody } from '../../src/json/print-portions.js';

const schema = buildSchema('type Query { text: String! below: Query list: [Query!]! }');

function execute(document: DocumentNode, rootValue: object) {
  return executePlanned({ schema, document, rootValue, contextValue: {}, variableValues: {} });
}

const fields = (count: number) => Array.from({ length: count }, (_, n) => `a${n}: text`).join(' ');

test('a long string that many fields answer is not copied for each of them before it is sent', async () => {
  const shared = '"'.repeat(1024 * 1024);
  const { data } = (await execute(parse(`{ ${fields(70)} }`), { text: async () => shared })) as { data: PrintedData };
  const long = data.pieces.filter((piece) => piece instanceof LongString);
  expect(long).toHaveLength(70);
  for (const { value } of long) expect(value).toBe(shared);
  expect(data.pieces.filter((piece) => typeof piece === 'string').join('').length).toBeLessThan(2_000);
  const sent = JSON.parse(await new Response(printBody({ data })).text());
  expect(Object.values(sent.data)).toEqual(Array(70).fill(shared));
  // What is sent is let go.
  expect(data.pieces.filter((piece) => piece !== '')).toEqual([]);
});

test('fields that answer late are printed in pieces', async () => {
  const { data } = (await execute(parse(`{ ${fields(70)} }`), { text: async () => 'x'.repeat(3_000) })) as {
    data: PrintedData;
  };
  for (const piece of data.pieces) expect((piece as string).length).toBeLessThan(PIECE + 4_000);
});

test('a document stays planned, however many of its first executions are under way at once', async () => {
  const document = parse('{ below { text below { text below { text list { text } } } } }');
  const node: object = { text: async () => 'a', list: async () => [], below: async () => node };
  await Promise.all(Array.from({ length: 64 }, () => execute(document, node)));
  expect(execute(document, node)).toBeDefined();
});
