// Bodies that are no JSON, not JSON of the right kind, or too large: refused by place, never by content.
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { type Answer, expectRefusal, place } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';

const MAX_BODY_BYTES = 4_096;

const { app, owner, environmentId } = await restSuite({ maxBodyBytes: MAX_BODY_BYTES });
const collection = `/v1/envs/${environmentId}/agent-secrets`;
const item = `/v1/agent-secrets/${(await owner.made(environmentId)).id}`;

/** Both operations that read a body answer alike. */
async function onBoth(sent: { body?: string | object; contentType?: string | null; headers?: Record<string, string> }) {
  return [await owner.call('POST', collection, sent), await owner.call('PATCH', item, sent)];
}

describe('malformed bodies are INVALID_REQUEST', () => {
  const inside = (text: string) => `{"path":["a"],"secretType":{"type":"Str"},"currentRevision":0,"x":${text}}`;

  test.each<[string, string | object]>([
    ['nothing', ''],
    ['white space', ' \n'],
    ['half an object', '{"path":["c4n4ry"'],
    ['text', 'c4n4ry'],
    ['single quotes', "{'path':['c4n4ry']}"],
    ['an unquoted key', '{path:["c4n4ry"]}'],
    ['a trailing comma in an object', '{"path":["c4n4ry"],}'],
    ['a trailing comma in an array', '{"path":["c4n4ry",]}'],
    ['a comment', '{"path":["c4n4ry"]/* c4n4ry */}'],
    ['text after the document', `${inside('1')} c4n4ry`],
    ['a second document', `${inside('1')}${inside('"c4n4ry"')}`],
    ['a null byte after the document', `${inside('1')}\0`],
    ['a byte order mark', `\ufeff${inside('1')}`],
    ['a byte order mark inside', inside('\ufeff1')],
    ['a no-break space', inside('\u00a01')],
    ['a duplicate key', '{"path":["a"],"path":["c4n4ry"]}'],
    ['a duplicate key with the same value', inside('{"c4n4ry":1,"c4n4ry":1}')],
    ['a duplicate key in another spelling', inside('{"c4n4ry":1,"\\u00634n4ry":1}')],
    ['a duplicate key far inside', inside('[[{"a":{"__proto__":1,"__proto__":2}}]]')],
    ['NaN', inside('NaN')],
    ['Infinity', inside('-Infinity')],
    ['a leading zero', inside('042424242424242')],
    ['a leading plus', inside('+424242424242')],
    ['a bare point', inside('.424242424242')],
    ['a trailing point', inside('424242424242.')],
    ['a hexadecimal number', inside('0x424242424242')],
    ['an unfinished exponent', inside('424242424242e')],
    ['a wrong word', inside('True')],
    ['a control character in a string', inside('"c4n4ry\n"')],
    ['an escape that does not exist', inside('"c4n4ry\\x41"')],
    ['half an escape', inside('"c4n4ry\\u12"')],
    ['a string without an end', inside('"c4n4ry')],
    ['invalid UTF-8', Buffer.concat([Buffer.from('{"path":["c4n4ry'), Buffer.from([0xc3, 0x28]), Buffer.from('"]}')])],
    ['an overlong encoding', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])],
    [
      'a surrogate in UTF-8',
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
    ],
    ['UTF-16', Buffer.from(inside('1'), 'utf16le')],
    ['an array', '[{"path":["c4n4ry"]}]'],
    ['a string', '"c4n4ry"'],
    ['a number', '424242424242'],
    ['null', 'null'],
    ['true', 'true'],
  ])('%s', async (_, body) => {
    for (const answer of await onBoth({ body })) expectRefusal(answer, 400, 'INVALID_REQUEST');
  });

  test('the place is told by line and column', async () => {
    const [answer] = await onBoth({ body: '{\n  "path": ["c4n4ry" "b"]\n}' });
    expectRefusal(answer as Answer, 400, 'INVALID_REQUEST', /line 2, column 21/);
  });
});

describe('a body that is not announced as JSON in UTF-8 is UNSUPPORTED_MEDIA_TYPE', () => {
  test.each([
    null,
    '',
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain+json',
    'application/+json',
    'application/json+',
    'application/merge-patch+jsonp',
    'application/merge patch+json',
    'application/merge-patch+json; charset=utf-16',
    'application/graphql',
    'application/jsonp',
    'application/json-seq',
    'application/octet-stream',
    'application/json; charset=iso-8859-1',
    'application/json; charset=utf-16',
    'application/json; charset=utf-16 x',
    'text/plain; application/json',
    'xapplication/json',
  ])('%j', async (contentType) => {
    const body = { path: [place()], secretType: { type: 'Str' }, secretValue: canary(), currentRevision: 0 };
    for (const answer of await onBoth({ body, contentType })) expectRefusal(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  test.each(['gzip', 'br', 'gzip, identity', 'x'])('or is encoded: %s', async (encoding) => {
    const headers = { 'content-encoding': encoding };
    const body = { path: [place()], secretType: { type: 'Str' }, secretValue: canary(), currentRevision: 0 };
    for (const answer of await onBoth({ body, headers }))
      expectRefusal(answer, 415, 'UNSUPPORTED_MEDIA_TYPE', /encoding/);
    const query = { query: '{ viewer { id } }' };
    expectRefusal(await owner.call('POST', '/graphql', { body: query, headers }), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  test('no encoding may be said', async () => {
    const body = { path: [place()], secretType: { type: 'Str' } };
    const headers = { 'content-encoding': 'Identity' };
    expect((await owner.call('POST', collection, { body, headers })).status).toBe(200);
  });

  test('no body and no content type', async () => {
    for (const answer of await onBoth({})) expectRefusal(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON; Charset="utf-8"',
    'application/merge-patch+json',
    'application/merge-patch+json; charset=utf-8',
    'application/vnd.api+json',
    'Application/Problem+JSON;charset=utf8',
    'application/a+b+json',
  ])('%s is JSON in UTF-8', async (contentType) => {
    const { id } = await owner.made(environmentId);
    const body = { path: [place()], secretType: { type: 'Str' }, currentRevision: 0 };
    expect((await owner.call('POST', collection, { body, contentType })).status).toBe(200);
    expect((await owner.call('PATCH', `/v1/agent-secrets/${id}`, { body, contentType })).status).toBe(200);
  });

  test('GraphQL takes application/json only', async () => {
    const body = { query: '{ viewer { id } }' };
    const answer = await owner.call('POST', '/graphql', { body, contentType: 'application/graphql+json' });
    expectRefusal(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
});

describe('a body beyond the limit is PAYLOAD_TOO_LARGE', () => {
  const ofBytes = (bytes: number) => {
    const secret = (value: string) =>
      `{"path":["${place()}"],"secretType":{"type":"Str"},"currentRevision":9,"secretValue":"${value}"}`;
    return secret(canary().padEnd(bytes - secret('').length, 'x'));
  };

  test('when its length is announced', async () => {
    for (const bytes of [MAX_BODY_BYTES + 1, 3_000_000]) {
      for (const answer of await onBoth({ body: ofBytes(bytes) })) expectRefusal(answer, 413, 'PAYLOAD_TOO_LARGE');
    }
  });

  test('when it comes in chunks', async () => {
    for (const bytes of [MAX_BODY_BYTES + 1, 3_000_000]) {
      expectRefusal(await chunked('POST', collection, ofBytes(bytes)), 413, 'PAYLOAD_TOO_LARGE');
      expectRefusal(await chunked('PATCH', item, ofBytes(bytes)), 413, 'PAYLOAD_TOO_LARGE');
    }
  });

  test('and one of exactly the limit is read, announced or in chunks', async () => {
    expect((await owner.call('POST', collection, { body: ofBytes(MAX_BODY_BYTES) })).status).toBe(200);
    expect((await chunked('POST', collection, ofBytes(MAX_BODY_BYTES))).status).toBe(200);
  });

  test('and the limit counts bytes, not characters', async () => {
    const body = { path: [place()], secretType: { type: 'Str' }, secretValue: 'é'.repeat(MAX_BODY_BYTES / 2) };
    expectRefusal(await owner.call('POST', collection, { body }), 413, 'PAYLOAD_TOO_LARGE');
  });
});

/** What supertest cannot send: a body whose length is not announced. */
function chunked(method: string, path: string, body: string): Promise<Answer> {
  const { port } = app.server.address() as AddressInfo;
  const headers = {
    authorization: `Bearer ${app.world.people.owner.token}`,
    'content-type': 'application/json',
    'transfer-encoding': 'chunked',
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
      resolve({ status: response.statusCode as number, headers: {}, text, body: JSON.parse(text) });
    });
    sent.on('error', reject);
    for (let at = 0; at < body.length; at += 1_000) sent.write(body.slice(at, at + 1_000));
    sent.end();
  });
}
