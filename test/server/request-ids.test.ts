// Every answer names its request, so that a caller's report and a log line can be put together.
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { clientOf } from '../support/rest/app.js';
import { restSuite } from '../support/suites.js';

const { app, owner, environmentId } = await restSuite({ graphiql: true });
const path = `/v1/agent-secrets/${(await owner.made(environmentId)).id}`;

interface AccountLookup {
  method?: string;
  body?: string;
  headers?: Record<string, string>;
}

async function ask(
  at: string,
  { headers = {}, ...init }: AccountLookup = {},
  server: Server = app.server,
): Promise<Response> {
  const { port } = server.address() as AddressInfo;
  const { token } = app.world.people.owner;
  const response = await fetch(`http://127.0.0.1:${port}${at}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
  });
  await response.text();
  return response;
}

const idOf = (response: Response) => response.headers.get('x-request-id');

describe('an answer has the id', () => {
  test.each<[string, number, string, AccountLookup]>([
    ['a secret', 200, 'PATH', {}],
    ['a wrong id', 400, '/v1/agent-secrets/x', {}],
    ['no credential', 401, 'PATH', { headers: { authorization: '' } }],
    ['an unknown route', 404, '/nowhere', {}],
    ['a wrong method', 405, 'PATH', { method: 'PUT' }],
    [
      'a body that is no JSON',
      415,
      '/graphql',
      { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } },
    ],
    ['an operation', 200, '/graphql', { method: 'POST', body: '{"query":"{ viewer { id } }"}' }],
    ['an operation that is wrong', 200, '/graphql', { method: 'POST', body: '{"query":"{ nothing }"}' }],
    ['a body that is not GraphQL', 400, '/graphql', { method: 'POST', body: '[' }],
    ['GraphiQL', 200, '/graphql', { headers: { accept: 'text/html' } }],
    ['the documentation', 200, '/docs', {}],
    ['health', 200, '/healthz', {}],
  ])('of the caller: %s', async (_, status, at, asked) => {
    const requestId = 'Caller-1.of_2';
    const response = await ask(at.replace('PATH', path), {
      ...asked,
      headers: { ...asked.headers, 'x-request-id': requestId },
    });
    expect([response.status, idOf(response)]).toEqual([status, requestId]);
  });

  test('of the caller: too many requests', async () => {
    const server = await app.variant({ rateLimit: 1 });
    const answers = [];
    for (const id of ['first', 'second']) {
      answers.push(await ask(path, { headers: { 'x-request-id': id } }, server));
    }
    expect(answers.map((answer) => [answer.status, idOf(answer)])).toEqual([
      [200, 'first'],
      [429, 'second'],
    ]);
  });

  test('of its own, a new one each time, when the caller has none', async () => {
    const ids = [idOf(await ask(path)), idOf(await ask(path)), idOf(await ask('/nowhere'))];
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(ids).size).toBe(3);
  });

  test.each([
    ['is empty', ''],
    ['is too long', 'a'.repeat(129)],
    ['has spaces', 'a b'],
    ['has what a terminal or a page may act on', '<b>"$(x)'],
    ['is not ASCII', 'caf\u00e9'],
  ])('of its own when the caller’s %s', async (_, given) => {
    expect(idOf(await ask(path, { headers: { 'x-request-id': given } }))).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('of its own when the caller has two', async () => {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1');
    socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\nx-request-id: a\r\nx-request-id: b\r\nconnection: close\r\n\r\n');
    let answer = '';
    socket.on('data', (text: string) => {
      answer += text;
    });
    await once(socket, 'end');
    expect(answer).toMatch(/\r\nx-request-id: [0-9a-f-]{36}\r\n/);
  });
});

test('a page of another origin may read the id', async () => {
  const origin = 'https://app.example.com';
  const server = await app.variant({ corsOrigins: [origin] });
  const answer = await clientOf(server, undefined).call('GET', path, { headers: { origin } });
  expect(answer.headers['access-control-expose-headers']?.toLowerCase().split(/, ?/)).toContain('x-request-id');
});

test('the line about a bug has the id that its answer has', async () => {
  const { id } = await app.as('owner').made(app.world.environmentId);
  await app.services.db.script(`update agent_secrets set sealed_value = '\\x00' where id = '${id}'`);
  const answer = await app.as('owner').get(id);
  expect(answer.status).toBe(500);
  const errors = app.logs.map((line) => JSON.parse(line)).filter(({ level }) => /error|fatal/.test(level));
  expect(errors.map(({ requestId }) => requestId)).toEqual([answer.headers['x-request-id']]);
});
