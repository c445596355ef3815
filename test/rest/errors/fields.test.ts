// Fields, path parameters and queries of the wrong shape: each spelling the contract refuses, and its lawful neighbours.
import { describe, expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { expectRefusal, place } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';

const { owner, environmentId } = await restSuite();

const LARGEST = '18446744073709551615';
const TOO_LARGE = '18446744073709551616';

describe('ids in the path must be UUIDs', () => {
  test.each([
    'x',
    '0',
    'null',
    '01890000-0000-7000-8000-00000000000',
    '01890000-0000-7000-8000-0000000000000',
    '0189000000007000800000000000000',
    '0189000000007000800000000000000g',
    '01890000-00007000-8000-00000000000a',
    '01890000-0000-7000-8000-00000000000g',
    '{01890000-0000-7000-8000-000000000000',
    '01890000-0000-7000-8000-000000000000}',
    '(01890000-0000-7000-8000-000000000000)',
    '%7B%7B01890000-0000-7000-8000-000000000000%7D%7D',
    '{01890000000070008000000000000000}',
    'urn:uuid:01890000000070008000000000000000',
    'urn:uuid:{01890000-0000-7000-8000-000000000000}',
    'urn:01890000-0000-7000-8000-000000000000',
    'uuid:01890000-0000-7000-8000-000000000000',
    'urn:uuid:',
    '%2001890000-0000-7000-8000-000000000000',
    '01890000-0000-7000-8000-000000000000%00',
    '01890000-0000-7000-8000-000000000000%0A',
    '%E0%A4%A',
    '%FF',
    '..%2f..%2fetc',
    "'%20or%201=1",
    'c4n4ry',
  ])('%s is INVALID_REQUEST', async (id) => {
    const body = { path: [place()], secretType: { type: 'Str' }, currentRevision: 0, secretValue: null };
    for (const answer of [
      await owner.list(id),
      await owner.create(id, body),
      await owner.get(id),
      await owner.update(id, body),
      await owner.remove(id, 0),
    ]) {
      expectRefusal(answer, 400, 'INVALID_REQUEST', /_id: expected a UUID/);
    }
  });

  test.each([
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    'FFFFFFFF-0000-9000-1000-FFFFFFFFFFFF',
  ])('%s is one, of any version', async (id) => {
    const body = { path: [place()], secretType: { type: 'Str' }, currentRevision: 0 };
    expectRefusal(await owner.list(id), 404, 'ENVIRONMENT_NOT_FOUND');
    expectRefusal(await owner.create(id, body), 404, 'ENVIRONMENT_NOT_FOUND');
    expectRefusal(await owner.get(id), 404, 'AGENT_SECRET_NOT_FOUND');
    expectRefusal(await owner.update(id, body), 404, 'AGENT_SECRET_NOT_FOUND');
    expectRefusal(await owner.remove(id, 0), 404, 'AGENT_SECRET_NOT_FOUND');
  });
});

const SPELLINGS: [name: string, spell: (id: string) => string][] = [
  ['in capitals', (id) => id.toUpperCase()],
  ['as 32 digits', (id) => id.replaceAll('-', '')],
  ['as 32 digits in capitals', (id) => id.replaceAll('-', '').toUpperCase()],
  ['in braces', (id) => `%7B${id}%7D`],
  ['in braces and capitals, as no client escapes them', (id) => `{${id.toUpperCase()}}`],
  ['as a URN', (id) => `urn:uuid:${id}`],
  ['as an escaped URN in capitals', (id) => `URN%3AUUID%3A${id.toUpperCase()}`],
];

describe.each(SPELLINGS)('an id in the path is taken %s', (_, spell) => {
  test('by every operation, and answered lower-case and hyphenated', async () => {
    const body = { path: [place()], secretType: { type: 'Str' } };
    const created = await owner.create(spell(environmentId), body);
    expect(created.body, created.text).toMatchObject({ environmentId, path: body.path });
    const { id } = created.body;
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect((await owner.list(spell(environmentId))).body.values).toContainEqual(created.body);
    expect((await owner.get(spell(id))).body).toEqual(created.body);
    expect((await owner.update(spell(id), { currentRevision: 0 })).body).toMatchObject({ id, revision: 1 });
    expect((await owner.remove(spell(id), 1)).body).toMatchObject({ id, environmentId, revision: 2 });
    expectRefusal(await owner.get(spell(id)), 404, 'AGENT_SECRET_NOT_FOUND', `Agent secret ${id} not found`);
    const stream = await owner.call('HEAD', `/v1/envs/${spell(environmentId)}/agent-secrets/changes`);
    expect(stream.status).toBe(200);
  });
});

describe('current_revision', () => {
  test.each([
    ['missing', ''],
    ['empty', 'current_revision='],
    ['without a value', 'current_revision'],
    ['under another name', 'currentRevision=0'],
    ['in another casing', 'CURRENT_REVISION=0'],
    ['negative', 'current_revision=-1'],
    ['minus zero', 'current_revision=-0'],
    ['with a plus', 'current_revision=%2B0'],
    ['with a plus that means a space', 'current_revision=+0'],
    ['with a space', 'current_revision=0%20'],
    ['with a fraction', 'current_revision=0.0'],
    ['with an exponent', 'current_revision=0e2'],
    ['hexadecimal', 'current_revision=0x0'],
    ['grouped', 'current_revision=4_242'],
    ['in foreign digits', `current_revision=${encodeURIComponent('٠')}`],
    ['quoted', 'current_revision=%220%22'],
    ['null', 'current_revision=null'],
    ['text', 'current_revision=c4n4ry'],
    ['2^64', `current_revision=${TOO_LARGE}`],
    ['enormous', `current_revision=${'9'.repeat(5_000)}`],
    ['given twice', 'current_revision=0&current_revision=0'],
    ['in brackets', 'current_revision[]=0'],
  ])('%s is INVALID_REQUEST', async (_, query) => {
    const { id } = await owner.made(environmentId);
    const answer = await owner.call('DELETE', `/v1/agent-secret/${id}?${query}`);
    expectRefusal(answer, 400, 'INVALID_REQUEST', /^current_revision: /);
    expect((await owner.get(id)).status).toBe(200);
  });

  test('above the stored range simply mismatches', async () => {
    const { id } = await owner.made(environmentId);
    for (const revision of ['9223372036854775807', '9223372036854775808', LARGEST]) {
      expectRefusal(await owner.remove(id, revision), 409, 'CONCURRENT_UPDATE');
    }
  });

  test('is read beside parameters nobody knows', async () => {
    const { id } = await owner.made(environmentId);
    const answer = await owner.call('DELETE', `/v1/agent-secret/${id}?x=1&current_revision=0&current-revision=9`);
    expect(answer.status).toBe(200);
  });
});

describe('currentRevision', () => {
  test.each([
    ['missing', '{}'],
    ['null', '{"currentRevision":null}'],
    ['in snake case', '{"current_revision":0}'],
    ['in another casing', '{"CurrentRevision":0}'],
    ['a string', '{"currentRevision":"0"}'],
    ['a boolean', '{"currentRevision":false}'],
    ['an array', '{"currentRevision":[0]}'],
    ['an object', '{"currentRevision":{}}'],
    ['inherited', '{"__proto__":{"currentRevision":0}}'],
    ['negative', '{"currentRevision":-1}'],
    ['minus zero', '{"currentRevision":-0}'],
    ['with a fraction', '{"currentRevision":0.0}'],
    ['with an exponent', '{"currentRevision":0e2}'],
    ['2^64', `{"currentRevision":${TOO_LARGE}}`],
    ['enormous by exponent', '{"currentRevision":1e999999999}'],
    ['enormous by digits', `{"currentRevision":${'9'.repeat(100_000)}}`],
  ])('%s is INVALID_REQUEST', async (_, body) => {
    const { id } = await owner.made(environmentId);
    expectRefusal(await owner.update(id, body), 400, 'INVALID_REQUEST', /^currentRevision: /);
    expect((await owner.get(id)).body.revision).toBe(0);
  });

  test('above the stored range simply mismatches', async () => {
    const { id } = await owner.made(environmentId);
    for (const revision of ['9223372036854775807', '9223372036854775808', LARGEST]) {
      const body = `{"currentRevision":${revision},"secretValue":{"op":"set","value":"${canary()}"}}`;
      expectRefusal(await owner.update(id, body), 409, 'CONCURRENT_UPDATE', 'Concurrent update attempt');
    }
  });
});

describe('secretValue of an update', () => {
  test.each([
    ['no op', '{}'],
    ['only a value', '{"value":"c4n4ry"}'],
    ['an unknown op', '{"op":"keep","value":"c4n4ry"}'],
    ['op in another casing', '{"op":"Set","value":"c4n4ry"}'],
    ['op in upper case', '{"op":"UNSET"}'],
    ['op null', '{"op":null,"value":"c4n4ry"}'],
    ['op not a string', '{"op":["set"],"value":"c4n4ry"}'],
    ['op empty', '{"op":""}'],
    ['op a secret', '{"op":"c4n4ry"}'],
    ['op inherited', '{"__proto__":{"op":"unset"}}'],
    ['set without a value', '{"op":"set"}'],
    ['set with a value under another name', '{"op":"set","Value":"c4n4ry","valueText":"c4n4ry"}'],
    ['set with an inherited value', '{"op":"set","__proto__":{"value":"c4n4ry"}}'],
    ['an array', '[{"op":"unset"}]'],
    ['an empty array', '[]'],
    ['a string', '"c4n4ry"'],
    ['an empty string', '""'],
    ['the word unset', '"unset"'],
    ['a number', '4242424242424242'],
    ['zero', '0'],
    ['true', 'true'],
    ['false', 'false'],
  ])('%s is INVALID_REQUEST', async (_, change) => {
    const secret = await owner.made(environmentId);
    const answer = await owner.update(secret.id, `{"currentRevision":0,"secretValue":${change}}`);
    expectRefusal(answer, 400, 'INVALID_REQUEST', /^secretValue/);
    expect((await owner.get(secret.id)).body).toEqual(secret);
  });
});
