// Draining: what has begun is finished and says that it is the last, what has not is ended without a reset.
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../../../src/logging/logger.js';
import { drain, sayLast } from '../../../src/server/drain.js';
import { createHttpServer } from '../../../src/server/http-server.js';
import { listening } from '../../support/rest/app.js';
import { until } from './client.js';

/** Longer than any test here may take: what ends earlier has not waited for it. */
const GRACE_MS = 20_000;

let server: Server;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.closeAllConnections();
});

interface Client {
  socket: Socket;
  /** The server's end of it. */
  peer: Socket;
  received(): string;
  /** Whether it was reset instead of ended. */
  reset: boolean;
}

async function serve(fetch: Parameters<typeof createHttpServer>[0]): Promise<void> {
  server = await listening(createHttpServer(fetch, { log: createLogger('silent') }));
}

async function open(text: string): Promise<Client> {
  const accepted = once(server, 'connection');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  let received = '';
  socket.setEncoding('latin1').on('data', (data: string) => {
    received += data;
  });
  const [peer] = (await accepted) as [Socket];
  socket.write(text);
  await until('it has arrived', async () => peer.bytesRead >= text.length);
  const client = { socket, peer, received: () => received, reset: false };
  socket.on('error', () => {
    client.reset = true;
  });
  return client;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
const BEGINNING = 'GET /begun HTTP/1.1\r\nhost: loc';
const REST = 'alhost\r\n\r\n';

async function ended(drained: Promise<void>): Promise<void> {
  let done = false;
  drained.then(() => {
    done = true;
  });
  await until('drained', async () => done, GRACE_MS / 2);
}

test('a request that has begun to arrive is answered, on a new connection and on one that was used', async () => {
  await serve(({ url }) => new Response(new URL(url).pathname));
  const used = await open(get('/first'));
  await until('the first answer', async () => used.received().includes('/first'));
  used.socket.write(BEGINNING);
  await until('it has arrived', async () => used.peer.bytesRead === get('/first').length + BEGINNING.length);
  const fresh = await open(BEGINNING);
  const drained = drain(server, GRACE_MS);
  await until('nobody new is let in', async () => !server.listening);
  for (const { socket, peer } of [used, fresh]) {
    expect(peer.destroyed).toBe(false);
    socket.write(REST);
  }
  await ended(drained);
  for (const { received } of [used, fresh]) expect(received()).toMatch(/connection: close\r\n(.*\r\n)*\r\n\/begun$/i);
});

test('until the listener closes new connections are served, and every answer says that it is the last', async () => {
  await serve(({ url }) => new Response(new URL(url).pathname));
  const kept = await open(get('/before'));
  await until('the first answer', async () => kept.received().includes('/before'));
  sayLast(server);
  kept.socket.write(get('/kept'));
  const fresh = await open(get('/fresh'));
  for (const [{ socket, received }, path] of [
    [kept, '/kept'],
    [fresh, '/fresh'],
  ] as const) {
    await until('the server has ended it', async () => socket.readableEnded);
    expect(received()).toMatch(new RegExp(`connection: close\\r\\n(.*\\r\\n)*\\r\\n${path}$`, 'i'));
  }
  expect(server.listening).toBe(true);
});

test('a request that is sent behind one under way is answered, too, and only its answer says that it is the last', async () => {
  const makers: (() => void)[] = [];
  await serve(({ url }) => new Promise((resolve) => makers.push(() => resolve(new Response(new URL(url).pathname)))));
  sayLast(server);
  const { socket, received } = await open(get('/one') + get('/two'));
  await until('both are under way', async () => makers.length === 2);
  for (const make of makers) make();
  await until('the server has ended it', async () => socket.readableEnded);
  expect(received()).toMatch(/connection: keep-alive\r\n[\s\S]*\/one[\s\S]*connection: close\r\n[\s\S]*\/two$/i);
});

test('a connection that has sent nothing yet may send its request after the listener has closed', async () => {
  await serve(({ url }) => new Response(new URL(url).pathname));
  const [late, silent] = [await open(''), await open('')];
  const drained = drain(server, GRACE_MS);
  await until('nobody new is let in', async () => !server.listening);
  late.socket.write(get('/late'));
  await ended(drained);
  expect(late.received()).toMatch(/connection: close\r\n(.*\r\n)*\r\n\/late$/i);
  expect(silent).toMatchObject({ reset: false, socket: { readableEnded: true } });
});

test('an idle connection is ended and not reset, and a request that crosses the end has no effect', async () => {
  const paths: string[] = [];
  await serve(({ url }) => {
    paths.push(new URL(url).pathname);
    return new Response('done');
  });
  const client = await open(get('/first'));
  await until('the first answer', async () => client.received().endsWith('done'));
  client.socket.allowHalfOpen = true;
  const drained = drain(server, GRACE_MS);
  await until('the server has ended it', async () => client.peer.writableEnded);
  client.socket.write(get('/crossing'));
  await until('it has arrived', async () => client.peer.bytesRead === (get('/first') + get('/crossing')).length);
  client.socket.end();
  await ended(drained);
  await until('it is over', async () => client.socket.closed);
  expect({ paths, reset: client.reset }).toEqual({ paths: ['/first'], reset: false });
});

test('connections that wait to be accepted when the listener is to close are accepted and answered', async () => {
  await serve(({ url }) => new Response(new URL(url).pathname));
  const { port } = server.address() as AddressInfo;
  const answers = Array.from({ length: 50 }, (_, client) => {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    sockets.push(socket);
    let received = '';
    socket.on('data', (data: string) => {
      received += data;
    });
    socket.write(get(`/${client}`));
    return new Promise<string>((resolve) => {
      socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(String(code)));
      socket.on('close', () => resolve(received.split('\r\n\r\n')[1] ?? 'no answer'));
    });
  });
  await drain(server, GRACE_MS);
  expect(await Promise.all(answers)).toEqual(answers.map((_, client) => `/${client}`));
});

test('an answer in the making says that it is the last, and of several the last', async () => {
  const makers: (() => void)[] = [];
  await serve(({ url }) => new Promise((resolve) => makers.push(() => resolve(new Response(new URL(url).pathname)))));
  const client = await open(get('/one') + get('/two'));
  await until('both are under way', async () => makers.length === 2);
  const drained = drain(server, GRACE_MS);
  for (const make of makers) make();
  await ended(drained);
  const told = client.received().match(/^connection: (close|keep-alive)|\/(one|two)$|\/(one|two)(?=HTTP)/gim);
  expect(told?.map((text) => text.toLowerCase())).toEqual([
    'connection: keep-alive',
    '/one',
    'connection: close',
    '/two',
  ]);
});

test('an answer that is being sent is sent to its end', async () => {
  const large = 'x'.repeat(32 * 1024 * 1024);
  await serve(() => new Response(large));
  const { socket, peer, received } = await open(get('/'));
  socket.pause();
  await until('the answer waits', async () => peer.writableLength > 0);
  const drained = drain(server, GRACE_MS);
  socket.resume();
  await ended(drained);
  await until('all of it has come', async () => received().endsWith(`\r\n\r\n${large}`));
});

test('nobody holds it up for longer than the limit', async () => {
  await serve(() => new Promise(() => undefined));
  const [begun, underWay] = [await open(BEGINNING), await open(get('/'))];
  await drain(server, 100);
  expect([begun.peer.destroyed, underWay.peer.destroyed]).toEqual([true, true]);
});
