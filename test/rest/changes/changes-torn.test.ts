// Writers that always change two secrets together, and streams through both doors, from any revision: none tells of one alone.
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { type Instance, rest } from '../../races/support/fleet.js';
import { type Instances, startInstances } from '../../races/support/instances.js';
import { auditEnvironment } from '../../races/support/log-audit.js';
import { randomFrom } from '../../races/support/writer.js';
import { databaseKind } from '../../support/app.js';
import { changeSet } from '../../support/graphql/log.js';
import { createSecret, done } from '../../support/graphql/secrets.js';
import { DOORS, type Door, type Feed, watchGraphql } from '../../support/streams/changes.js';
import type { EventStream } from '../../support/streams/event-stream.js';
import { createEnvironment } from '../../support/world.js';

const EVENTS = databaseKind() === 'embedded' ? 600 : 5_000;
/** Enough for a machine that does ten other things. */
const TIME_MS = 40_000;
const WRITERS = 2;

const seed = randomInt(2 ** 31);

let service: Instances;
let token: string;
const streams: EventStream[] = [];
beforeAll(async () => {
  service = await startInstances();
  token = service.world.people.owner.token;
});
afterAll(async () => {
  for (const stream of streams) stream.close();
  await service?.close();
});

/** One event: its place in the log, and what it makes of the two: `gone`, or the revision and, where it is told, the value. */
interface Told {
  at: number;
  revisions: number[];
  states: { path: string; state: string }[];
}

interface Reading {
  name: string;
  watch(url: string, feed: Feed, random: () => number): Promise<EventStream>;
  told(data: any): Told;
}

const stateOf = (change: string, revision: number, value: unknown = '') =>
  change.toLowerCase() === 'deleted' ? 'gone' : `${revision} ${value}`;

const VALUES = 'environmentRevision changes { environmentRevision revision change secretValue pathText }';

const READINGS: Reading[] = [
  {
    name: 'GraphQL',
    watch: (url, feed) => watchGraphql(url, token, feed, VALUES),
    told({ data: { agentSecretChanges: told } }) {
      return {
        at: told.environmentRevision,
        revisions: told.changes.map((one: any) => one.environmentRevision),
        states: told.changes.map(({ pathText, change, revision, secretValue }: any) => ({
          path: pathText,
          state: stateOf(change, revision, secretValue),
        })),
      };
    },
  },
  {
    name: 'REST',
    // Half of them come back as an EventSource does.
    watch(url, { after, ...feed }, random) {
      const again = after != null && random() < 0.5;
      const headers: Record<string, string> = again && after !== 0 ? { 'last-event-id': String(after) } : {};
      return (DOORS[1] as Door).watch(url, token, { ...feed, after: again ? 0 : (after ?? null) }, headers);
    },
    told({ environmentRevision, changes }) {
      return {
        at: environmentRevision,
        revisions: changes.map((one: any) => one.environmentRevision),
        states: changes.map(({ path, change, revision }: any) => ({
          path: path.join('.'),
          state: stateOf(change, revision),
        })),
      };
    },
  },
];

/** Where a stream began, and the first and last revision of each of its events. */
interface Seen {
  after: number;
  spans: [first: number, last: number][];
}

test(`${EVENTS} events of ${WRITERS} writers: both secrets are always of one write`, {
  timeout: TIME_MS + 60_000,
}, async () => {
  onTestFailed(() => console.info(`seed ${seed}`));
  const { instances, world, query } = service;
  const environmentId = await createEnvironment(instances[0], token, world.applicationId);
  const secretType = { type: 'U32' };
  let isOver = false;
  /** A revision that the environment is known to have had. */
  let head = 0;
  let pair: { ids: string[]; revision: number } | undefined;
  const counts = { applied: 0, refused: 0, events: 0, streams: 0 };

  async function writer(index: number): Promise<void> {
    const instance = instances[index % instances.length] as Instance;
    const random = randomFrom(seed + index);
    const filler = await done(createSecret(instance, token, { environmentId, path: [`w${index}`], secretType }));
    let fillerRevision = 0;
    for (let count = 1; !isOver; count += 1) {
      const before = pair;
      const value = index * 1_000_000 + count;
      const isDeletion = random() < 0.15;
      const both = before
        ? before.ids.map((id) => {
            const at = { id, currentRevision: before.revision };
            return isDeletion ? { delete: at } : { update: { ...at, secretValue: { op: 'SET', value } } };
          })
        : ['left', 'right'].map((path) => ({ create: { path: [path], secretType, secretValue: value } }));
      // Between the two, so that pages and readers begin inside; now and then as much as a set may hold.
      const size = random() < 0.05 ? 98 : Math.floor(random() * 5);
      const between = Array.from({ length: size }, (_, part) => ({
        update: { id: filler.id, currentRevision: fillerRevision + part },
      }));
      const changes = [both[0], ...between, both[1]];
      const { applied, environmentRevision, results } = await changeSet(instance, token, { environmentId, changes });
      counts[applied ? 'applied' : 'refused'] += 1;
      if (applied) {
        fillerRevision += size;
        head = Math.max(head, Number(environmentRevision));
        const ids = [results[0], results.at(-1)].map((one) => (one as { id: string }).id);
        if (!before) pair = { ids, revision: 0 };
        else pair = isDeletion ? undefined : { ids, revision: before.revision + 1 };
      }
      if (random() < 0.3) {
        const { status } = await rest(instance, token, 'PATCH', `/v1/agent-secrets/${filler.id}`, {
          currentRevision: fillerRevision,
        });
        expect(status).toBe(200);
        fillerRevision += 1;
      }
    }
  }

  /** Reads so many events, or up to the last one. */
  async function follow(reading: Reading, url: string, after: number | null, limit: number, random: () => number) {
    const stream = await reading.watch(url, { environmentId, after }, random);
    streams.push(stream);
    counts.streams += 1;
    const seen: Seen = { after: after ?? 0, spans: [] };
    const state = new Map<string, string>();
    if (after === null) seen.after = reading.told((await stream.next()).data).at;
    while (seen.spans.length < limit && !state.has('end')) {
      const { at, revisions, states } = reading.told((await stream.next()).data);
      for (const { path, state: now } of states) state.set(path, now);
      expect(state.get('left'), `${reading.name}, at ${at} after ${after}`).toBe(state.get('right'));
      seen.spans.push([revisions[0] as number, at]);
      expect(revisions).toEqual(revisions.map((_, index) => at - revisions.length + 1 + index));
      counts.events += 1;
      if (counts.events >= EVENTS || performance.now() > deadline) isOver = true;
    }
    stream.close();
    return seen;
  }

  /** Comes back again and again, to anywhere in the log. */
  async function resume(reading: Reading, url: string, number: number): Promise<Seen[]> {
    const random = randomFrom(seed + 100 + number);
    const all: Seen[] = [];
    while (!isOver) {
      const after = Math.floor(random() * (head + 1));
      all.push(await follow(reading, url, after, 1 + Math.floor(random() * 30), random));
    }
    return all;
  }

  const deadline = performance.now() + TIME_MS;
  const stopping = <T>(work: Promise<T>) =>
    work.catch((error) => {
      isOver = true;
      throw error;
    });
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, index) => stopping(writer(index))));
  const ways = instances.flatMap(({ url }) => READINGS.map((reading) => ({ url, reading })));
  const following = Promise.all([
    ...ways.map(async ({ url, reading }) => [
      await stopping(follow(reading, url, null, Number.POSITIVE_INFINITY, randomFrom(seed))),
    ]),
    ...ways.map(({ url, reading }, number) => stopping(resume(reading, url, number))),
  ]);
  await Promise.race([writing, following]);
  // Who waits for more hears this.
  await done(createSecret(instances[0], token, { environmentId, path: ['end'], secretType }));
  const all = (await following).flat();

  await auditEnvironment(query, environmentId);
  const ends = await setEnds(environmentId);
  let inside = 0;
  for (const { after, spans } of all) {
    // Inside of a set counts as before it.
    const from = ends.findLast((end) => end <= after) ?? 0;
    if (from !== after) inside += 1;
    const told = ends.slice(ends.indexOf(from) + 1).slice(0, spans.length);
    expect(spans).toEqual(told.map((end, index) => [(told[index - 1] ?? from) + 1, end]));
  }
  console.info(
    `seed ${seed}: ${JSON.stringify(counts)}, ${ends.at(-1)} revisions; ${inside} streams began inside of a set`,
  );
  expect(inside).toBeGreaterThan(3);
  expect(counts.events).toBeGreaterThan(EVENTS / 10);
});

/** The revisions of the environment that are no inside of a set. */
async function setEnds(environmentId: string): Promise<number[]> {
  const rows = await service.query`
    select environment_revision from agent_secret_revisions where environment_id = ${environmentId}
      and (set_position is null or set_position + 1 = set_size) order by environment_revision`;
  return rows.map(({ environment_revision }) => Number(environment_revision));
}
