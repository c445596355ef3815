// Connections that misbehave: slow ones are cut off, malformed ones get a JSON refusal, and nobody else notices.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, startServer } from '../../support/server.js';
import { call, developer } from './client.js';

/** The service's timeouts are too long to wait for: this notes them as it starts listening and shortens them alike. */
const SHORTER = 20;
const PROBE = `
import { Server } from 'node:http';
const { listen } = Server.prototype;
Server.prototype.listen = function (...args) {
  const { headersTimeout, requestTimeout, connectionsCheckingInterval, keepAliveTimeout } = this;
  console.error(JSON.stringify({ headersTimeout, requestTimeout, connectionsCheckingInterval, keepAliveTimeout }));
  this.headersTimeout /= ${SHORTER};
  this.requestTimeout /= ${SHORTER};
  return listen.apply(this, args);
};`;

let database: TestDatabase;
let server: RunningServer;
beforeAll(async () => {
  database = await createTestDatabase();
  const probe = `data:text/javascript,${encodeURIComponent(PROBE)}`;
  server = await startServer({ env: { DATABASE_URL: database.url, NODE_OPTIONS: `--import=${probe}` } });
});
afterAll(async () => {
  await server?.kill9();
  await database?.drop();
});

interface Exchange {
  socket: Socket;
  received: string;
}

/** A raw connection that keeps its own side open whatever the server does. */
async function open(text: string): Promise<Exchange> {
  const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true });
  const exchange: Exchange = { socket, received: '' };
  socket.on('error', () => undefined);
  socket.setEncoding('utf8').on('data', (data: string) => {
    exchange.received += data;
  });
  await once(socket, 'connect');
  socket.write(text);
  return exchange;
}

/** Resolves when the service has ended (or closed) its side; fails when it stays open. */
async function expectEnd({ socket }: Exchange, event: 'end' | 'close'): Promise<void> {
  const late = sleep(10_000, 'still open', { ref: false });
  const ended = new Promise((resolve) => socket.once(event, () => resolve(event)));
  expect(await Promise.race([ended, late])).toBe(event);
}

/** Goes on sending one byte at a time, deaf to any answer, until the service gives the connection up. */
async function dribble(exchange: Exchange): Promise<void> {
  const { socket } = exchange;
  const timer = setInterval(() => socket.writable && socket.write('x'), 50);
  try {
    await expectEnd(exchange, 'close');
  } finally {
    clearInterval(timer);
    socket.destroy();
  }
}

function expectRefusal(received: string, status: number): void {
  const [head = '', body = ''] = received.split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(head.toLowerCase()).toContain('\r\ncontent-type: application/json; charset=utf-8');
  expect(head.toLowerCase()).toContain('\r\nconnection: close');
  expect(head.toLowerCase()).toContain('\r\ncache-control: no-store');
  expect(head.toLowerCase()).toContain('\r\nx-content-type-options: nosniff');
  expect(head.toLowerCase()).toMatch(/\r\nx-request-id: [0-9a-f-]{36}/);
  expect(JSON.parse(body)).toEqual(
    status === 400
      ? { code: 'INVALID_REQUEST', errors: [expect.any(String)] }
      : { code: expect.any(String), error: expect.any(String) },
  );
}

const JSON_HEADERS = 'host: localhost\r\ncontent-type: application/json\r\n';
const HEAD = `POST /graphql HTTP/1.1\r\n${JSON_HEADERS}`;
const bearer = () => `authorization: Bearer ${server.facts().token}\r\n`;

test('the service gives slow clients seconds, not the minutes of Node’s defaults', () => {
  const noted = JSON.parse(server.stderr().split('\n')[0] ?? '');
  expect(noted.headersTimeout).toBeLessThanOrEqual(15_000);
  expect(noted.requestTimeout).toBeLessThanOrEqual(30_000);
  expect(noted.connectionsCheckingInterval).toBeLessThanOrEqual(1_000);
  expect(noted.keepAliveTimeout).toBeLessThanOrEqual(75_000);
});

describe.concurrent('a client', () => {
  test('that dribbles its headers is told so and disconnected, even when it goes on', async () => {
    const slow = await open('GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ');
    await dribble(slow);
    expectRefusal(slow.received, 408);
  });

  test('that dribbles its body is told so and disconnected, even when it goes on', async () => {
    const slow = await open(`${HEAD}${bearer()}content-length: 1000\r\n\r\n{"query":"`);
    await dribble(slow);
    expectRefusal(slow.received, 408);
  });

  test('that never sends anything is disconnected', async () => {
    const silent = await open('');
    await expectEnd(silent, 'end');
    silent.socket.destroy();
  });

  test.each([
    ['something that is not HTTP', 'c4n4ry c4n4ry\r\n\r\n'],
    ['an unknown method', 'C4N4RY / HTTP/1.1\r\nhost: localhost\r\n\r\n'],
    ['two lengths', `${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`],
    ['a length and chunks at once', `${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a chunk without a length', `${HEAD}transfer-encoding: chunked\r\n\r\nc4n4ry\r\n`],
    ['a bare carriage return in a header', 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: a\rb\r\n\r\n'],
  ])('that sends %s gets a JSON 400 and is disconnected', async (_, text) => {
    const exchange = await open(text);
    await expectEnd(exchange, 'end');
    exchange.socket.destroy();
    expectRefusal(exchange.received, 400);
    expect(exchange.received.toLowerCase()).not.toContain('c4n4ry');
  });

  test('that expects what nobody can promise gets a JSON 417, and its body is not waited for', async () => {
    const exchange = await open(`${HEAD}${bearer()}expect: c4n4ry\r\ncontent-length: 1000\r\n\r\n`);
    await expectEnd(exchange, 'end');
    exchange.socket.destroy();
    expectRefusal(exchange.received, 417);
  });

  test('that expects 100-continue is told to go on', async () => {
    const body = '{"query":"{ viewer { name } }"}';
    const exchange = await open(
      `${HEAD}${bearer()}connection: close\r\nexpect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    exchange.socket.write(body);
    await expectEnd(exchange, 'end');
    exchange.socket.destroy();
    expect(exchange.received).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });

  test('that asks again in a way that is not HTTP is not told so in the place of its first answer', async () => {
    const target = `/v1/envs/${server.facts().environmentId}/agent-secrets`;
    const exchange = await open(`GET ${target} HTTP/1.1\r\nhost: localhost\r\n${bearer()}\r\nc4n4ry c4n4ry\r\n\r\n`);
    await Promise.race([expectEnd(exchange, 'end'), expectEnd(exchange, 'close')]);
    exchange.socket.destroy();
    expect(exchange.received).not.toContain('INVALID_REQUEST');
  });

  test('that sends headers without end gets a JSON 431 and is disconnected', async () => {
    const exchange = await open(`GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(100_000)}`);
    await expectEnd(exchange, 'end');
    exchange.socket.destroy();
    expectRefusal(exchange.received, 431);
  });
});

describe('a client that hangs up in the middle of its body', () => {
  test.each(['/graphql', '/v1/envs/ENVIRONMENT/agent-secrets'])('at %s is not logged as a bug', async (path) => {
    const before = server.stderr();
    const line = `POST ${path.replace('ENVIRONMENT', server.facts().environmentId)} HTTP/1.1`;
    const upload = await open(`${line}\r\n${JSON_HEADERS}${bearer()}content-length: 1000\r\n\r\n{"query":"`);
    // Answered on the same thread, so the upload's beginning has been read, too.
    await call({ url: server.url }, 'GET', '/healthz');
    upload.socket.resetAndDestroy();
    await call({ url: server.url }, 'GET', '/readyz');
    await call({ url: server.url }, 'GET', '/readyz');
    expect(server.stderr().slice(before.length)).toBe('');
  });
});

test('while a hundred slow clients hang on, others are answered', async () => {
  const slow = await Promise.all(
    Array.from({ length: 100 }, () => open('GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ')),
  );
  expect((await call(developer(server), 'POST', '/graphql', { query: '{ viewer { name } }' })).status).toBe(200);
  for (const { socket } of slow) socket.destroy();
});
