// Clients of streams: who leaves is forgotten at once, who waits is kept alive, nobody takes all there is.
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createChangeFeed } from '../../../src/domain/changes/change-feed.js';
import { createApp } from '../../../src/server/app.js';
import { createHttpServer } from '../../../src/server/http-server.js';
import { until } from '../../server/process/client.js';
import { clientOf, closed, listening, place } from '../../support/rest/app.js';
import { DOORS, type Door, watchGraphql } from '../../support/streams/changes.js';
import { addressOf, type EventStream, openStream } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

vi.setConfig({ testTimeout: 60_000 });

const LIMITS = { all: 12, ofAccount: 10 };

const { app, token, environmentId } = await restSuite();
/** A door with few places. */
let url: string;
let streams: EventStream[] = [];
/** In an environment where nothing happens, open from the beginning: what keeps them alive comes while others are tested. */
let silent: EventStream[] = [];
let silentEnvironmentId: string;
beforeAll(async () => {
  silentEnvironmentId = await createEnvironment(app, token, app.world.applicationId);
  const feed = { environmentId: silentEnvironmentId };
  silent = await Promise.all(DOORS.map((door) => door.watch(addressOf(app.server), token, feed)));
});
afterAll(() => {
  for (const stream of [...silent, ...streams]) stream.close();
});
beforeEach(async () => {
  for (const stream of streams) stream.close();
  streams = [];
  url = await narrowDoor();
});

async function narrowDoor(): Promise<string> {
  const feed = createChangeFeed(app.services.db, app.services.log, LIMITS);
  return addressOf(await app.variant({}, { ...app.services, feed }));
}

async function opened(door: Door, caller = token): Promise<EventStream> {
  const stream = await door.watch(url, caller, { environmentId });
  streams.push(stream);
  return stream;
}

/** Undefined when there is no place. */
async function tryToOpen(door: Door, caller = token): Promise<EventStream | undefined> {
  const stream = await opened(door, caller);
  return (await isPlaced(stream)) ? stream : undefined;
}

async function isPlaced(stream: EventStream): Promise<boolean> {
  return stream.status === 200 && (await stream.next()).event !== 'end';
}

/** How each kind of client is refused: what comes back only from 200 is answered a stream that ends with the reason. */
async function expectRefused(caller: string, status: number, code: string, error: string): Promise<void> {
  const path = `/v1/envs/${environmentId}/agent-secrets/changes`;
  const query = `subscription { agentSecretChanges(environmentId: "${environmentId}") { environmentRevision } }`;
  const anything = { accept: '*/*' };
  const plain = await openStream(url, { path, token: caller, headers: anything });
  await plain.rest();
  expect([plain.status, plain.headers['retry-after']]).toEqual([status, '10']);
  expect(JSON.parse(plain.text())).toEqual({ code, error });
  const rest = await openStream(url, { path, token: caller });
  expect([rest.status, rest.headers['retry-after']]).toEqual([200, '10']);
  expect(await rest.rest()).toEqual([{ event: 'end', retry: 10_000, data: { code, error } }]);
  const search = `/graphql?query=${encodeURIComponent(query)}`;
  const source = await openStream(url, { path: search, token: caller });
  expect([source.status, await source.rest(), source.lastComment()]).toEqual([
    200,
    [],
    `${code} ${error}\nretry: 10000`,
  ]);
  const sse = await openStream(url, { method: 'POST', path: '/graphql', token: caller, body: { query } });
  await sse.rest();
  expect([sse.status, sse.headers['retry-after']]).toEqual([status, '10']);
  expect(JSON.parse(sse.text()).errors).toMatchObject([{ message: error, extensions: { code, retryAfter: 10 } }]);
}

/** All places of the account are free, or become so at once. */
async function expectAllFree(): Promise<void> {
  for (let place = 0; place < LIMITS.ofAccount; place += 1) {
    await until('a place is free', () => tryToOpen(DOORS[place % 2] as Door), 5_000);
  }
  for (const door of DOORS) expect(await tryToOpen(door)).toBeUndefined();
}

describe('a client that leaves', () => {
  test('gives its place back at once, 1,000 times, whatever it was doing', async () => {
    const client = clientOf(app.server, token);
    for (let count = 0; count < 5; count += 1) await client.made(environmentId);
    for (let round = 0; round < 100; round += 1) {
      const open = await Promise.all(
        Array.from({ length: LIMITS.ofAccount }, async (_, index) => {
          const door = DOORS[index % 2] as Door;
          const feed = { environmentId, after: index % 3 === 0 ? 0 : null };
          return until(
            'a place is free',
            async () => {
              const stream = await door.watch(url, token, feed);
              return (await isPlaced(stream)) ? stream : undefined;
            },
            5_000,
          );
        }),
      );
      for (const stream of open) stream.close();
    }
    await expectAllFree();
  });

  test('before it is answered has no place', async () => {
    const query = `subscription { agentSecretChanges(environmentId: "${environmentId}") { environmentRevision } }`;
    for (const path of [
      `/v1/envs/${environmentId}/agent-secrets/changes?after=0`,
      `/graphql?query=${encodeURIComponent(query)}`,
    ]) {
      for (let count = 0; count < 100; count += 1) {
        const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' };
        const outgoing = request(`${url}${path}`, { agent: false, headers }).on('error', () => undefined);
        outgoing.end();
        if (count % 2 === 0) await new Promise((resolve) => outgoing.once('socket', resolve));
        if (count % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
        outgoing.destroy();
      }
    }
    await expectAllFree();
    // Leaving is nobody's fault.
    expect(app.logs.filter((line) => /warn|error|fatal/.test(JSON.parse(line).level))).toEqual([]);
  });

  test('that took no stream has no place: HEAD, refusals, types that are no streams', async () => {
    const query = `subscription { agentSecretChanges(environmentId: "${environmentId}") { environmentRevision } }`;
    const path = `/v1/envs/${environmentId}/agent-secrets/changes`;
    for (let count = 0; count < 2 * LIMITS.ofAccount; count += 1) {
      await openStream(url, { method: 'HEAD', path, token });
      await openStream(url, { method: 'HEAD', path: `/graphql?query=${encodeURIComponent(query)}`, token });
      await openStream(url, { path: `${path}?after=99999`, token });
      for (const accept of ['application/json', 'multipart/mixed']) {
        await openStream(url, { method: 'POST', path: '/graphql', token, headers: { accept }, body: { query } });
      }
    }
    await expectAllFree();
  });
});

describe('places', () => {
  test('of an account are limited, and others find theirs', async () => {
    for (let count = 0; count < LIMITS.ofAccount; count += 1) await opened(DOORS[count % 2] as Door);
    const error = 'Too many streams: 10 of an account may be open';
    await expectRefused(token, 429, 'RATE_LIMITED', error);
    expect((await opened(DOORS[1] as Door, app.world.people.admin.token)).status).toBe(200);
  });

  test('of the process are limited for everybody', async () => {
    for (let count = 0; count < LIMITS.ofAccount; count += 1) await opened(DOORS[count % 2] as Door);
    const { admin, deployer } = app.world.people;
    for (let count = LIMITS.ofAccount; count < LIMITS.all; count += 1) await opened(DOORS[1] as Door, admin.token);
    await expectRefused(deployer.token, 503, 'UNAVAILABLE', 'Too many streams are open');
    streams[0]?.close();
    await until(
      'a place is free',
      async () => (await tryToOpen(DOORS[1] as Door, deployer.token)) !== undefined,
      5_000,
    );
  });
});

describe('beside the server’s cut-off of clients that do not read', () => {
  const STALLED_AFTER_MS = 1_000;

  async function withImpatientServer(work: (address: string) => Promise<void>): Promise<void> {
    const feed = createChangeFeed(app.services.db, app.services.log, LIMITS);
    const door = createApp({ services: { ...app.services, feed }, config: app.config });
    const options = { log: app.services.log, stalledAfterMs: STALLED_AFTER_MS };
    const server = await listening(createHttpServer((incoming, env) => door.fetch(incoming, env), options));
    try {
      await work(addressOf(server));
    } finally {
      await closed(server);
    }
  }

  test('a stream that only waits goes on', () =>
    withImpatientServer(async (address) => {
      const open = await Promise.all(DOORS.map((door) => door.watch(address, token, { environmentId })));
      await Promise.all(open.map((stream) => stream.next()));
      await sleep(3 * STALLED_AFTER_MS);
      await clientOf(app.server, token).made(environmentId);
      for (const [index, stream] of open.entries()) {
        expect(DOORS[index]?.told(await stream.next()).changes).toHaveLength(1);
      }
    }));

  test('a client that does not read is cut, and its place is free', () =>
    withImpatientServer(async (address) => {
      const client = clientOf(app.server, token);
      const secretValue = 'x'.repeat(60_000);
      const { id } = await client.made(environmentId, { path: [place()], secretValue });
      for (let revision = 0; revision < 60; revision += 1) await client.update(id, { currentRevision: revision });
      const many = Array.from({ length: 10 }, (_, index) => `v${index}: secretValue`).join(' ');
      const deaf = await Promise.all(
        Array.from({ length: LIMITS.ofAccount }, async () => {
          const fields = `environmentRevision changes { ${many} }`;
          const stream = await watchGraphql(address, token, { environmentId, after: 0 }, fields);
          stream.pause();
          return stream;
        }),
      );
      await until('a place is free', async () => {
        // A machine that does ten other things lets a new client wait, too.
        const stream = await DOORS[1]?.watch(address, token, { environmentId }).catch(() => undefined);
        stream?.close();
        return stream?.status === 200;
      });
      for (const stream of deaf) stream.close();
    }));
});

test('a stream without news is kept alive by comments', async () => {
  await Promise.all(silent.map((stream) => stream.next()));
  await until('heartbeats', async () => silent.every((stream) => stream.comments() >= 2), 30_000);
  await clientOf(app.server, token).made(silentEnvironmentId);
  await Promise.all(silent.map((stream) => stream.next()));
});
