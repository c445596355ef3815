// The credential comes first at /graphql, too: without one, only a small body is read.
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../../support/app.js';
import { RESPONSE_JSON, send } from '../../support/graphql/http.js';
import { closed, listening } from '../../support/rest/app.js';
import { createAccount, type Person, unique } from '../../support/world.js';

const LIMIT = 16 * 1024;

let app: TestApp;
let person: Person;
beforeAll(async () => {
  app = await createTestApp();
  person = await createAccount(app, unique('person'));
  await listening(app.server);
});
afterAll(async () => {
  await closed(app.server);
  await app.close();
});

/** A valid request of this many bytes that needs no caller. */
const bodyOf = (bytes: number) => {
  const query = '{ __schema { queryType { name } } } #';
  return JSON.stringify({ query }).replace('#', '#'.padEnd(bytes - JSON.stringify({ query }).length + 1, 'x'));
};

interface Exchange {
  socket: Socket;
  received: string;
  ended: Promise<unknown>;
}

function open(text: string): Exchange {
  const socket = connect({ port: (app.server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const exchange: Exchange = { socket, received: '', ended: new Promise((resolve) => socket.once('end', resolve)) };
  socket.on('error', (error) => {
    exchange.received += `error: ${(error as NodeJS.ErrnoException).code}`;
  });
  socket.setEncoding('utf8').on('data', (data: string) => {
    exchange.received += data;
  });
  socket.write(text);
  return exchange;
}

const HEAD = 'POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';

function expectRefused({ received }: Exchange): void {
  const [head = '', body = ''] = received.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 401 /);
  expect(head.toLowerCase()).toContain('\r\nconnection: close');
  expect(JSON.parse(body)).toEqual({
    errors: [{ message: 'Could not authenticate user using token', extensions: { code: 'AUTH_UNAUTHORIZED' } }],
  });
}

test('a body of up to 16 KB that needs no caller is answered, whether its length is announced or not', async () => {
  const body = bodyOf(LIMIT);
  expect(body.length).toBe(LIMIT);
  const answer = { status: 200, data: { __schema: { queryType: { name: 'Query' } } } };
  for (const length of [{}, { 'content-length': String(LIMIT) }]) {
    const { status, data } = await send(app, { body, headers: length as Record<string, string> });
    expect({ status, data }).toEqual(answer);
  }
  const stream = await send(app, { body, headers: { accept: 'text/event-stream' } });
  expect([stream.status, stream.text.includes('"queryType"')]).toEqual([200, true]);
});

test('a larger one is 401, and answered with a credential', async () => {
  const body = bodyOf(LIMIT + 1);
  for (const accept of [RESPONSE_JSON, 'text/event-stream', 'image/png']) {
    for (const token of [undefined, 'an-unknown-token-of-valid-form']) {
      const answer = await send(app, { body, headers: { accept }, ...(token === undefined ? {} : { token }) });
      expect([answer.status, answer.errors[0]?.extensions?.code]).toEqual([401, 'AUTH_UNAUTHORIZED']);
    }
  }
  expect((await send(app, { body, token: person.token })).status).toBe(200);
});

test('the credential comes before what the request says: 401, not 413, 415 or 406', async () => {
  const body = 'x'.repeat(app.config.maxBodyBytes + 1);
  for (const headers of [{}, { 'content-type': 'text/plain' }, { accept: 'image/png' }]) {
    expect((await send(app, { body, headers: headers as Record<string, string> })).status).toBe(401);
  }
  expect((await send(app, { body, token: person.token })).status).toBe(413);
});

describe('over a connection', () => {
  test('an announced body is refused before any of it arrives', async () => {
    const exchange = open(`${HEAD}content-length: ${LIMIT + 1}\r\n\r\n`);
    await expect.poll(() => exchange.received).toContain('AUTH_UNAUTHORIZED');
    expectRefused(exchange);
    exchange.socket.destroy();
  });

  test('a chunked one is refused as soon as 16 KB have been passed', async () => {
    const exchange = open(`${HEAD}transfer-encoding: chunked\r\n\r\n4000\r\n${'x'.repeat(LIMIT)}\r\n`);
    exchange.socket.write('1\r\nx\r\n');
    await expect.poll(() => exchange.received).toContain('AUTH_UNAUTHORIZED');
    expectRefused(exchange);
    exchange.socket.destroy();
  });

  test.each([
    ['announced', `content-length: ${8 * 1024 * 1024}\r\n\r\n`, ''],
    ['in chunks', 'transfer-encoding: chunked\r\n\r\n800000\r\n', '\r\n0\r\n\r\n'],
  ])('a client that sends all of its body first (%s) reads the answer, and the end', async (_, head, tail) => {
    const exchange = open(`${HEAD}${head}`);
    const sent = new Promise((resolve) => exchange.socket.write(`${'x'.repeat(8 * 1024 * 1024)}${tail}`, resolve));
    await sent;
    await exchange.ended;
    expectRefused(exchange);
    exchange.socket.destroy();
  });

  test('a client that sends without end is disconnected', async () => {
    const exchange = open(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    const gone = new Promise((resolve) => exchange.socket.once('close', resolve));
    const timer = setInterval(
      () => exchange.socket.writable && exchange.socket.write(`4000\r\n${'x'.repeat(LIMIT)}\r\n`),
      5,
    );
    await gone;
    clearInterval(timer);
    expect(exchange.received).toContain('AUTH_UNAUTHORIZED');
  });
});
