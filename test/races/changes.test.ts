// The change feed over several instances on one database, and over networks that lose connections, news, or everything.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { until } from '../server/process/client.js';
import { ask } from '../support/graphql/client.js';
import { type Network, networkTo } from '../support/postgres/network.js';
import { DOORS, type Door, type Told } from '../support/streams/changes.js';
import type { EventStream } from '../support/streams/event-stream.js';
import { createWorld, type World } from '../support/world.js';
import { type Fleet, type Instance, rest, startFleet } from './support/fleet.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 300_000 });

const POLL_MS = 1_000;

let fleet: Fleet;
let world: World;
let networks: Network[] = [];
let streams: EventStream[] = [];
afterEach(async () => {
  for (const stream of streams) stream.close();
  streams = [];
  await fleet?.close();
  for (const network of networks) network.close();
  networks = [];
});

async function start(options: Parameters<typeof startFleet>[0] = {}): Promise<[Instance, Instance]> {
  fleet = await startFleet({ size: 2, ...options });
  world = await createWorld(fleet.instances[0]);
  return fleet.instances as unknown as [Instance, Instance];
}

async function networkFor(url: string): Promise<Network> {
  const network = await networkTo(url);
  networks.push(network);
  return network;
}

async function watch(instance: Instance, door = DOORS[1] as Door): Promise<EventStream> {
  const stream = await door.watch(instance.url, world.people.owner.token, { environmentId: world.environmentId });
  streams.push(stream);
  await stream.next();
  return stream;
}

let made = 0;
async function write(instance: Instance): Promise<void> {
  made += 1;
  const body = { path: [`s${made}`], secretType: { type: 'Str' }, secretValue: 'x' };
  const path = `/v1/envs/${world.environmentId}/agent-secrets`;
  const { status } = await rest(instance, world.people.owner.token, 'POST', path, body);
  expect(status).toBe(200);
}

/** Milliseconds from the end of each write to its event. */
async function delays(writer: Instance, stream: EventStream, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    await write(writer);
    const written = performance.now();
    await stream.next();
    all.push(performance.now() - written);
  }
  return all.sort((a, b) => a - b);
}

const median = (sorted: readonly number[]) => sorted[Math.floor(sorted.length / 2)] as number;

const listeners = () =>
  fleet.sql<{ pid: number }[]>`
    select pid from pg_stat_activity where query ilike 'listen %' and datname = current_database() order by pid`;

test.each(DOORS)(
  'a write at one instance wakes a stream over $name at the other long before it would look',
  async (door) => {
    const [a, b] = await start();
    const stream = await watch(b, door);
    await until('it listens', async () => (await listeners()).length === 1);
    const waits = await delays(a, stream, 20);
    console.log(`woken after ${median(waits).toFixed(0)} ms (${waits.map((ms) => ms.toFixed(0)).join(' ')})`);
    expect(median(waits)).toBeLessThan(POLL_MS / 3);
  },
);

test('an instance whose listening connection is terminated goes on looking, and listens again', async () => {
  const [a, b] = await start();
  const stream = await watch(b);
  for (let round = 0; round < 3; round += 1) {
    const [before] = await until('it listens', async () => {
      const found = await listeners();
      return found.length === 1 && found;
    });
    await fleet.sql`select pg_terminate_backend(${before?.pid as number})`;
    const [wait] = await delays(a, stream, 1);
    expect(wait).toBeLessThan(3 * POLL_MS);
    await until('it listens again', async () => {
      const [found] = await listeners();
      return found && found.pid !== before?.pid;
    });
    expect(median(await delays(a, stream, 9))).toBeLessThan(POLL_MS / 3);
  }
});

test('behind a pooler that passes on no notification, a change comes with the next look', async () => {
  const [a, b] = await start({
    async wayOf(_, url) {
      const network = await networkFor(url);
      network.swallowNotifications();
      return network.url;
    },
  });
  const stream = await watch(b);
  const waits = await delays(a, stream, 6);
  console.log(`found after ${waits.map((ms) => ms.toFixed(0)).join(' ')} ms`);
  expect(waits.at(-1)).toBeLessThan(POLL_MS * 2.5);
  // Otherwise something has passed.
  expect(median(waits)).toBeGreaterThan(POLL_MS / 3);
});

describe('a database that is away', () => {
  const behindNetwork = async () => {
    let network: Network | undefined;
    const instances = await start({
      tolerated: /UNAVAILABLE/,
      async wayOf(index, url) {
        if (index === 0) return url;
        network = await networkFor(url);
        return network.url;
      },
    });
    return { instances, network: network as Network };
  };

  test('for a moment ends no stream', async () => {
    const { instances, network } = await behindNetwork();
    const open = await Promise.all(DOORS.map((door) => watch(instances[1], door)));
    for (let round = 0; round < 5; round += 1) {
      network.cut();
      await write(instances[0]);
      for (const stream of open) expect(DOORS[open.indexOf(stream)]?.told(await stream.next()).changes).toHaveLength(1);
    }
    network.hold();
    await write(instances[0]);
    await sleep(2 * POLL_MS);
    network.release();
    for (const stream of open) expect(DOORS[open.indexOf(stream)]?.told(await stream.next()).changes).toHaveLength(1);
  });

  test('for long ends no stream either, and shows nothing to those who have lost access meanwhile', async () => {
    const { instances, network } = await behindNetwork();
    const { environmentId, people } = world;
    const open = await Promise.all(DOORS.map((door) => watch(instances[1], door)));
    const ending = await Promise.all(
      DOORS.map((door) => door.watch(instances[1].url, people.deployer.token, { environmentId })),
    );
    streams.push(...ending);
    for (const stream of ending) await stream.next();
    network.hold();
    const [share] = await fleet.sql`select id from environment_shares where account_id = ${people.deployer.id}`;
    const query = `mutation ($input: DeleteEnvironmentShareInput!) {
      deleteEnvironmentShare(input: $input) { __typename }
    }`;
    const body = { query, variables: { input: { id: share?.id } } };
    const deleted = await rest(instances[0], people.owner.token, 'POST', '/graphql', body);
    expect(deleted.body.errors).toBeUndefined();
    // Longer than a caller may stay unchecked.
    await sleep(12_000);
    await write(instances[0]);
    await sleep(POLL_MS);
    network.release();
    for (const [index, stream] of open.entries()) {
      expect(DOORS[index]?.told(await stream.next(30_000)).changes).toHaveLength(1);
    }
    for (const [index, stream] of ending.entries()) {
      expect(DOORS[index]?.endIn(await stream.rest(30_000))).toBe('ENVIRONMENT_NOT_FOUND');
    }
  });
});

const CHANGES = 10_000;
const WRITERS = 4;
const SECRETS = 20;

interface Known {
  path: string[];
  revision: number;
}

test(`${CHANGES} changes from ${WRITERS} writers, over connections cut at random: every subscriber’s state is the database’s`, async () => {
  const ways: Network[] = [];
  const instances = await start({
    // What is cut is answered UNAVAILABLE, and a stream may have to say so.
    tolerated: /UNAVAILABLE/,
    async wayOf(_, url) {
      const network = await networkFor(url);
      ways.push(network);
      return network.url;
    },
  });
  const doors = await Promise.all(instances.map(({ url }) => networkFor(url)));
  const { environmentId } = world;
  const { token } = world.people.owner;
  let isWriting = true;
  let last = 0;
  const counts = { cuts: 0, resumed: 0 };

  async function cutAtRandom(): Promise<void> {
    while (isWriting) {
      await sleep(200 + 400 * Math.random());
      for (const network of [...ways, ...doors]) network.cut(0.2);
      counts.cuts += 1;
    }
  }

  /** The revision of the environment, from the database itself. */
  async function revision(): Promise<number> {
    const [row] = await fleet.sql`select revision from environments where id = ${environmentId}`;
    return Number(row?.revision);
  }

  /** Writes single changes and sets, in its own part of the environment, until there are enough. */
  async function writeOn(writer: number): Promise<void> {
    const instance = instances[writer % 2] as Instance;
    const known = new Map<string, { id: string; revision: number } | undefined>();
    for (let turn = 0; (await revision()) < CHANGES; turn += 1) {
      const names = Array.from({ length: SECRETS }, (_, index) => `w${writer}x${index}`).filter(
        () => Math.random() < 0.7,
      );
      const changes = names.map((name) => {
        const secret = known.get(name);
        if (!secret) return { create: { path: [name], secretType: { type: 'Str' }, secretValue: `v${turn}` } };
        const at = { id: secret.id, currentRevision: secret.revision };
        if (Math.random() < 0.1) return { delete: at };
        return { update: { ...at, secretValue: { op: 'SET', value: `v${turn}` } } };
      });
      if (changes.length === 0) continue;
      await ask(
        instance,
        token,
        'mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) { __typename } }',
        { input: { environmentId, changes } },
      ).catch(() => undefined);
      // Whatever has become of it: what is there now.
      const rows = await fleet.sql`
        select id, path as name, revision from agent_secrets
        where environment_id = ${environmentId} and deleted_at is null and path like ${`w${writer}x%`}`;
      known.clear();
      for (const row of rows) known.set(row.name, { id: row.id, revision: Number(row.revision) });
    }
  }

  async function follow(door: Door, url: string): Promise<Map<string, Known>> {
    const state = new Map<string, Known>();
    let at = 0;
    function apply({ environmentRevision, changes }: Told): void {
      for (const change of changes) {
        at += 1;
        if (change.environmentRevision !== at) throw new Error(`a gap: ${change.environmentRevision} instead of ${at}`);
        const before = state.get(change.id);
        if (change.revision !== (before ? before.revision + 1 : 0)) throw new Error('a gap in a secret’s revisions');
        state.set(change.id, { path: change.path, revision: change.revision });
        if (change.change === 'deleted') state.delete(change.id);
      }
      if (environmentRevision !== at) throw new Error(`an event of ${environmentRevision} ends with ${at}`);
    }
    while (isWriting || at < last) {
      const isRest = door.name === 'REST';
      // As an EventSource comes back: the address it began with, and the last id.
      const headers: Record<string, string> = isRest && at > 0 ? { 'last-event-id': String(at) } : {};
      const feed = { environmentId, after: isRest ? 0 : at };
      const stream = await door.watch(url, token, feed, headers).catch(() => undefined);
      if (!stream) continue;
      counts.resumed += 1;
      try {
        while (isWriting || at < last) {
          const event = await stream.next(2_000).catch(() => undefined);
          if (!event) break;
          if (event.event === 'end' || event.data?.errors || event.event === 'complete') break;
          apply(door.told(event));
        }
      } finally {
        stream.close();
      }
    }
    return state;
  }

  const cutting = cutAtRandom();
  const following = Promise.all(
    doors.flatMap(({ url }) => [...DOORS, ...DOORS].map((door) => follow(door, new URL(url).origin))),
  );
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeOn(writer)));
  last = await revision();
  isWriting = false;
  await cutting;
  const states = await following;
  console.log(
    `${last} changes, ${counts.cuts} rounds of cuts, ${counts.resumed} streams for ${states.length} subscribers`,
  );
  const rows = await fleet.sql`
    select id, path, revision from agent_secrets where environment_id = ${environmentId} and deleted_at is null`;
  const truth = new Map(
    rows.map(({ id, path, revision }) => [id, { path: path.split('.'), revision: Number(revision) }]),
  );
  expect(last).toBeGreaterThanOrEqual(CHANGES);
  expect(counts.resumed).toBeGreaterThan(3 * states.length);
  for (const state of states) expect(Object.fromEntries(state)).toEqual(Object.fromEntries(truth));
});
