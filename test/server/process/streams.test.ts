// Streams of a real process: how it stops with them, and what they cost it while nothing happens and while nobody reads.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, startServer } from '../../support/server.js';
import { DOORS, type Door } from '../../support/streams/changes.js';
import type { EventStream } from '../../support/streams/event-stream.js';
import { ask, call, createSecret, developer, until } from './client.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

/** Collects garbage when it is asked to, and says what is left. */
const PROBE = `import v8 from 'node:v8'; import vm from 'node:vm';
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  process.on('SIGUSR2', () => { gc(); gc(); process.stdout.write('memory ' + JSON.stringify(process.memoryUsage()) + '\\n'); });`;

async function withServer(work: (server: RunningServer) => Promise<void>): Promise<void> {
  const database = await createTestDatabase();
  const server = await startServer({
    env: {
      DATABASE_URL: database.url,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PROBE)}`,
    },
  });
  try {
    await work(server);
  } finally {
    await server.kill9();
    await database.drop();
  }
}

async function memoryOf(server: RunningServer): Promise<{ rss: number; heapUsed: number; external: number }> {
  const before = server.stdout().length;
  server.child.kill('SIGUSR2');
  const line = await until('the process tells', async () => /^memory (.*)$/m.exec(server.stdout().slice(before))?.[1]);
  return JSON.parse(line);
}

/** Seconds of processor so far. */
async function processorOf(server: RunningServer): Promise<number> {
  const stat = await readFile(`/proc/${server.child.pid}/stat`, 'utf8');
  const [user, system] = stat.split(' ').slice(13, 15).map(Number) as [number, number];
  return (user + system) / 100;
}

const MEGABYTE = 1024 * 1024;

/** Streams from now on, open once they have said so. */
async function openMany(server: RunningServer, door: Door, count: number): Promise<EventStream[]> {
  const { token, environmentId } = server.facts();
  const streams: EventStream[] = [];
  while (streams.length < count) {
    const some = Array.from({ length: Math.min(50, count - streams.length) }, async () => {
      const stream = await door.watch(server.url, token, { environmentId });
      door.told(await stream.next());
      return stream;
    });
    streams.push(...(await Promise.all(some)));
  }
  return streams;
}

test('SIGTERM ends every stream with UNAVAILABLE, idle or not, and the process with exit code 0', () =>
  withServer(async (server) => {
    const idle = await Promise.all(DOORS.map((door) => openMany(server, door, 100)));
    const { token, environmentId } = server.facts();
    const secret = await createSecret(server, 'busy', 'x');
    const writer = developer(server);
    let isWriting = true;
    const writing = (async () => {
      for (let currentRevision = 0; isWriting; currentRevision += 1) {
        const path = `/v1/agent-secrets/${secret.id}`;
        await call(writer, 'PATCH', path, { currentRevision }).catch(() => undefined);
      }
    })();
    await Promise.all(idle.flat().map((stream) => stream.take(2)));
    const began = performance.now();
    const stopped = server.stop();
    const ends = await Promise.all(
      idle.map((streams, index) =>
        Promise.all(
          streams.map(async (stream) => {
            const events = await stream.rest();
            const first = events.findIndex(({ event, data }) => event === 'end' || data?.errors);
            return DOORS[index]?.endIn(first === -1 ? [] : events.slice(first), stream.lastComment());
          }),
        ),
      ),
    );
    expect(await stopped).toBe(0);
    expect(performance.now() - began).toBeLessThan(5_000);
    isWriting = false;
    await writing;
    expect([...new Set(ends.flat())]).toEqual(['UNAVAILABLE']);
    // Stopping is no trouble worth a line.
    expect(server.complaints()).toBe('');
    const again = await DOORS[1]?.watch(server.url, token, { environmentId }).catch(() => 'refused');
    expect(again).toBe('refused');
  }));

describe.skipIf(process.platform !== 'linux')('a thousand streams without news', () => {
  test.each(DOORS)('over $name cost less than 60 MB and next to no processor', (door) =>
    withServer(async (server) => {
      for (const stream of await openMany(server, door, 100)) stream.close();
      const before = await memoryOf(server);
      const streams = await openMany(server, door, 1_000);
      const after = await memoryOf(server);
      const began = await processorOf(server);
      await sleep(5_000);
      const processor = ((await processorOf(server)) - began) / 5;
      const megabytes = (after.rss - before.rss) / MEGABYTE;
      const heap = (after.heapUsed - before.heapUsed) / MEGABYTE;
      console.log(
        `1,000 streams over ${door.name}: ${megabytes.toFixed(0)} MB (heap ${heap.toFixed(0)} MB), ${(100 * processor).toFixed(1)} % of a processor`,
      );
      expect(megabytes).toBeLessThan(60);
      expect(processor).toBeLessThan(0.1);
      // And every one of them is awake.
      await createSecret(server, 'news', 'x');
      for (const stream of streams) expect(door.told(await stream.next()).changes).toHaveLength(1);
      for (const stream of streams) stream.close();
      const end = await until('all are forgotten', async () => {
        const { heapUsed, rss } = await memoryOf(server);
        return heapUsed - before.heapUsed < 5 * MEGABYTE && { heapUsed, rss };
      });
      console.log(`and ${((end.heapUsed - before.heapUsed) / MEGABYTE).toFixed(1)} MB of heap when they are closed`);
    }),
  );
});

describe('clients that stop reading while 10,000 changes are written', () => {
  const SETS = 100;
  const CLIENTS = 20;
  const APPLY = `mutation ($input: ApplyAgentSecretChangesInput!) {
    applyAgentSecretChanges(input: $input) { __typename ... on Refusal { message } }
  }`;

  test('hold a page each, not the backlog, and miss nothing when they go on', () =>
    withServer(async (server) => {
      const caller = developer(server);
      const { token, environmentId } = server.facts();
      // A long path makes large events: the backlog is 15 MB.
      const path = Array.from({ length: 10 }, (_, index) => String.fromCharCode(97 + index).repeat(100));
      const input = { environmentId, path, secretType: { type: 'Str' }, secretValue: 'x' };
      const { createAgentSecret } = await ask(
        caller,
        'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { ... on AgentSecretPayload { agentSecret { id } } } }',
        { input },
      );
      const apply = async (set: number) => {
        const changes = Array.from({ length: 100 }, (_, index) => ({
          update: { id: createAgentSecret.agentSecret.id, currentRevision: 100 * set + index },
        }));
        const answer = await ask(caller, APPLY, { input: { environmentId, changes } });
        expect(answer.applyAgentSecretChanges).toEqual({ __typename: 'ApplyAgentSecretChangesPayload' });
      };
      await apply(0);
      const streams = await Promise.all(
        Array.from({ length: CLIENTS }, async (_, index) => {
          const door = DOORS[index % 2] as Door;
          const stream = await door.watch(server.url, token, { environmentId });
          const { environmentRevision: from } = door.told(await stream.next());
          stream.pause();
          return { door, stream, from };
        }),
      );
      const before = await memoryOf(server);
      for (let set = 1; set <= SETS; set += 1) await apply(set);
      const after = await memoryOf(server);
      const held = (after.heapUsed + after.external - before.heapUsed - before.external) / MEGABYTE;
      console.log(`${CLIENTS} clients that do not read hold ${held.toFixed(1)} MB`);
      expect(held).toBeLessThan(1.5 * CLIENTS);
      await Promise.all(
        streams.map(async ({ door, stream, from }) => {
          stream.resume();
          const told = (await stream.take(SETS)).map(door.told);
          expect(told.every(({ changes }) => changes.length === 100)).toBe(true);
          const revisions = told.flatMap(({ changes }) => changes.map((change) => change.environmentRevision));
          expect(revisions).toEqual(Array.from({ length: 100 * SETS }, (_, index) => from + 1 + index));
          stream.close();
        }),
      );
    }));
});
