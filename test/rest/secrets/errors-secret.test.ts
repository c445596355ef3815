// Paths, type documents and values a new secret may not have, however large or deep, and their lawful neighbours.
import { describe, expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { expectRefusal, place } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';

const { owner, environmentId } = await restSuite();

const nested = (depth: number, open: string, close: string, inner: string) =>
  open.repeat(depth) + inner + close.repeat(depth);

describe('path', () => {
  const create = (path: string) =>
    owner.create(environmentId, `{${path}"secretType":{"type":"Str"},"secretValue":"${canary()}"}`);

  test.each([
    ['missing', ''],
    ['null', '"path":null,'],
    ['in another casing', '"Path":["a"],'],
    ['inherited', '"__proto__":{"path":["a"]},'],
    ['a string', '"path":"c4n4ry.a",'],
    ['an object', '"path":{"0":"c4n4ry","length":1},'],
    ['a number', '"path":424242424242,'],
    ['true', '"path":true,'],
    ['empty', '"path":[],'],
    ['with a number', '"path":["a",424242424242],'],
    ['with null', '"path":["a",null],'],
    ['with a boolean', '"path":[true],'],
    ['with an array', '"path":[["c4n4ry"]],'],
    ['with an object', '"path":[{"c4n4ry":1}],'],
    ['with an empty segment', '"path":["a","","b"],'],
    ['with a segment of separators', '"path":["a","._-/ !"],'],
    ['with an emoji alone', '"path":["🔑"],'],
    ['with U+0000 alone', '"path":["\\u0000"],'],
    ['of 17 segments', `"path":${JSON.stringify(Array(17).fill('a'))},`],
    ['of 100,000 segments', `"path":${JSON.stringify(Array(100_000).fill('a'))},`],
    ['of 1,025 bytes', `"path":["${'a'.repeat(1_025)}"],`],
    ['of 1,025 bytes with its dots', `"path":["${'a'.repeat(512)}","${'b'.repeat(512)}"],`],
    ['of 600 characters and 1,200 bytes', `"path":["${'é'.repeat(600)}"],`],
    ['of half a million characters', `"path":["${'a'.repeat(500_000)}"],`],
    ['of half a million words', `"path":["${'a_'.repeat(250_000)}"],`],
  ])('%s is INVALID_REQUEST', async (_, path) => {
    expectRefusal(await create(path), 400, 'INVALID_REQUEST', /^path/);
  });

  test('of 1 or 16 segments, of 1,024 bytes with its dots, or of bytes lost in conversion is fine', async () => {
    const paths = [
      [place()],
      [place(), ...Array(15).fill('a')],
      [place().padEnd(511, 'a'), 'b'.repeat(512)],
      [place(), '_'.repeat(2_000).concat('x')],
      [place(), 'a\0b', 'c\ufffdd', '🔑e'],
    ];
    for (const path of paths) expect((await create(`"path":${JSON.stringify(path)},`)).status).toBe(200);
  });
});

describe('secretType', () => {
  const create = (secretType: string) =>
    owner.create(environmentId, `{"path":["${place()}"],${secretType}"secretValue":"${canary()}"}`);

  test.each([
    ['missing', ''],
    ['null', '"secretType":null,'],
    ['in snake case', '"secret_type":{"type":"Str"},'],
    ['in another casing', '"SecretType":{"type":"Str"},'],
    ['inherited', '"__proto__":{"secretType":{"type":"Str"}},'],
    ['a string', '"secretType":"Str",'],
    ['a number', '"secretType":424242424242,'],
    ['an array', '"secretType":[{"type":"Str"}],'],
    ['false', '"secretType":false,'],
    ['an empty object', '"secretType":{},'],
    ['without a known type', '"secretType":{"type":"c4n4ry"},'],
    ['with a type that objects inherit', '"secretType":{"type":"constructor"},'],
    ['with an inherited type', '"secretType":{"__proto__":{"type":"Str"}},'],
    ['the documentation’s placeholder', '"secretType":{"type":"Variant","cases":[{"name":"c4n4ry","typ":{}}]},'],
    ['with a name that is no string', '"secretType":{"type":"Enum","cases":["c4n4ry",424242424242]},'],
    ['with a resource_id beyond 64 bits', `"secretType":{"type":"Handle","mode":"Owned","resource_id":${2n ** 64n}},`],
    ['with an enormous resource_id', '"secretType":{"type":"Handle","mode":"Owned","resource_id":1e999999999},'],
    ['of 65 levels', `"secretType":${nested(64, '{"type":"List","inner":', '}', '{"type":"Str"}')},`],
    ['of 200 levels', `"secretType":${nested(199, '{"type":"Option","inner":', '}', '{"type":"Str"}')},`],
    [
      'of 39 levels of records',
      `"secretType":${nested(36, '{"type":"Record","fields":[{"name":"a","typ":', '}]}', '{"type":"Str"}')},`,
    ],
    ['of 30,000 levels', `"secretType":${nested(30_000, '{"type":"List","inner":', '}', '{"type":"Str"}')},`],
    ['with 10,000 problems', `"secretType":{"type":"Tuple","items":[${Array(10_000).fill('{"type":"c4n4ry"}')}]},`],
  ])('%s is INVALID_REQUEST', async (_, secretType) => {
    const answer = await create(secretType);
    expectRefusal(answer, 400, 'INVALID_REQUEST');
    expect(answer.text.length).toBeLessThan(20_000);
  });

  test.each([
    [64, 'List', '{"type":"List","inner":', '}', '[', ']'],
    [64, 'Option', '{"type":"Option","inner":', '}', '', ''],
    [54, 'Tuple', '{"type":"Tuple","items":[', ']}', '[', ']'],
    [36, 'Record', '{"type":"Record","fields":[{"name":"a","typ":', '}]}', '{"a":', '}'],
    [36, 'Variant', '{"type":"Variant","cases":[{"name":"a","typ":', '}]}', '{"a":', '}'],
    [64, 'Result', '{"type":"Result","err":', '}', '{"err":', '}'],
  ])('of %i levels of %s is fine, and so are its values', async (levels, _, open, close, openValue, closeValue) => {
    const secretType = nested(levels - 1, open, close, '{"type":"Str"}');
    const secretValue = nested(levels - 1, openValue, closeValue, '"deep"');
    const body = `{"path":["${place()}"],"secretType":${secretType},"secretValue":${secretValue}}`;
    const answer = await owner.create(environmentId, body);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({
      secretType: JSON.parse(secretType),
      secretValue: JSON.parse(secretValue),
    });
    const set = `{"currentRevision":0,"secretValue":{"op":"set","value":${secretValue}}}`;
    expect((await owner.update(answer.body.id, set)).body.secretValue).toEqual(JSON.parse(secretValue));
    expect((await owner.get(answer.body.id)).body.secretValue).toEqual(JSON.parse(secretValue));
  });
});

describe('bombs are refused, not felt', () => {
  test.each([
    ['100,000 nested arrays', nested(100_000, '[', ']', '')],
    ['100,000 nested objects', nested(100_000, '{"a":', '}', '424242424242')],
    ['100,000 arrays that never end', '['.repeat(100_000)],
    ['300 nested arrays', nested(300, '[', ']', '"c4n4ry"')],
  ])('%s are INVALID_REQUEST wherever they are', async (_, bomb) => {
    const { id } = await owner.made(environmentId);
    for (const answer of [
      await owner.create(environmentId, bomb),
      await owner.create(environmentId, `{"path":["a"],"secretType":{"type":"Str"},"secretValue":${bomb}}`),
      await owner.create(environmentId, `{"path":["a"],"secretType":${bomb}}`),
      await owner.create(environmentId, `{"path":${bomb}}`),
      await owner.update(id, `{"currentRevision":0,"secretValue":{"op":"set","value":${bomb}}}`),
      await owner.update(id, `{"currentRevision":0,"ignored":${bomb}}`),
    ]) {
      expectRefusal(answer, 400, 'INVALID_REQUEST');
    }
  });

  test.each([
    ['1e999999999', '1e999999999'],
    ['-1e999999999', '-1e999999999'],
    ['an enormous exponent', '1e99999999999999999999999999'],
    ['a fraction by exponent', '4242424242424242e-999999999'],
    ['a number of 200,000 digits', '9'.repeat(200_000)],
    ['a fraction of 200,000 digits', `0.${'0'.repeat(200_000)}1`],
  ])('%s is no value of any integer type', async (_, number) => {
    for (const type of ['S8', 'U8', 'S16', 'U16', 'S32', 'U32', 'S64', 'U64', 'Chr']) {
      const body = `{"path":["${place()}"],"secretType":{"type":"${type}"},"secretValue":${number}}`;
      expectRefusal(await owner.create(environmentId, body), 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH', /^\$: expected /);
    }
  });

  test.each([
    ['1e999999999', '1e999999999'],
    ['-1e309', '-1e309'],
    ['a number of 400 digits', '9'.repeat(400)],
  ])('%s is no float', async (_, number) => {
    for (const type of ['F32', 'F64']) {
      const body = `{"path":["${place()}"],"secretType":{"type":"${type}"},"secretValue":${number}}`;
      expectRefusal(await owner.create(environmentId, body), 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH', /^\$: expected /);
    }
  });

  test('thousands of problems are told in a short body', async () => {
    const secretValue = Array.from({ length: 5_000 }, canary);
    const secret = { path: [place()], secretType: { type: 'List', inner: { type: 'U8' } }, secretValue };
    const answer = await owner.create(environmentId, secret);
    expectRefusal(answer, 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH', /^\$\[0\]: expected u8/);
    expect(answer.text.length).toBeLessThan(20_000);
  });
});
