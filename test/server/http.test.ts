// Requests below what HTTP clients send, over raw sockets: whatever arrives, the answer is the documented JSON.
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { JSON_TYPE } from '../support/rest/app.js';
import { restSuite } from '../support/suites.js';

const { app } = await restSuite();

const credential = () => `authorization: Bearer ${app.world.people.owner.token}`;

function open(): Socket {
  const { port } = app.server.address() as AddressInfo;
  return connect(port, '127.0.0.1').setEncoding('latin1');
}

/** Sends the lines as they are and reads until the server closes the connection. */
async function raw(...lines: string[]): Promise<{ status: number; type: string | undefined; text: string }> {
  const socket = open();
  let answer = '';
  socket.on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await once(socket, 'end');
  const [head = '', text = ''] = answer.split(/\r\n\r\n/);
  const [, type] = /^content-type: *(.*)$/im.exec(head) ?? [];
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), type, text };
}

describe('an answer that is an error is documented JSON', () => {
  test.each([
    ['a Host that is no host', ['GET /v1/agent-secrets/x HTTP/1.1', 'host: a b']],
    ['a Host with an escape', ['GET /v1/agent-secrets/x HTTP/1.1', 'host: exa%mple']],
    ['an empty Host', ['GET /v1/agent-secrets/x HTTP/1.1', 'host:']],
    ['no Host, as HTTP/1.0 allows', ['GET /v1/agent-secrets/x HTTP/1.0']],
    ['an id that is no UUID', ['GET /v1/agent-secrets/x HTTP/1.1', 'host: a']],
    ['an escape in an id', ['GET /v1/agent-secrets/%78 HTTP/1.1', 'host: a']],
    ['a fragment', ['GET /v1/agent-secrets/x#y HTTP/1.1', 'host: a']],
    ['an absolute target', ['GET http://other.example/v1/agent-secrets/x HTTP/1.1', 'host: a']],
    ['a query that does not decode', ['DELETE /v1/agent-secret/x?current_revision=%zz HTTP/1.1', 'host: a']],
  ])('400: %s', async (_, lines) => {
    const { status, type, text } = await raw(...lines, credential(), 'connection: close');
    expect({ status, type, text }).toEqual({ status: 400, type: JSON_TYPE, text: expect.stringMatching(/^\{/) });
    expect(JSON.parse(text)).toEqual({ code: 'INVALID_REQUEST', errors: [expect.any(String)] });
  });

  test.each([
    ['a doubled slash', 'GET //v1/agent-secrets/x HTTP/1.1'],
    ['a path with dots', 'GET /v1/y/../agent-secrets/x HTTP/1.1'],
    ['a path with one dot', 'GET /v1/./agent-secrets/x HTTP/1.1'],
    ['a path with dots in an absolute target', 'GET http://a/v1/y/../agent-secrets/x HTTP/1.1'],
    ['a path with dots to /graphql', 'GET /v1/../graphql?query=%7B__typename%7D HTTP/1.1'],
    ['a path with escaped dots', 'GET /v1/%2e%2E/graphql?query=%7B__typename%7D HTTP/1.1'],
    ['an id of dots', 'GET /v1/agent-secrets/.. HTTP/1.1'],
    ['an id of an escaped dot', 'GET /v1/agent-secrets/%2e HTTP/1.1'],
    ['an escaped letter of a fixed segment', 'GET /v1/%61gent-secrets/x HTTP/1.1'],
    ['an escaped letter of /graphql', 'GET /%67raphql?query=%7B__typename%7D HTTP/1.1'],
    ['an escaped letter of a page', 'GET /doc%73 HTTP/1.1'],
    ['an escaped slash', 'GET /v1%2Fagent-secrets/x HTTP/1.1'],
    ['a target without an authority', 'GET http:///v1/agent-secrets/x HTTP/1.1'],
  ])('404: %s', async (_, line) => {
    const { status, type, text } = await raw(line, 'host: a', credential(), 'connection: close');
    expect([status, type, JSON.parse(text).code]).toEqual([404, JSON_TYPE, 'NOT_FOUND']);
  });
});

describe('a client that hangs up in the middle of its body', () => {
  test.each([
    ['announced', 'content-length: 100', '{"path":["c4n4ry'],
    ['in chunks', 'transfer-encoding: chunked', '8\r\n{"c4n4ry\r\n'],
  ])('(%s) is no bug of ours: nothing is logged as an error', async (_, header, body) => {
    const logged = app.logs.length;
    const requested = once(app.server, 'request');
    const closed = new Promise((resolve) =>
      app.server.once('connection', (peer: Socket) => peer.once('close', resolve)),
    );
    const target = `/v1/envs/${app.world.environmentId}/agent-secrets`;
    const socket = open();
    const head = [`POST ${target} HTTP/1.1`, 'host: a', credential(), 'content-type: application/json', header];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    await requested;
    socket.destroy();
    await closed;
    // A whole request later, whatever the server had to say about this one has been said.
    await app.as('owner').list(app.world.environmentId);
    expect(app.logs.slice(logged).filter((line) => /error|fatal/.test(JSON.parse(line).level))).toEqual([]);
  });
});

describe('HEAD at /graphql', () => {
  const subscription = () =>
    `subscription { agentSecretChanges(environmentId: "${app.world.environmentId}") { environmentRevision } }`;

  test.each([
    ['a query', () => '{ viewer { id } }', '*/*'],
    ['no query', () => '', '*/*'],
    ['a mutation', () => 'mutation { deleteEnvironment(input: { id: "x" }) { __typename } }', '*/*'],
    ['a type nobody has', () => '{ viewer { id } }', 'image/png'],
    ['a stream', subscription, 'text/event-stream'],
  ])('(%s) answers what GET would, without a body', async (_, query, accept) => {
    const target = `/graphql?query=${encodeURIComponent(query())}`;
    const told = async (method: string) => {
      const socket = open();
      let answer = '';
      socket.on('data', (chunk: string) => {
        answer += chunk;
        // A stream does not end by itself.
        if (answer.includes(': open')) socket.destroy();
      });
      socket.write(
        [
          `${method} ${target} HTTP/1.1`,
          'host: a',
          credential(),
          `accept: ${accept}`,
          'connection: close',
          '',
          '',
        ].join('\r\n'),
      );
      await once(socket, 'close');
      const [head = '', text] = answer.split('\r\n\r\n');
      const lines = head
        .split('\r\n')
        .filter((line) => !/^(date|x-request-id|transfer-encoding|content-length):/i.test(line));
      return { text, lines: lines.map((line) => line.toLowerCase()).sort() };
    };
    const { lines } = await told('GET');
    expect(await told('HEAD')).toEqual({ text: '', lines });
  });
});
