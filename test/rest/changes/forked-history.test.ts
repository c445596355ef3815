// A database that goes back and grows again has other changes at the same revisions. Streams do not mix the two histories:
// who comes back with an event of the lost one is told to read anew, and so is a stream that was open all the time.
import { afterAll, describe, expect, test } from 'vitest';
import { expectRefusal } from '../../support/rest/app.js';
import { takeBackup } from '../../support/restore.js';
import { DOORS, type Door, watchGraphql } from '../../support/streams/changes.js';
import { addressOf, type EventStream, type ServerEvent } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const LOST = 'CHANGE_HISTORY_LOST';
const EVENT_ID = /^\d+-[0-9a-f]{16}$/;
const { app, owner, token } = await restSuite();
const url = addressOf(app.server);
const streams: EventStream[] = [];
afterAll(() => {
  for (const stream of streams) stream.close();
});

/** The two doors, each with the ways in which a client names where it resumes. */
const GRAPHQL_FIELDS = 'environmentRevision eventId changes { environmentRevision agentSecretId }';
const [graphql, rest] = DOORS as [Door, Door];
const WAYS = [
  ...[
    {
      name: 'GraphQL’s afterEventId',
      resume: (environmentId: string, afterEventId?: string) =>
        watchGraphql(url, token, { environmentId, afterEventId }, GRAPHQL_FIELDS),
      idOf: ({ data }: ServerEvent): string => data.data.agentSecretChanges.eventId,
    },
    {
      name: 'GraphQL’s Last-Event-ID',
      resume: (environmentId: string, id?: string) =>
        watchGraphql(
          url,
          token,
          { environmentId, ...(id && { after: 0 }) },
          GRAPHQL_FIELDS,
          id === undefined ? {} : { 'last-event-id': id },
        ),
      idOf: ({ id }: ServerEvent) => id as string,
    },
  ].map((way) => ({
    ...way,
    door: graphql,
    revisionOf: ({ data }: ServerEvent): number => data.data.agentSecretChanges.environmentRevision,
    secretsOf: ({ data }: ServerEvent): string[] =>
      data.data.agentSecretChanges.changes.map(({ agentSecretId }: any) => agentSecretId),
  })),
  ...[
    {
      name: 'REST’s Last-Event-ID',
      resume: (environmentId: string, id?: string) =>
        // As an EventSource does it: with the address it began with.
        rest.watch(
          url,
          token,
          { environmentId, ...(id && { after: 0 }) },
          id === undefined ? {} : { 'last-event-id': id },
        ),
    },
    {
      name: 'REST’s after',
      resume: (environmentId: string, after?: string) => rest.watch(url, token, { environmentId, after }),
    },
  ].map((way) => ({
    ...way,
    door: rest,
    idOf: ({ id }: ServerEvent) => id as string,
    revisionOf: ({ data }: ServerEvent): number => data.environmentRevision,
    secretsOf: ({ data }: ServerEvent): string[] => data.changes.map(({ id }: any) => id),
  })),
];

describe.each(WAYS)('$name', ({ door, resume, idOf, revisionOf, secretsOf }) => {
  const opened = async (environmentId: string, id?: string) => {
    const stream = await resume(environmentId, id);
    streams.push(stream);
    return stream;
  };
  const write = async (environmentId: string, count: number) => {
    const ids: string[] = [];
    for (let nth = 0; nth < count; nth += 1) ids.push((await owner.made(environmentId)).id);
    return ids;
  };
  const freshEnvironment = () => createEnvironment(app, token, app.world.applicationId);

  /** Over REST with the status and the body of every refusal, over GraphQL as the one event of its stream. */
  async function expectLost(stream: EventStream): Promise<void> {
    if (door === rest) {
      expect(stream.status).toBe(409);
      await stream.rest().catch(() => undefined);
      expect(JSON.parse(stream.text())).toEqual({ code: LOST, error: expect.stringContaining('anew') });
    } else {
      expect(door.endIn(await stream.rest())).toBe(LOST);
    }
  }

  test('an id goes on behind its event, and so does a plain revision', async () => {
    const environmentId = await freshEnvironment();
    const begun = await opened(environmentId);
    const [start] = await begun.take(1);
    expect(idOf(start as ServerEvent)).toMatch(/^0-/);
    const ids = await write(environmentId, 3);
    const events = await begun.take(3);
    expect(events.map(idOf).every((id) => EVENT_ID.test(id))).toBe(true);
    expect(events.map((event) => idOf(event).split('-')[0])).toEqual(['1', '2', '3']);
    for (const resumption of [idOf(events[0] as ServerEvent), '1']) {
      const again = await opened(environmentId, resumption);
      expect((await again.take(2)).map(secretsOf)).toEqual([[ids[1]], [ids[2]]]);
    }
    const fromStart = await opened(environmentId, idOf(start as ServerEvent));
    expect((await fromStart.take(1)).map(revisionOf)).toEqual([1]);
  });

  test('an id of a history that the database has lost is refused, before and after it has grown again', async () => {
    const environmentId = await freshEnvironment();
    await write(environmentId, 2);
    const backup = await takeBackup(app.services.db);
    await write(environmentId, 2);
    const events = await (await opened(environmentId, '0')).take(4);
    await backup.restore();
    const lost = idOf(events[3] as ServerEvent);
    await expectLost(await opened(environmentId, lost));
    await expectLost(await opened(environmentId, '4'));
    const others = await write(environmentId, 3);
    await expectLost(await opened(environmentId, lost));
    await expectLost(await opened(environmentId, idOf(events[2] as ServerEvent)));
    // What is behind an event that both histories have is told.
    const kept = await opened(environmentId, idOf(events[1] as ServerEvent));
    expect((await kept.take(3)).map(secretsOf)).toEqual(others.map((id) => [id]));
  });

  test('a stream that is open all the time ends, also when nothing is written, one write was lost, or as many came again', async () => {
    const environmentId = await freshEnvironment();
    await write(environmentId, 2);
    const backup = await takeBackup(app.services.db);
    const behind = await opened(environmentId);
    await behind.take(1);
    await write(environmentId, 2);
    await behind.take(2);
    await backup.restore();
    expect(door.endIn(await behind.rest())).toBe(LOST);

    const single = await opened(environmentId);
    await single.take(1);
    await write(environmentId, 1);
    await single.take(1);
    await backup.restore();
    expect(door.endIn(await single.rest())).toBe(LOST);

    const equal = await opened(environmentId);
    await equal.take(1);
    await write(environmentId, 2);
    await equal.take(2);
    await backup.restore();
    await write(environmentId, 2);
    expect(door.endIn(await equal.rest())).toBe(LOST);
  });

  test('a stream that has told nothing of what was lost goes on', async () => {
    const environmentId = await freshEnvironment();
    await write(environmentId, 2);
    const stream = await opened(environmentId);
    await stream.take(1);
    const backup = await takeBackup(app.services.db);
    await backup.restore();
    const ids = await write(environmentId, 2);
    expect((await stream.take(2)).map(secretsOf)).toEqual(ids.map((id) => [id]));
  });

  test.each(['1-', '1-0123', '-0123456789abcdef', '1-0123456789ABCDEF', `${2n ** 64n}-0123456789abcdef`])(
    'refuses %j, which is no id',
    async (text) => {
      const stream = await opened(await freshEnvironment(), text);
      if (door === rest) {
        expect(stream.status).toBe(400);
        await stream.rest().catch(() => undefined);
        expect(JSON.parse(stream.text()).code).toBe('INVALID_REQUEST');
      } else expect(door.endIn(await stream.rest())).toBe('INVALID_REQUEST');
    },
  );

  test('an id with another hash, or inside of a change set, is of no history', async () => {
    const environmentId = await freshEnvironment();
    const create = { path: ['a'], secretType: { type: 'Str' } };
    const body = {
      query: `mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) { __typename } }`,
      variables: { input: { environmentId, changes: [{ create }, { create: { ...create, path: ['b'] } }] } },
    };
    expect((await owner.call('POST', '/graphql', { body })).status).toBe(200);
    const [told] = await (await opened(environmentId, '0')).take(1);
    const [, hash] = idOf(told as ServerEvent).split('-');
    await expectLost(await opened(environmentId, `2-${'0'.repeat(16)}`));
    await expectLost(await opened(environmentId, `1-${hash}`));
  });
});

test('both doors give an event the same id', async () => {
  const environmentId = await createEnvironment(app, token, app.world.applicationId);
  await owner.made(environmentId);
  const opened = await Promise.all(DOORS.map((door) => door.watch(url, token, { environmentId, after: 0 })));
  streams.push(...opened);
  const [ofGraphql, ofRest] = await Promise.all(opened.map((stream) => stream.next()));
  expect(ofGraphql?.id).toMatch(EVENT_ID);
  expect(ofGraphql?.id).toBe(ofRest?.id);
});

test('GraphQL takes either after or afterEventId', async () => {
  const environmentId = await createEnvironment(app, token, app.world.applicationId);
  const both = await watchGraphql(url, token, { environmentId, after: 0, afterEventId: '0' }, GRAPHQL_FIELDS);
  streams.push(both);
  expect(graphql.endIn(await both.rest())).toBe('INVALID_REQUEST');
});

test('a viewer, who may not watch, learns nothing of the history', async () => {
  const path = `/v1/envs/${app.world.environmentId}/agent-secrets/changes?after=9-${'0'.repeat(16)}`;
  expectRefusal(await app.as('viewer').call('GET', path), 403, 'AUTH_FORBIDDEN');
});
