// Values and types through HTTP exactly as they were sent: every integer digit, every character, every name.
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../../src/json/parse.js';
import { canary } from '../../support/canary.js';
import { expectRefusal, place } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';

const { owner, environmentId } = await restSuite();

/** The same value created and set, read by id and in the list: always the same text. */
async function expectKept(secretType: string, given: string, kept = given): Promise<void> {
  const create = (value: string) =>
    owner.create(environmentId, `{"path":["${place()}"],"secretType":${secretType}${value}}`);
  const created = await create(`,"secretValue":${given}`);
  const empty = await create('');
  const { id } = empty.body;
  const set = await owner.update(id, `{"currentRevision":0,"secretValue":{"op":"set","value":${given}}}`);
  const list = parseJson((await owner.list(environmentId)).text) as { values: { id: string; secretValue: unknown }[] };
  const expected = parseJson(kept);
  for (const answer of [created, await owner.get(created.body.id), set, await owner.get(id)]) {
    expect(answer.status, answer.text).toBe(200);
    expect((parseJson(answer.text) as Record<string, unknown>).secretValue).toEqual(expected);
  }
  for (const key of [created.body.id, id]) {
    expect(list.values.find((secret) => secret.id === key)?.secretValue).toEqual(expected);
  }
}

describe('integers keep every digit', () => {
  test.each([
    ['U64', '18446744073709551615'],
    ['U64', '9007199254740993'],
    ['U64', '9223372036854775809'],
    ['S64', '-9223372036854775808'],
    ['S64', '9223372036854775807'],
    ['S64', '-9007199254740993'],
    ['U64', '1.8446744073709551615e19', '18446744073709551615'],
    ['U64', '9007199254740993.000', '9007199254740993'],
    ['U8', '2.55E+2', '255'],
    ['S8', '-1280e-1', '-128'],
    ['S32', '-0', '0'],
  ])('%s %s', async (type, given, kept = given) => {
    await expectKept(`{"type":"${type}"}`, given, kept);
  });

  test('deep inside other types', async () => {
    const u64 = '{"type":"U64"}';
    const type = `{"type":"Record","fields":[{"name":"a","typ":{"type":"List","inner":{"type":"Option","inner":${u64}}}}]}`;
    await expectKept(type, '{"a":[18446744073709551615,null,9007199254740993]}');
  });

  test.each(['18446744073709551616', '1.8446744073709551616e19', '9007199254740993.5', '-1'])(
    '%s is refused as U64, not rounded',
    async (number) => {
      const body = `{"path":["${place()}"],"secretType":{"type":"U64"},"secretValue":${number}}`;
      expectRefusal(
        await owner.create(environmentId, body),
        400,
        'AGENT_SECRET_VALUE_TYPE_MISMATCH',
        '$: expected u64',
      );
    },
  );

  test('a resource_id in a type, too', async () => {
    const secretType = '{"type":"Handle","resource_id":18446744073709551615,"mode":"Borrowed"}';
    const body = `{"path":["${place()}"],"secretType":${secretType},"secretValue":"shop/18446744073709551615"}`;
    const { text } = await owner.create(environmentId, body);
    expect((parseJson(text) as Record<string, unknown>).secretType).toEqual(parseJson(secretType));
  });
});

describe('strings keep every character', () => {
  test.each([
    ['U+0000', '"\\u0000a\\u0000"'],
    ['a surrogate pair in escapes', '"\\ud83d\\udd11"'],
    ['every control character', JSON.stringify(String.fromCharCode(...Array(32).keys(), 127, 0x85, 0x2028, 0x2029))],
    ['quotes and backslashes', '"\\"\\\\\\/\\b"'],
    ['composed and decomposed letters', '"é e\\u0301"'],
    ['a byte order mark', '"\ufeff"'],
    ['white space at both ends', '" \\t a \\n "'],
    ['the empty string', '""'],
    ['what looks like JSON', '"{\\"a\\":[null,1.0]}"'],
    ['60,000 characters', JSON.stringify('x'.repeat(60_000))],
  ])('%s', async (_, text) => {
    await expectKept('{"type":"Str"}', text);
  });

  test('names in types and keys in values: U+0000, and names that objects inherit', async () => {
    const names = ['\0', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'ok', '$', '0'];
    const fields = names.map((name) => ({ name, typ: { type: 'Str' } }));
    const value = `{${names.map((name) => `${JSON.stringify(name)}:"v"`).join(',')}}`;
    const type = JSON.stringify({ type: 'Record', name: 'a\0', owner: '__proto__', fields });
    await expectKept(type, value);
    const { text } = await owner.create(environmentId, `{"path":["${place()}"],"secretType":${type}}`);
    expect((parseJson(text) as Record<string, unknown>).secretType).toEqual(parseJson(type));
    for (const name of names) {
      const key = JSON.stringify(name);
      await expectKept(`{"type":"Enum","cases":["x",${key}]}`, key);
      await expectKept(`{"type":"Flags","names":["x",${key}]}`, `[${key}]`);
      await expectKept(`{"type":"Variant","cases":[{"name":"x"},{"name":${key}}]}`, `{${key}:null}`);
    }
  });

  test.each([
    ['a record without fields', '{"type":"Record","fields":[]}', '{"__proto__":"c4n4ry"}'],
    ['a variant', '{"type":"Variant","cases":[{"name":"a"}]}', '{"constructor":null}'],
    ['an enum', '{"type":"Enum","cases":["a"]}', '"toString"'],
    ['flags', '{"type":"Flags","names":["a"]}', '["valueOf"]'],
    ['a missing field', '{"type":"Record","fields":[{"name":"toString","typ":{"type":"Str"}}]}', '{}'],
  ])('%s declares none of the names that objects inherit', async (_, type, value) => {
    const body = `{"path":["${place()}"],"secretType":${type},"secretValue":${value}}`;
    expectRefusal(await owner.create(environmentId, body), 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
  });
});

describe('floats round to the nearest and nothing else changes', () => {
  test.each([
    ['F32', '0.1', '0.10000000149011612'],
    ['F32', '16777217', '16777216'],
    ['F64', '0.1', '0.1'],
    ['F64', '9007199254740993', '9007199254740992'],
    ['F64', '-0.0', '0'],
    ['F64', '1e-999', '0'],
    ['F64', '5e-324', '5e-324'],
  ])('%s %s', async (type, given, kept) => {
    await expectKept(`{"type":"${type}"}`, given, kept);
  });
});

test('a name declared twice counts as first declared, on the way in and out', async () => {
  const type = JSON.stringify({
    type: 'Record',
    fields: [
      { name: 'a', typ: { type: 'U8' } },
      { name: 'a', typ: { type: 'Str' } },
    ],
  });
  await expectKept(type, '{"a":1}');
  const body = `{"path":["${place()}"],"secretType":${type},"secretValue":{"a":"${canary()}"}}`;
  expectRefusal(await owner.create(environmentId, body), 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH', '$.a: expected u8');
});
