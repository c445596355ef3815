// Clients that people use, as they come: while the database is away their streams stay open, and whatever ends or refuses
// them for a while, they come back by themselves.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EventSource } from 'eventsource';
import { createClient } from 'graphql-sse';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type Network, networkTo } from '../../support/postgres/network.js';
import { type RunningServer, startServer } from '../../support/server.js';
import { call, createSecret, freePort, until } from './client.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
/** Between the service and its database, and between the clients and the service. */
let back: Network;
let front: Network;
let server: RunningServer;
let dataDir: string;
let env: Record<string, string>;
beforeAll(async () => {
  database = await createTestDatabase();
  back = await networkTo(database.url);
  env = {
    DATABASE_URL: back.url,
    DATABASE_STATEMENT_TIMEOUT_MS: '1000',
    MASTER_KEYS: generateKeyring(),
    PORT: String(await freePort()),
  };
  dataDir = join(await mkdtemp(join(tmpdir(), 'agent-secrets-clients-')), 'data');
  server = await startServer({ env, dataDir });
  front = await networkTo(server.url);
});
afterEach(() => {
  for (const watched of watching) watched.close();
  watching = [];
});
afterAll(async () => {
  await server?.kill9();
  front?.close();
  back?.close();
  await database?.drop();
  await rm(dirname(dataDir), { recursive: true, force: true, maxRetries: 3 });
});

interface Watching {
  /** The paths of the secrets whose changes have arrived. */
  paths: string[];
  /** How often it has tried to connect, and how often it has connected. */
  tries: number;
  opened: number;
  /** Why it has given up for good. */
  dead: unknown;
  close(): void;
}

let watching: Watching[] = [];
const DOCUMENT = `subscription ($environmentId: UUID!) {
  agentSecretChanges(environmentId: $environmentId) { changes { pathText } }
}`;

/** `url` may be another way to the service. */
const CLIENTS: Record<string, (url: string, watched: Watching) => () => void> = {
  'EventSource over REST'(url, watched) {
    const path = `/v1/envs/${server.facts().environmentId}/agent-secrets/changes`;
    return viaEventSource(`${url}${path}`, watched, ({ changes }) =>
      changes.map((change: any) => change.path.join('.')),
    );
  },
  'EventSource over GraphQL'(url, watched) {
    const { environmentId } = server.facts();
    const search = new URLSearchParams({ query: DOCUMENT, variables: JSON.stringify({ environmentId }) });
    return viaEventSource(`${url}/graphql?${search}`, watched, pathsIn);
  },
  'graphql-sse'(url, watched) {
    const { token, environmentId } = server.facts();
    const client = createClient({
      url: `${url}/graphql`,
      headers: { authorization: `Bearer ${token}` },
      on: {
        connecting() {
          watched.tries += 1;
        },
        connected() {
          watched.opened += 1;
        },
      },
    });
    client.subscribe(
      { query: DOCUMENT, variables: { environmentId } },
      {
        next: (result) => void watched.paths.push(...pathsIn(result)),
        error: (error) => {
          watched.dead = error;
        },
        complete: () => {
          watched.dead ??= 'complete';
        },
      },
    );
    return () => client.dispose();
  },
};

function pathsIn({ data }: any): string[] {
  return data.agentSecretChanges.changes.map(({ pathText }: any) => pathText);
}

function viaEventSource(url: string, watched: Watching, pathsOf: (data: any) => string[]): () => void {
  const { token } = server.facts();
  const source = new EventSource(url, {
    fetch(input, init) {
      watched.tries += 1;
      return fetch(input, { ...init, headers: { ...init.headers, cookie: `GOLEM_SESSION=${token}` } });
    },
  });
  const take = ({ data }: { data: string }) => void watched.paths.push(...pathsOf(JSON.parse(data)));
  source.addEventListener('message', take);
  source.addEventListener('next', take);
  source.addEventListener('open', () => {
    watched.opened += 1;
  });
  source.addEventListener('error', (event) => {
    if (source.readyState === EventSource.CLOSED) watched.dead = event.message ?? 'closed';
  });
  return () => source.close();
}

async function watch(name: string): Promise<Watching> {
  const watched: Watching = { paths: [], tries: 0, opened: 0, dead: undefined, close: () => {} };
  watched.close = (CLIENTS[name] as (typeof CLIENTS)[string])(front.url.replace(/\/$/, ''), watched);
  watching.push(watched);
  await until('it is open', async () => watched.opened > 0);
  await expectNext(watched);
  return watched;
}

let count = 0;
/** Something new arrives: within the time that both clients wait before they connect again, and more. */
async function expectNext(watched: Watching): Promise<void> {
  await until(
    'a change arrives',
    async () => {
      if (watched.dead !== undefined) throw new Error(`the client has given up: ${watched.dead}`);
      count += 1;
      const path = `n${count}`;
      await createSecret(server, path, 'x').catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 200));
      return watched.paths.includes(path);
    },
    20_000,
  );
}

const ready = async () => (await call({ url: server.url }, 'GET', '/readyz')).status;

describe.each(Object.keys(CLIENTS))('%s', (name) => {
  test('stays open while the database is away, however long', async () => {
    const watched = await watch(name);
    const { opened } = watched;
    back.hold();
    const began = performance.now();
    await until(
      'it is away for long',
      async () => (await ready()) === 503 && performance.now() - began > 15_000,
      60_000,
    );
    back.recover();
    back.release();
    await expectNext(watched);
    expect(watched.opened).toBe(opened);
  });

  test('that connects again while the database is away comes back', async () => {
    const watched = await watch(name);
    back.hold();
    await until('it is away', async () => (await ready()) === 503, 30_000);
    front.cut();
    const before = watched.tries;
    // By then it has been refused at least once.
    await until('it tries', async () => watched.tries >= before + 2, 60_000);
    back.recover();
    back.release();
    await expectNext(watched);
  });

  test.runIf(name.startsWith('EventSource'))(
    'resumes behind an outage, without a gap and without a repetition',
    async () => {
      const watched = await watch(name);
      const before = watched.paths.length;
      back.hold();
      await until('it is away', async () => (await ready()) === 503, 30_000);
      front.hold();
      front.cut();
      back.recover();
      back.release();
      await until('it is back', async () => (await ready()) === 200, 30_000);
      const written = Array.from({ length: 5 }, (_, nth) => `gap${count}n${nth}`);
      for (const path of written) await createSecret(server, path, 'x');
      expect(watched.paths).toHaveLength(before);
      front.release();
      await until('they arrive', async () => watched.paths.length >= before + written.length, 30_000);
      expect(watched.dead).toBeUndefined();
      expect(watched.paths.slice(before)).toEqual(written);
    },
  );

  test('comes back from a restart of the service', async () => {
    const watched = await watch(name);
    const { opened } = watched;
    await server.stop();
    server = await startServer({ env, dataDir });
    await expectNext(watched);
    expect(watched.opened).toBeGreaterThan(opened);
  });
});
