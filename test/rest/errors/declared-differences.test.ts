// The small ways in which this service differs from Golem 1.5.9 on purpose (section 8 of the contract): each is held here
// under its number there. The greater ones have files of their own.

import { request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { type Answer, expectRefusal, place } from '../../support/rest/app.js';
import { addressOf } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';

const { app, owner, token, environmentId } = await restSuite();

const create = (type: string, value: string, more = '') =>
  owner.create(environmentId, `{"path":["${place()}"],"secretType":{"type":"${type}"},"secretValue":${value}${more}}`);
const patch = (id: string, body: string) => owner.update(id, body);

/** Sends the headers and the path just as they are given: clients would join the headers and tidy the path. */
function raw(path: string, headers: string[], method = 'GET'): Promise<{ status: number; location?: string }> {
  const { port } = new URL(addressOf(app.server));
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, method, headers: ['host', `127.0.0.1:${port}`, ...headers] }, (response) => {
      response.resume();
      const { location } = response.headers;
      const status = response.statusCode as number;
      response.on('end', () => resolve(location === undefined ? { status } : { status, location }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('10: a number beyond every double is malformed as a float or a protocol integer, and judged by its type elsewhere', async () => {
  for (const type of ['F64', 'F32', 'U64', 'S8', 'Str', 'Bool']) {
    expectRefusal(await create(type, '1e400'), 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
  }
  for (const [type, value, kept] of [
    ['U8', '0e400', 0],
    ['U8', `1${'0'.repeat(400)}e-400`, 1],
    ['F64', `1${'0'.repeat(400)}e-400`, 1],
    ['F64', '1e-400', 0],
  ] as const) {
    expect((await create(type, value)).body.secretValue, value).toBe(kept);
  }
  expect((await create('Bool', 'true', ',"ignored":1e400')).status).toBe(200);
  const { id } = await owner.made(environmentId);
  expectRefusal(await patch(id, '{"currentRevision":1e400}'), 400, 'INVALID_REQUEST', /^currentRevision: /);
  expect((await patch(id, '{"currentRevision":0,"ignored":[-1e400]}')).status).toBe(200);
});

test.each([
  ['a charset other than UTF-8', { 'content-type': 'application/json; charset=iso-8859-1' }, 415],
  ['UTF-16', { 'content-type': 'application/json; charset=utf-16' }, 415],
  ['an encoded body', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, 415],
  ['UTF-8 in quotes', { 'content-type': 'application/json; charset="UTF-8"' }, 200],
  ['a parameter without a value', { 'content-type': 'application/json; charset' }, 200],
  ['another parameter without a value', { 'content-type': 'application/json; x=' }, 200],
])('11: %s', async (_, headers, status) => {
  const body = `{"path":["${place()}"],"secretType":{"type":"Bool"}}`;
  const path = `/v1/envs/${environmentId}/agent-secrets`;
  const answer = await owner.call('POST', path, { body, contentType: null, headers });
  expect(answer.status, answer.text).toBe(status);
  if (status === 415) expect(answer.body.code).toBe('UNSUPPORTED_MEDIA_TYPE');
});

test('12: F32 takes everything that rounds to a finite one, and nothing beyond', async () => {
  for (const sign of ['', '-']) {
    // Half a step above the greatest F32 is where rounding would leave it.
    for (const number of ['3.4028234663852886e38', '3.4028235e38', '340282356779733661637539395458142568447']) {
      const { body, text } = await create('F32', sign + number);
      expect(body.secretValue, text).toBe(Number(`${sign}3.4028234663852886e38`));
    }
    for (const number of ['340282356779733661637539395458142568448', '3.5e38', '1e39']) {
      expectRefusal(await create('F32', sign + number), 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH', '$: expected f32');
    }
  }
});

test('13: current_revision is plain digits, at most 20 of them, and given once', async () => {
  const { id } = await owner.made(environmentId);
  const remove = (query: string) => owner.call('DELETE', `/v1/agent-secret/${id}${query}`);
  for (const revision of ['%2B0', '-0', '0.0', '0e0', '', '%200', '0x0', '٠', '0'.repeat(21), '18446744073709551616']) {
    expectRefusal(await remove(`?current_revision=${revision}`), 400, 'INVALID_REQUEST', /^current_revision: /);
  }
  expectRefusal(
    await remove('?current_revision=0&current_revision=0'),
    400,
    'INVALID_REQUEST',
    'current_revision: expected once',
  );
  expectRefusal(await remove(''), 400, 'INVALID_REQUEST', /^current_revision: /);
  expectRefusal(await remove('?current_revision=18446744073709551615'), 409, 'CONCURRENT_UPDATE');
  expect((await remove(`?current_revision=${'0'.repeat(20)}`)).status).toBe(200);
});

test('14: two Authorization headers are 401, and a cookie in quotes is read without them', async () => {
  const path = `/v1/envs/${environmentId}/agent-secrets`;
  const header = ['authorization', `Bearer ${token}`];
  expect((await raw(path, header)).status).toBe(200);
  expect((await raw(path, [...header, ...header])).status).toBe(401);
  expect((await raw(path, ['cookie', `GOLEM_SESSION="${token}"`])).status).toBe(200);
});

const nested = (levels: number, open: string, close: string, core: string) =>
  open.repeat(levels) + core + close.repeat(levels);

test('15: types nest at most 64 levels, ignored keys 256', async () => {
  const typed = (levels: number) =>
    owner.create(
      environmentId,
      `{"path":["${place()}"],"secretType":${nested(levels - 1, '{"type":"List","inner":', '}', '{"type":"Bool"}')}}`,
    );
  expect((await typed(64)).status).toBe(200);
  expectRefusal(await typed(65), 400, 'INVALID_REQUEST', /at most 64 levels of types$/);
  // The body is a level itself.
  expect((await create('Bool', 'true', `,"ignored":${nested(255, '[', ']', '')}`)).status).toBe(200);
  expectRefusal(
    await create('Bool', 'true', `,"ignored":${nested(256, '[', ']', '')}`),
    400,
    'INVALID_REQUEST',
    /levels of nesting$/,
  );
});

test('16: ids that are empty or dots are 404, and other ids that are none 400', async () => {
  const header = ['authorization', `Bearer ${token}`];
  for (const id of ['', '.', '..', '%2e', '%2e%2e']) {
    for (const path of [`/v1/envs/${id}/agent-secrets`, `/v1/agent-secrets/${id}`]) {
      expect((await raw(path, header)).status, path).toBe(404);
    }
    expect((await raw(`/v1/agent-secret/${id}?current_revision=0`, header, 'DELETE')).status, id).toBe(404);
  }
  expect((await raw('/v1/agent-secrets/...', header)).status).toBe(400);
});

test('17: a create that loses its path to one who frees it again is CONCURRENT_UPDATE, or that the path is taken', async () => {
  const path = place();
  const outcomes: Answer[] = [];
  const writer = async () => {
    for (let turn = 0; turn < 12; turn += 1) {
      const body = `{"path":["${path}"],"secretType":{"type":"Str"},"secretValue":"${canary()}"}`;
      const made = await owner.create(environmentId, body);
      outcomes.push(made);
      if (made.status === 200) expect((await owner.remove(made.body.id, 0)).status).toBe(200);
    }
  };
  await Promise.all(Array.from({ length: 6 }, writer));
  for (const { status, body, text } of outcomes) {
    if (status === 200) expect(body.revision).toBe(0);
    else expect([409, 'AGENT_SECRET_ALREADY_EXISTS', 409, 'CONCURRENT_UPDATE'], text).toContain(body.code);
  }
  expect(outcomes.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
});

test('18: the root leads to the documentation', async () => {
  expect(await raw('/', [])).toEqual({ status: 302, location: '/docs' });
});

test('19: there is HTTP/1 only: a client of HTTP/2 is turned away, an upgrade to it is not taken', async () => {
  const session = connectHttp2(addressOf(app.server));
  const failure = await new Promise<unknown>((resolve) => {
    session.on('error', resolve);
    session.on('close', () => resolve(undefined));
    session.request({ ':path': '/health/live' }).on('error', () => undefined);
  });
  session.destroy();
  expect(failure).toBeDefined();
  const upgrade = ['connection', 'Upgrade, HTTP2-Settings', 'upgrade', 'h2c', 'http2-settings', 'AAMAAABkAAQAAP__'];
  const path = `/v1/envs/${environmentId}/agent-secrets`;
  expect((await raw(path, [...upgrade, 'authorization', `Bearer ${token}`])).status).toBe(200);
});

test('20: a wrong value of a variant with several cases of one name is refused before it reaches the database', async () => {
  const type =
    '{"type":"Variant","cases":[{"name":"a","typ":{"type":"U8"}},{"name":"a","typ":{"type":"Str"}},{"name":"a"}]}';
  const body = (value: string) => `{"path":["${place()}"],"secretType":${type},"secretValue":${value}}`;
  const before = (await owner.list(environmentId)).headers.etag;
  for (const value of ['{"a":"x"}', '{"a":null}', '{"b":1}', '{"a":1,"b":1}']) {
    expectRefusal(await owner.create(environmentId, body(value)), 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
  }
  expect((await owner.list(environmentId)).headers.etag, 'nothing was written').toBe(before);
  expect((await owner.create(environmentId, body('{"a":1}'))).body.secretValue).toEqual({ a: 1 });
});
