// This is `npm run bench:soak`: it sends a million requests to one service process, and fails when the process needs too
// much memory or when its memory keeps growing.
import { mkdtemp, rm } from 'node:fs/promises';
import { request as ask } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createKeyFile } from '../../../src/crypto/key-file.js';
import { startPostgresServer } from '../../support/postgres/server.js';
import { request } from '../load/doors.js';
import { type Exchange, runLoad } from '../load/load.js';
import { UPDATED_TYPE, connection as value } from '../seed/samples.js';
import { type Seed, seed } from '../seed/seed.js';
import { startService } from '../servers/servers.js';
import { cpuOf, residentMegabytes } from '../servers/usage.js';
import { createDatabase, ROOT } from '../stage.js';

const CONNECTIONS = 32;
const SLICES = 40;
/** In the last half, one of so many slices ends with a garbage collection. The others do without, as services do. */
const COLLECTED_EVERY = 4;
const MAX_RESIDENT_MEGABYTES = 200;
/** The heap may grow by this much over the last half: two bytes per request, far less than anything that is retained. */
const MAX_GROWTH_MEGABYTES = 1;
const MEGABYTE = 2 ** 20;

interface Sample {
  requests: number;
  /** This is the resident memory as the load has left it. */
  resident: number;
  heap: number;
  /** This is the memory of buffers and similar objects outside the heap. */
  external: number;
  isCollected: boolean;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({ options: { requests: { type: 'string', default: '1000000' } } });
  const wanted = Number(values.requests);
  if (!(wanted >= 1_000)) throw new Error('--requests: expected a number of at least 1000');
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const folder = await mkdtemp(join(tmpdir(), 'agent-secrets-soak-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const server = await startPostgresServer();
    undo.push(() => server.stop());
    const { databaseUrl, drop } = await createDatabase(server.adminUrl);
    undo.push(drop);
    const keyFile = join(folder, 'master-keys.json');
    await createKeyFile(keyFile);
    const probe = join(folder, 'probe.sock');
    const preload = `--import=${new URL('./probe.js', import.meta.url).href}`;
    const service = await startService({
      ...{ folder, databaseUrl, keyFile, poolSize: 4, main: join(ROOT, 'dist/main.js') },
      env: { SOAK_PROBE: probe, NODE_OPTIONS: preload },
    });
    undo.push(() => service.stop());
    const script = mixture(service.url, await seed(service.url, databaseUrl));
    return await soak(service, probe, script, wanted);
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

async function soak(
  { url, pid }: { url: string; pid: number },
  probe: string,
  script: (connection: number) => () => Exchange,
  wanted: number,
): Promise<boolean> {
  const samples: Sample[] = [];
  const cpuBefore = await cpuOf(pid);
  let requests = 0;
  let rate = 1_000;
  print('requests', 'RSS', 'heap', 'external', 'req/s');
  // An asterisk marks a line that was measured after a garbage collection.
  while (requests < wanted) {
    const load = await runLoad(url, CONNECTIONS, Math.max(1, wanted / SLICES / rate), script);
    if (load.errors > 0) throw new Error(`an answer was wrong: ${load.firstError}`);
    requests += load.requests;
    rate = load.requests / load.seconds;
    const resident = (await residentMegabytes(pid)) ?? Number.NaN;
    const isCollected = requests >= wanted / 2 && samples.length % COLLECTED_EVERY === 0;
    const { heapUsed, external } = await memoryOf(probe, isCollected ? '/collected' : '/');
    const sample = { requests, resident, heap: heapUsed / MEGABYTE, external: external / MEGABYTE, isCollected };
    samples.push(sample);
    const mark = isCollected ? '*' : '';
    print(requests, resident, `${mark}${sample.heap.toFixed(2)}`, sample.external.toFixed(2), rate.toFixed(0));
  }
  const cpu = ((await cpuOf(pid)) ?? Number.NaN) - (cpuBefore ?? Number.NaN);
  const collected = samples.filter(({ isCollected }) => isCollected);
  const peak = Math.max(...samples.map(({ resident }) => resident));
  const growth = growthOf(collected.map((sample) => [sample.requests, sample.heap + sample.external]));
  const last = samples.at(-1) as Sample;
  const verdicts = [
    [last.resident < MAX_RESIDENT_MEGABYTES, `RSS ${last.resident} MB at the end, ${peak} MB at most`],
    [growth < MAX_GROWTH_MEGABYTES, `heap and buffers ${growth.toFixed(2)} MB more over the last half`],
  ] as const;
  process.stdout.write(`\n${Math.round(cpu / requests)} µs of processor a request\n`);
  for (const [isFine, text] of verdicts) process.stdout.write(`${isFine ? 'fine' : 'NOT FINE'}: ${text}\n`);
  return verdicts.every(([isFine]) => isFine);
}

/** Returns the rise of a straight line through the points, because a single sample may be an outlier. */
function growthOf(points: readonly [x: number, y: number][]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const slope =
    points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) /
    points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return slope * ((points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0));
}

const FIELDS = 'id environmentId path revision secretType secretValue';
const BY_ID = `query ($id: UUID!) { agentSecret(id: $id) { ${FIELDS} } }`;

/** Twenty requests of a connection are 12 reads by id, 4 GraphQL reads, a list, 2 updates, and a creation or a deletion. */
function mixture(url: string, { token, listed, spread }: Seed): (connection: number) => () => Exchange {
  const rest = (method: string, path: string, body?: object) => request(url, method, path, token, body);
  const ids = listed.flatMap(({ secretIds }) => secretIds);
  const scripts = Array.from({ length: CONNECTIONS }, (_, connection) => {
    const updated = spread[connection] as { environmentId: string; secretId: string };
    const secrets = `/v1/envs/${updated.environmentId}/agent-secrets`;
    let revision = 0;
    let made: string | undefined;
    let n = connection * 97;

    function read(): Exchange {
      const id = ids[n % ids.length] as string;
      return { request: rest('GET', `/v1/agent-secrets/${id}`), accepts: (body) => body.includes(id) };
    }
    /** Every tenth request has the id in its document, as careless clients write it, so that each is a new document. */
    function readByGraphql(): Exchange {
      const id = ids[n % ids.length] as string;
      const body =
        n % 100 === 1
          ? { query: `{ agentSecret(id: "${id}") { ${FIELDS} } } #${n}` }
          : { query: BY_ID, variables: { id } };
      return { request: rest('POST', '/graphql', body), accepts: (text) => text.includes(`"id":"${id}"`) };
    }
    function list(): Exchange {
      const { environmentId, secretIds } = listed[n % listed.length] as Seed['listed'][number];
      return {
        request: rest('GET', `/v1/envs/${environmentId}/agent-secrets`),
        accepts: (body) => body.includes(secretIds.at(-1) as string),
      };
    }
    function update(): Exchange {
      const body = { currentRevision: revision, secretValue: { op: 'set', value: value(n % 10_000) } };
      return {
        request: rest('PATCH', `/v1/agent-secrets/${updated.secretId}`, body),
        accepts: (text) => text.includes(`"revision":${++revision}`),
      };
    }
    function createOrDelete(): Exchange {
      if (made !== undefined) {
        const path = `/v1/agent-secret/${made}?current_revision=0`;
        made = undefined;
        return { request: rest('DELETE', path), accepts: () => true };
      }
      const body = { path: ['made', `n${n}`], secretType: UPDATED_TYPE, secretValue: value(n % 10_000) };
      return {
        request: rest('POST', secrets, body),
        accepts(text) {
          made = (JSON.parse(text) as { id?: string }).id;
          return made !== undefined;
        },
      };
    }
    const turns = [
      ...[read, readByGraphql, read, read, update, read, readByGraphql, read, read, list],
      ...[read, readByGraphql, read, read, update, read, readByGraphql, read, read, createOrDelete],
    ];
    return () => (turns[n++ % turns.length] as () => Exchange)();
  });
  return (connection) => scripts[connection] as () => Exchange;
}

function memoryOf(socketPath: string, path: string): Promise<NodeJS.MemoryUsage> {
  return new Promise((resolve, reject) => {
    const asked = ask({ socketPath, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(JSON.parse(text) as NodeJS.MemoryUsage));
    });
    asked.on('error', reject).end();
  });
}

function print(...cells: (string | number)[]): void {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(10)).join('')}\n`);
}

main().then(
  (isFine) => {
    process.exitCode = isFine ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
