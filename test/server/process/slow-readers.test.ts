// Clients that do not take their answers: whoever lets nothing in for a while is cut off, whoever is only slow is not.
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../../src/logging/logger.js';
import { createHttpServer } from '../../../src/server/http-server.js';
import type { SlowReaderLimits } from '../../../src/server/slow-readers.js';
import { closed, listening } from '../../support/rest/app.js';
import { until } from './client.js';

const STALLED_AFTER_MS = 200;
/** More than the buffers of both kernels take. */
const LARGE = 'x'.repeat(32 * 1024 * 1024);

let server: Server;
let socket: Socket;
afterEach(async () => {
  socket?.destroy();
  await closed(server);
});

type Fetch = Parameters<typeof createHttpServer>[0];

/** Serves with `fetch` and answers the server's end of a connection that a test has the other end of. */
async function connected(fetch: Fetch, slowReaders?: Partial<SlowReaderLimits>): Promise<Socket> {
  const stalledAfterMs = slowReaders ? 60_000 : STALLED_AFTER_MS;
  const options = { log: createLogger('silent'), stalledAfterMs, ...(slowReaders ? { slowReaders } : {}) };
  server = await listening(createHttpServer(fetch, options));
  const accepted = once(server, 'connection');
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  const [peer] = (await accepted) as [Socket];
  return peer;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`;

describe('a client that never reads', () => {
  test('is cut off while a large answer waits for it', async () => {
    const peer = await connected(() => new Response(LARGE));
    socket.pause();
    socket.write(get('/'));
    await until('the answer waits', async () => peer.writableLength > 0);
    await until('cut off', async () => peer.destroyed, 10_000);
  });

  test('is cut off from a stream that goes on, and the stream is told', async () => {
    let cancelled = false;
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)),
      cancel() {
        cancelled = true;
      },
    });
    const peer = await connected(() => new Response(endless));
    socket.pause();
    socket.write(get('/'));
    await until('the answer waits', async () => peer.writableLength > 0);
    await until('cut off', async () => peer.destroyed && cancelled, 10_000);
  });

  test('is cut off even when it goes on sending parts of requests', async () => {
    const peer = await connected(() => new Response(LARGE));
    socket.pause();
    socket.write(get('/'));
    await until('the answer waits', async () => peer.writableLength > 0);
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nx: ');
    const dribble = setInterval(() => socket.writable && socket.write('y'), STALLED_AFTER_MS / 4);
    try {
      await until('cut off', async () => peer.destroyed, 30_000);
    } finally {
      clearInterval(dribble);
    }
  });

  test('cannot have any number of requests under way', async () => {
    let under = 0;
    const peer = await connected(() => {
      under += 1;
      return new Promise(() => undefined);
    });
    socket.pause();
    socket.write(get('/').repeat(5_000));
    await until('cut off', async () => peer.destroyed, 10_000);
    expect(under).toBe(16);
  });
});

describe('the more waits for a client, the less time it has', () => {
  const NEVER = 3_600_000;
  const FAST = { checkEveryMs: 20, ratePeriodMs: NEVER };
  /** More than the buffers of both kernels take, in one answer or in answers behind it. */
  const FILLING = 'x'.repeat(16 * 1024 * 1024);

  test('one that takes nothing is cut off soon with much, and not with little', async () => {
    const peer = await connected(() => new Response(LARGE), { ...FAST, stalledMs: [NEVER, 100] });
    socket.pause();
    socket.write(get('/'));
    await until('cut off', async () => peer.destroyed, 10_000);
  });

  test('with little, it has all the time', async () => {
    // Fills the kernels' buffers first: what is left then is little.
    let push = (_: number) => {};
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        push = (bytes) => controller.enqueue(new Uint8Array(bytes));
      },
    });
    const peer = await connected(() => new Response(stream), { ...FAST, stalledMs: [NEVER, 50] });
    socket.pause();
    socket.write(get('/'));
    await until('begun', async () => peer.bytesWritten > 0);
    await until('the buffers are full', async () => {
      if (peer.writableLength > 0) return true;
      push(16 * 1024);
      return false;
    });
    // It is a time that is tested: several of those after which much would be cut off.
    await sleep(500);
    expect(peer.destroyed).toBe(false);
  });

  test('answers behind one that is not taken count, too', async () => {
    let asked = 0;
    const peer = await connected(
      () => {
        asked += 1;
        return new Response(asked === 1 ? new ReadableStream({ pull: () => new Promise(() => {}) }) : FILLING);
      },
      { ...FAST, stalledMs: [NEVER, 100] },
    );
    socket.write(get('/').repeat(2));
    await until('cut off', async () => peer.destroyed, 10_000);
    expect(asked).toBe(2);
  });

  test.each([
    ['is cut off below the lowest rate', 1024 * 1024 * 1024, true],
    ['is left alone above it', 1, false],
  ])('one that takes a little of much again and again %s', async (_, minBytesPerSecond, isCut) => {
    const limits = { checkEveryMs: 20, stalledMs: [NEVER, NEVER] as const, ratePeriodMs: 200, minBytesPerSecond };
    const peer = await connected(() => new Response(LARGE), limits);
    let received = 0;
    socket.on('data', (data: Buffer) => {
      received += data.length;
      socket.pause();
      setTimeout(() => socket.resume(), 2);
    });
    socket.write(get('/'));
    await until('cut off or complete', async () => peer.destroyed || received > LARGE.length, 30_000);
    expect(received > LARGE.length).toBe(!isCut);
  });
});

describe('a client that reads', () => {
  test('gets a large answer however slowly it reads, as long as it does', async () => {
    const peer = await connected(() => new Response(LARGE));
    socket.pause();
    socket.write(get('/'));
    await until('the answer waits', async () => peer.writableLength > 0);
    const began = performance.now();
    let received = 0;
    socket.on('data', (data: Buffer) => {
      received += data.length;
      socket.pause();
      // Some four times as long as nothing may move.
      setTimeout(() => socket.resume(), data.length / (LARGE.length / (8 * STALLED_AFTER_MS)));
    });
    socket.resume();
    await until('all of it', async () => received > LARGE.length || peer.destroyed, 30_000);
    expect(received).toBeGreaterThan(LARGE.length);
    expect(performance.now() - began).toBeGreaterThan(2 * STALLED_AFTER_MS);
  });

  test('keeps a stream with a heartbeat, and one that says nothing', async () => {
    for (const beat of [true, false]) {
      let stop = () => {};
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          const say = (text: string) => controller.enqueue(new TextEncoder().encode(text));
          say('first');
          const timer = setInterval(() => beat && say('.'), STALLED_AFTER_MS / 4);
          stop = () => {
            clearInterval(timer);
            say('last');
            controller.close();
          };
        },
      });
      const peer = await connected(() => new Response(stream));
      let received = '';
      socket.setEncoding('utf8').on('data', (text: string) => {
        received += text;
      });
      socket.write(get('/'));
      await until('begun', async () => received.includes('first'));
      // It is a time that is tested: several of those after which a stalled connection is cut.
      await sleep(4 * STALLED_AFTER_MS);
      expect(peer.destroyed).toBe(false);
      stop();
      await until('ended', async () => received.includes('last'));
      socket.destroy();
      await closed(server);
    }
  });
});
