// The change feed through both doors: every write once, in order, from wherever the client was.
import { afterAll, describe, expect, test } from 'vitest';
import { ask } from '../../support/graphql/client.js';
import { expectRefusal, place } from '../../support/rest/app.js';
import { type Change, DOORS, type Door, type Told, watchGraphql } from '../../support/streams/changes.js';
import { addressOf, type EventStream, openStream } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, owner, token, environmentId } = await restSuite();
const url = addressOf(app.server);
const streams: EventStream[] = [];
afterAll(() => {
  for (const stream of streams) stream.close();
});

async function opened(stream: Promise<EventStream>): Promise<EventStream> {
  streams.push(await stream);
  return stream;
}

const freshEnvironment = () => createEnvironment(app, token, app.world.applicationId);

const APPLY = `mutation ($input: ApplyAgentSecretChangesInput!) {
  applyAgentSecretChanges(input: $input) { __typename ... on Refusal { message } }
}`;

/** Creates as many secrets at once. */
async function applySet(id: string, size: number): Promise<void> {
  const changes = Array.from({ length: size }, () => ({
    create: { path: [place()], secretType: { type: 'Str' }, secretValue: 'some' },
  }));
  const { applyAgentSecretChanges } = await ask(app, token, APPLY, { input: { environmentId: id, changes } });
  expect(applyAgentSecretChanges).toEqual({ __typename: 'ApplyAgentSecretChangesPayload' });
}

async function take(door: Door, stream: EventStream, count: number): Promise<Told[]> {
  return (await stream.take(count)).map(door.told);
}

const revisionsOf = (told: readonly Told[]) =>
  told.map(({ changes }) => changes.map(({ environmentRevision }) => environmentRevision));

describe.each(DOORS)('over $name', (door) => {
  const watch = (feed: Parameters<Door['watch']>[2], headers?: Record<string, string>) =>
    opened(door.watch(url, token, feed, headers));

  test('a stream from 0 tells the whole life of a secret, then what happens next, and never a value', async () => {
    const id = await freshEnvironment();
    const secret = await owner.made(id);
    await owner.update(secret.id, { currentRevision: 0, secretValue: { op: 'unset' } });
    const stream = await watch({ environmentId: id, after: 0 });
    expect(stream.status).toBe(200);
    const past = await take(door, stream, 2);
    await owner.update(secret.id, { currentRevision: 1, secretValue: { op: 'set', value: 'other' } });
    await owner.remove(secret.id, 2);
    const live = await take(door, stream, 2);
    const by = app.world.people.owner.id;
    const change = (revision: number, what: string, valueState: string): Told => ({
      environmentRevision: revision + 1,
      changes: [
        { id: secret.id, path: secret.path, change: what, environmentRevision: revision + 1, revision, valueState, by },
      ] satisfies Change[],
    });
    expect([...past, ...live]).toEqual([
      change(0, 'created', 'present'),
      change(1, 'value_removed', 'absent'),
      change(2, 'updated', 'present'),
      change(3, 'deleted', 'absent'),
    ]);
    expect(stream.text()).not.toMatch(/some|other/);
  });

  test('a stream from N begins behind N, and one from the current revision with the next write', async () => {
    const id = await freshEnvironment();
    for (let count = 0; count < 3; count += 1) await owner.made(id);
    const behind = await watch({ environmentId: id, after: 1 });
    const current = await watch({ environmentId: id, after: 3 });
    await owner.made(id);
    expect(revisionsOf(await take(door, behind, 3))).toEqual([[2], [3], [4]]);
    expect(revisionsOf(await take(door, current, 1))).toEqual([[4]]);
  });

  test('a stream without a revision first says, without changes, where it begins', async () => {
    const id = await freshEnvironment();
    await owner.made(id);
    const stream = await watch({ environmentId: id });
    expect(await take(door, stream, 1)).toEqual([{ environmentRevision: 1, changes: [] }]);
    await owner.made(id);
    expect(revisionsOf(await take(door, stream, 1))).toEqual([[2]]);
  });

  test('a backlog of several pages comes in order, without a gap or a duplicate', async () => {
    const id = await freshEnvironment();
    // The pages' ends fall inside of sets.
    for (const size of [70, 70, 70, 1, 100, 99, 2]) await applySet(id, size);
    const stream = await watch({ environmentId: id, after: 0 });
    const told = await take(door, stream, 7);
    expect(told.map(({ changes }) => changes.length)).toEqual([70, 70, 70, 1, 100, 99, 2]);
    expect(revisionsOf(told).flat()).toEqual(Array.from({ length: 412 }, (_, index) => index + 1));
    expect(told.map(({ environmentRevision }) => environmentRevision)).toEqual([70, 140, 210, 211, 311, 410, 412]);
  });

  test('a change set is told whole, live too, and a revision inside of it counts as before it', async () => {
    const id = await freshEnvironment();
    await owner.made(id);
    const live = await watch({ environmentId: id, after: 1 });
    await applySet(id, 5);
    expect(revisionsOf(await take(door, live, 1))).toEqual([[2, 3, 4, 5, 6]]);
    for (const after of [1, 2, 3, 5]) {
      const stream = await watch({ environmentId: id, after });
      expect(revisionsOf(await take(door, stream, 1)), `after ${after}`).toEqual([[2, 3, 4, 5, 6]]);
    }
    const behind = await watch({ environmentId: id, after: 6 });
    await owner.made(id);
    expect(revisionsOf(await take(door, behind, 1))).toEqual([[7]]);
  });

  test('writes while streams start and go on reach every one of them exactly once', async () => {
    const id = await freshEnvironment();
    const writing = Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let count = 0; count < 25; count += 1) await owner.made(id);
      }),
    );
    const told = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const stream = await watch({ environmentId: id, after: 0 });
        return revisionsOf(await take(door, stream, 100)).flat();
      }),
    );
    await writing;
    const all = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(told).toEqual(Array.from({ length: 20 }, () => all));
  });

  test('a change that many wait for is read once, not once for each of them', async () => {
    const id = await freshEnvironment();
    const waiting = await Promise.all(Array.from({ length: 60 }, () => watch({ environmentId: id, after: 0 })));
    await owner.made(id);
    for (const stream of waiting) await take(door, stream, 1);
    const before = app.queries();
    await owner.made(id);
    for (const stream of waiting) await take(door, stream, 1);
    expect(app.queries() - before).toBeLessThan(20);
  });

  test('a change set refused or only tried is told to nobody', async () => {
    const id = await freshEnvironment();
    const stream = await watch({ environmentId: id, after: 0 });
    const create = { path: [place()], secretType: { type: 'Str' } };
    const input = { environmentId: id, changes: [{ create }], dryRun: true };
    await ask(app, token, APPLY, { input });
    await ask(app, token, APPLY, { input: { ...input, dryRun: false, changes: [{ create }, { create }] } });
    const { id: first } = await owner.made(id);
    expect(await take(door, stream, 1)).toMatchObject([{ environmentRevision: 1, changes: [{ id: first }] }]);
  });
});

describe('over GraphQL', () => {
  test('values come when they are selected, every one exact, as they were then', async () => {
    const id = await freshEnvironment();
    const { id: secretId } = await owner.made(id, { secretType: { type: 'U64' }, secretValue: 2n ** 64n - 1n });
    await owner.update(secretId, `{"currentRevision":0,"secretValue":{"op":"set","value":9007199254740993}}`);
    const fields = 'changes { secretValue secretValueText document }';
    const stream = await opened(watchGraphql(url, token, { environmentId: id, after: 0 }, fields));
    await owner.update(secretId, { currentRevision: 1, secretValue: { op: 'unset' } });
    const told = (await stream.take(3)).map(({ data }) => data.data.agentSecretChanges.changes[0]);
    expect(told).toEqual([
      {
        secretValue: 2n ** 64n - 1n,
        secretValueText: '18446744073709551615',
        document: expect.objectContaining({ id: secretId, secretValue: 2n ** 64n - 1n }),
      },
      {
        secretValue: 9007199254740993n,
        secretValueText: '9007199254740993',
        document: expect.objectContaining({ revision: 1, secretValue: 9007199254740993n }),
      },
      { secretValue: null, secretValueText: null, document: expect.objectContaining({ secretValue: null }) },
    ]);
  });

  test('what a request may read is counted for each event, not over the life of a stream', async () => {
    const id = await freshEnvironment();
    const { id: secretId } = await owner.made(id);
    for (let revision = 0; revision < 110; revision += 1) await owner.update(secretId, { currentRevision: revision });
    const fields = 'environmentRevision changes { agentSecret { revisions(first: 100) { totalCount: __typename } } }';
    const stream = await opened(watchGraphql(url, token, { environmentId: id, after: 0 }, fields));
    for (const { data } of await stream.take(111)) expect(data.errors).toBeUndefined();
  });

  test('an event that fails as a whole ends the stream: behind it there would be a gap', async () => {
    const id = await freshEnvironment();
    for (let count = 0; count < 3; count += 1) await owner.made(id);
    const fields = 'environmentRevision changes { revisions(first: 9999) { __typename } }';
    const stream = await opened(watchGraphql(url, token, { environmentId: id, after: 0 }, fields));
    const events = await stream.rest();
    expect(events.map(({ event }) => event)).toEqual(['next', 'complete']);
    expect(events[0]?.data.errors[0].extensions.code).toBe('INVALID_REQUEST');
  });

  test('is a stream for whoever takes events, by POST and by GET, and nothing for anybody else', async () => {
    const query = `subscription { agentSecretChanges(environmentId: "${environmentId}") { environmentRevision } }`;
    const post = (accept: string) =>
      opened(openStream(url, { method: 'POST', path: '/graphql', token, headers: { accept }, body: { query } }));
    for (const accept of ['text/event-stream', '*/*', 'text/*', 'application/json, text/event-stream;q=0.9']) {
      const stream = await post(accept);
      expect(stream.headers).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      expect((await stream.next()).event, accept).toBe('next');
    }
    const get = await opened(openStream(url, { path: `/graphql?query=${encodeURIComponent(query)}`, token }));
    expect((await get.next()).event).toBe('next');
    for (const accept of ['application/json', 'application/graphql-response+json', 'multipart/mixed']) {
      const answer = await post(accept);
      expect([answer.status, answer.headers['content-type']], accept).toEqual([406, 'application/json; charset=utf-8']);
      await answer.rest().catch(() => undefined);
      expect(JSON.parse(answer.text())).toEqual({
        errors: [{ message: expect.stringContaining('text/event-stream'), extensions: { code: 'INVALID_REQUEST' } }],
      });
    }
  });

  test.each([
    ['@skip(if: true) { environmentRevision }', ''],
    ['@include(if: false) { environmentRevision }', ''],
    ['{ environmentRevision } } fragment F on Subscription { x: __typename', '...F @skip(if: true) '],
    ['{ environmentRevision }', '... @skip(if: true) '],
  ])('a subscription without its field is refused: %s %s', async (behind, before) => {
    const field = `agentSecretChanges(environmentId: "${environmentId}") ${behind}`;
    const wrapped = before === '... @skip(if: true) ' ? `${before}{ ${field} }` : `${before}${field}`;
    const body = { query: `subscription { ${wrapped} }` };
    const stream = await opened(openStream(url, { method: 'POST', path: '/graphql', token, body }));
    const [event, complete] = await stream.rest();
    expect(event?.data.errors[0].extensions.code).toBe('INVALID_REQUEST');
    expect(complete?.event).toBe('complete');
  });

  test.each([
    ['stranger', 'ENVIRONMENT_NOT_FOUND'],
    ['roleless', 'ENVIRONMENT_NOT_FOUND'],
    ['operator', 'ENVIRONMENT_NOT_FOUND'],
    ['viewer', 'AUTH_FORBIDDEN'],
  ] as const)('tells %s %s in the one event of its stream', async (who, code) => {
    const { token } = app.world.people[who];
    const stream = await opened(watchGraphql(url, token, { environmentId, after: 0 }));
    const [event, complete, ...more] = await stream.rest();
    expect([event?.event, complete?.event, more]).toEqual(['next', 'complete', []]);
    expect(event?.data).toMatchObject({ errors: [{ path: ['agentSecretChanges'], extensions: { code } }] });
  });

  test.each([
    [
      'no revision',
      { after: -1 },
      ['$after: expected a whole number from 0 to 18446744073709551615 in plain digits such as `7`'],
    ],
    [
      'no id',
      { environmentId: 'x' },
      ['$environmentId: expected a UUID such as `01a20640-d042-77d8-a4fc-5bc52814913e`'],
    ],
  ])('refuses %s', async (_, variables, problems) => {
    const id = await freshEnvironment();
    const stream = await opened(watchGraphql(url, token, { environmentId: id, ...variables } as never));
    const [event] = await stream.rest();
    expect(event?.data.errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST', problems } }]);
  });
});

test.each([1_000_000, 2n ** 64n - 1n])('GraphQL refuses the revision %s, which is to come', async (after) => {
  const stream = await opened(watchGraphql(url, token, { environmentId: await freshEnvironment(), after }));
  const [event] = await stream.rest();
  expect(event?.data.errors).toMatchObject([{ extensions: { code: 'CHANGE_HISTORY_LOST' } }]);
});

describe('over REST', () => {
  const rest = DOORS[1] as Door;
  const pathOf = (id: string) => `/v1/envs/${id}/agent-secrets/changes`;

  test('an event has its id, and a client that comes back with it goes on behind it', async () => {
    const id = await freshEnvironment();
    for (let count = 0; count < 4; count += 1) await owner.made(id);
    const stream = await opened(rest.watch(url, token, { environmentId: id, after: 0 }));
    const [first, second] = await stream.take(2);
    expect([first?.id, second?.id]).toEqual([expect.stringMatching(/^1-/), expect.stringMatching(/^2-/)]);
    stream.close();
    // As an EventSource does it: with the address it began with.
    const again = await opened(
      rest.watch(url, token, { environmentId: id, after: 0 }, { 'last-event-id': second?.id as string }),
    );
    expect(revisionsOf(await take(rest, again, 2))).toEqual([[3], [4]]);
    const empty = await opened(rest.watch(url, token, { environmentId: id, after: 3 }, { 'last-event-id': '' }));
    expect(revisionsOf(await take(rest, empty, 1))).toEqual([[4]]);
  });

  test('says what it is, and that nobody may keep it or collect it', async () => {
    const stream = await opened(rest.watch(url, token, { environmentId }));
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
  });

  test('HEAD answers the same without a stream, refusals included', async () => {
    const head = (id: string, who = token) => openStream(url, { method: 'HEAD', path: pathOf(id), token: who });
    const stream = await head(environmentId);
    expect([stream.status, stream.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(await stream.rest()).toEqual([]);
    expect((await head(environmentId, app.world.people.viewer.token)).status).toBe(403);
    expect((await head('x')).status).toBe(400);
  });

  test.each([
    ['anonymous', 401, 'AUTH_UNAUTHORIZED'],
    ['stranger', 404, 'ENVIRONMENT_NOT_FOUND'],
    ['roleless', 404, 'ENVIRONMENT_NOT_FOUND'],
    ['operator', 404, 'ENVIRONMENT_NOT_FOUND'],
    ['viewer', 403, 'AUTH_FORBIDDEN'],
  ] as const)('answers %s %i', async (who, status, code) => {
    const client = who === 'anonymous' ? app.anonymous : app.as(who);
    expectRefusal(await client.call('GET', pathOf(environmentId)), status, code);
    // Who may not know of the environment is told nothing of its revision either.
    expectRefusal(await client.call('GET', `${pathOf(environmentId)}?after=999999`), status, code);
  });

  test.each(['', 'x', '-1', '1.0', '1e2', '0x1', ' 1', '18446744073709551616', '9'.repeat(30)])(
    'refuses ?after=%j and the header Last-Event-ID alike',
    async (text) => {
      const query = `?after=${encodeURIComponent(text)}`;
      expectRefusal(await owner.call('GET', `${pathOf(environmentId)}${query}`), 400, 'INVALID_REQUEST', /^after: /);
      if (text.trim() !== text || text === '') return;
      const headers = { 'last-event-id': text };
      const answer = await owner.call('GET', `${pathOf(environmentId)}?after=0`, { headers });
      expectRefusal(answer, 400, 'INVALID_REQUEST', /^Last-Event-ID: /);
    },
  );

  test('refuses a revision to come, a repeated one, an id that is none; 401 comes first', async () => {
    const id = await freshEnvironment();
    // The log may have had such a revision before the database went back.
    for (const query of ['?after=1', '?after=18446744073709551615']) {
      expectRefusal(await owner.call('GET', `${pathOf(id)}${query}`), 409, 'CHANGE_HISTORY_LOST');
    }
    const repeated = await owner.call('GET', `${pathOf(id)}?after=0&after=0`);
    expectRefusal(repeated, 400, 'INVALID_REQUEST', 'after: expected once');
    expectRefusal(await owner.call('GET', pathOf('x')), 400, 'INVALID_REQUEST', 'environment_id: expected a UUID');
    expectRefusal(await app.anonymous.call('GET', `${pathOf('x')}?after=x`), 401, 'AUTH_UNAUTHORIZED');
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('answers %s 405 and what the path takes', async (method) => {
    const answer = await owner.call(method, pathOf(environmentId));
    expectRefusal(answer, 405, 'METHOD_NOT_ALLOWED');
    expect(answer.headers.allow).toBe('GET, HEAD');
  });

  test('is under the rate limit like every other route', async () => {
    const server = await app.variant({ rateLimit: 1 });
    (await opened(rest.watch(addressOf(server), token, { environmentId }))).close();
    const headers = { accept: '*/*' };
    const refused = await opened(rest.watch(addressOf(server), token, { environmentId }, headers));
    expect([refused.status, Number(refused.headers['retry-after']) > 0]).toEqual([429, true]);
  });
});
