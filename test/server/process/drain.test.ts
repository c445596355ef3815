// Draining: what has begun is finished and says that it is the last, what has not is closed at once.
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../../../src/logging/logger.js';
import { createHttpServer, drain } from '../../../src/server/http-server.js';
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
}

async function serve(fetch: Parameters<typeof createHttpServer>[0]): Promise<void> {
  server = await listening(createHttpServer(fetch, { log: createLogger('silent') }));
}

async function open(text: string): Promise<Client> {
  const accepted = once(server, 'connection');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  sockets.push(socket);
  let received = '';
  socket.setEncoding('latin1').on('data', (data: string) => {
    received += data;
  });
  const [peer] = (await accepted) as [Socket];
  socket.write(text);
  await until('it has arrived', async () => peer.bytesRead >= text.length);
  return { socket, peer, received: () => received };
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
  const silent = await open('');
  const drained = drain(server, GRACE_MS);
  await until('the silent one is closed', async () => silent.peer.destroyed);
  for (const { socket, peer } of [used, fresh]) {
    expect(peer.destroyed).toBe(false);
    socket.write(REST);
  }
  await ended(drained);
  for (const { received } of [used, fresh]) expect(received()).toMatch(/connection: close\r\n(.*\r\n)*\r\n\/begun$/i);
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
