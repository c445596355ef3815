// Recognisable values through both doors, in requests that are right and in requests that are broken in every way: none of
// them may be in an error, a header, a page, a log, Postgres' own log of every statement, or a file of either database.
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { printJson } from '../../src/json/print.js';
import { ask, call } from '../server/process/client.js';
import { CANARY, canary, canaryValue, leaksInBody } from '../support/canary.js';
import { leaksInFiles } from '../support/canary-files.js';
import { createTestDatabase, type TestDatabase, testPostgres } from '../support/postgres/database.js';
import { type RunningServer, startServer } from '../support/server.js';
import { unique } from '../support/world.js';
import { randomFrom } from './support/writer.js';

const FOR_MS = Number(process.env.CANARY_FUZZ_MS ?? 15_000);
const AT_ONCE = 4;
vi.setConfig({ testTimeout: FOR_MS + 120_000 });

/** Not a value: it shows that what is written is found where it was written. */
const MARKER = `m4rk3r${randomInt(1e9)}`;

interface Known {
  id: string;
  revision: number;
  valueText: string;
}

interface Sent {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

let seed = 0;
let random: () => number;
const below = (limit: number) => Math.floor(random() * limit);
const oneOf = <T>(items: readonly T[]): T => items[below(items.length)] as T;

/** Breaks a text somewhere: cuts it, doubles a piece, changes a character, or puts something in. */
function broken(text: string): string | Buffer {
  const at = below(text.length + 1);
  const to = Math.min(text.length, at + 1 + below(12));
  return oneOf<() => string | Buffer>([
    () => text.slice(0, at),
    () => text.slice(0, at) + text.slice(to),
    () => text.slice(0, to) + text.slice(at),
    () =>
      text.slice(0, at) +
      oneOf(['"', '\\', '{', '}', '[', ',', ':', '\n', '\0', '\\ud800', '\\u0000', '1e999']) +
      text.slice(at),
    () => `${text.slice(0, at)}"${canary()}"${text.slice(at)}`,
    () => Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from([0xff, 0xc3]), Buffer.from(text.slice(at))]),
    () => text + text,
    () => text.replace(/"[a-z]\w*":/i, `"${canary()}":`),
  ])();
}

function fuzzer(environmentId: string) {
  const known: Known[] = [];
  let turn = 0;
  let made = 0;
  const next = () => {
    turn += 1;
    return canaryValue(turn);
  };
  const rest = (method: string, path: string, body?: string): Sent => ({ method, path, ...(body ? { body } : {}) });
  const query = (document: string, variables = '{}'): Sent =>
    rest('POST', '/graphql', `{"query":${JSON.stringify(document)},"variables":${variables}}`);
  const target = (): Known => (known.length > 0 ? oneOf(known) : { id: environmentId, revision: 0, valueText: '1' });

  const create = () => {
    const { secretType, valueText } = next();
    const path = JSON.stringify([unique(MARKER)]);
    return { path, secretType: JSON.stringify(secretType), valueText };
  };
  const CREATE = `mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) {
    __typename ... on AgentSecretPayload { agentSecret { id revision secretValue secretValueText } } ... on Refusal { code message }
    ... on AgentSecretValueTypeMismatch { problems } ... on InvalidRequest { problems } } }`;
  const UPDATE = CREATE.replaceAll('CreateAgentSecretInput', 'UpdateAgentSecretInput').replace('createA', 'updateA');

  const makers: (() => Sent)[] = [
    () => {
      const { path, secretType, valueText } = create();
      const body = `{"path":${path},"secretType":${secretType},"secretValue":${valueText}}`;
      return rest('POST', `/v1/envs/${environmentId}/agent-secrets`, body);
    },
    () => {
      const { path, secretType, valueText } = create();
      const variables = `{"input":{"environmentId":"${environmentId}","path":${path},"secretType":${secretType},"secretValue":${valueText}}}`;
      return query(CREATE, variables);
    },
    () => {
      // Of another type than its value, most of the time.
      const { path, secretType } = create();
      const body = `{"path":${path},"secretType":${secretType},"secretValue":${next().valueText}}`;
      return rest('POST', `/v1/envs/${environmentId}/agent-secrets`, body);
    },
    () => {
      const { id, revision, valueText } = target();
      const value = oneOf([valueText, next().valueText, JSON.stringify(canary())]);
      const body = `{"currentRevision":${revision},"secretValue":{"op":"set","value":${value}}}`;
      return rest('PATCH', `/v1/agent-secrets/${id}`, body);
    },
    () => {
      const { id, revision, valueText } = target();
      const value = oneOf([valueText, next().valueText]);
      const text = oneOf([`"value":${value}`, `"valueText":${JSON.stringify(value)}`]);
      return query(UPDATE, `{"input":{"id":"${id}","currentRevision":${revision},"secretValue":{"op":"SET",${text}}}}`);
    },
    () => {
      const { id, revision } = target();
      const value = oneOf([
        `"${canary()}"`,
        `"""${canary()}"""`,
        '4242424242424242',
        `{ ${canary().replaceAll('-', '_')}: 1 }`,
      ]);
      return query(`mutation { updateAgentSecret(input: { id: "${id}", currentRevision: ${revision},
        secretValue: { op: SET, value: ${value} } }) { __typename ... on Refusal { code message } } }`);
    },
    () => {
      const { id, revision, valueText } = target();
      const changes = `[{"update":{"id":"${id}","currentRevision":${revision},"secretValue":{"op":"SET","value":${valueText}}}},
        {"create":{"path":${create().path},"secretType":{"type":"Str"},"secretValue":${next().valueText}}}]`;
      const document = `mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) {
        __typename ... on Refusal { code message }
        ... on ApplyAgentSecretChangesPayload { results { __typename ... on AgentSecretState { secretValue } ... on Refusal { code message } } } } }`;
      return query(
        document,
        `{"input":{"environmentId":"${environmentId}","changes":${changes},"dryRun":${random() < 0.3}}}`,
      );
    },
    () => rest('GET', `/v1/agent-secrets/${target().id}`),
    () => rest('GET', `/v1/envs/${environmentId}/agent-secrets`),
    () =>
      query(`{ agentSecret(id: "${target().id}") { secretValue revisions { edges { node { secretValueText } } } } }`),
    () => rest('GET', `/graphql?query=${encodeURIComponent(`{ agentSecret(id: "${canary()}") { id } }`)}`),
    () => rest('DELETE', `/v1/agent-secret/${target().id}?current_revision=${encodeURIComponent(canary())}`),
    () => rest('GET', `/v1/agent-secrets/${canary()}`),
    () => ({ ...rest('GET', '/v1/agent-secrets/x'), headers: { authorization: `Bearer ${canary()}` } }),
    () => ({ ...rest('GET', '/openapi.json'), headers: { cookie: `GOLEM_SESSION=${canary()}`, 'x-canary': canary() } }),
    () => {
      const { path, secretType, valueText } = create();
      const body = `{"path":${path},"secretType":${secretType},"secretValue":${valueText}}`;
      const headers = { 'idempotency-key': canary(), 'if-none-match': `"${canary()}"` };
      return { ...rest('POST', `/v1/envs/${environmentId}/agent-secrets`, body), headers };
    },
  ];

  return {
    next(): Sent {
      // Each of them once as it is, then any of them in any state.
      const first = makers[made];
      made += 1;
      if (first) return first();
      const sent = oneOf(makers)();
      if (typeof sent.body !== 'string' || random() < 0.5) return sent;
      const headers =
        random() < 0.1 ? { 'content-type': oneOf(['text/plain', canary(), 'application/json; charset=latin1']) } : {};
      return { ...sent, headers: { ...sent.headers, ...headers }, body: broken(sent.body) };
    },
    /** Remembers what has been written, so that it can be changed. */
    learn(sent: Sent, status: number, text: string): void {
      if (status !== 200 || sent.method !== 'POST' || !text.includes('"revision":0')) return;
      const id = /"id":"([0-9a-f-]{36})"/.exec(text)?.[1];
      const valueText = /"secretValue":(.*)}$/.exec(String(sent.body))?.[1] ?? '1';
      if (id) known.push({ id, revision: 0, valueText });
      if (known.length > 50) known.shift();
    },
  };
}

async function fuzz(server: RunningServer): Promise<Record<number, number>> {
  const { token, environmentId } = server.facts();
  const { next, learn } = fuzzer(environmentId);
  const statuses: Record<number, number> = {};
  const leaks: string[] = [];
  const end = performance.now() + FOR_MS;
  async function worker(): Promise<void> {
    while (performance.now() < end && leaks.length === 0) {
      const sent = next();
      const { method, path, headers, body } = sent;
      const response = await fetch(`${server.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: body as BodyInit }),
      });
      const text = await response.text();
      const type = response.headers.get('content-type') ?? '';
      leaks.push(...leaksInBody(response.status, type, text));
      leaks.push(...[...response.headers].map(String).filter((header) => CANARY.test(header)));
      // A bug is told as such; it has to be mended before anything can be said of it.
      if (response.status >= 500)
        throw new Error(`${response.status} ${text} for ${printJson({ ...sent, body: String(body) } as never)}`);
      statuses[response.status] = (statuses[response.status] ?? 0) + 1;
      learn(sent, response.status, text);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(leaks, `seed ${seed}`).toEqual([]);
  for (const path of ['/openapi.json', '/docs', '/metrics', '/healthz', '/readyz', '/graphql']) {
    const { body } = await call({ url: server.url, token }, 'GET', path);
    expect(CANARY.test(typeof body === 'string' ? body : JSON.stringify(body)), path).toBe(false);
  }
  return statuses;
}

/** Otherwise nothing was tried: values were written and shown, and requests were refused in every way. */
function expectTried(statuses: Record<number, number>): void {
  for (const status of [200, 400, 401, 404])
    expect(statuses[status] ?? 0, `${status} of ${JSON.stringify(statuses)}`).toBeGreaterThan(0);
}

const has = async (path: string, text: string) => (await leaksInFiles(path, { texts: [text] })).length > 0;

beforeAll(() => {
  seed = randomInt(2 ** 31);
  random = randomFrom(seed);
});

describe('Postgres, which logs every statement with what it was given', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
    const name = new URL(database.url).pathname.slice(1);
    await sql.unsafe(`alter database ${name} set log_min_duration_statement = 0`);
    await sql.end();
  });
  afterAll(() => database?.drop());

  test(`${FOR_MS / 1_000} seconds of requests leave no value anywhere`, async () => {
    const env = { DATABASE_URL: database.url, LOG_LEVEL: 'debug' };
    const server = await startServer({ env });
    let statuses: Record<number, number>;
    try {
      statuses = await fuzz(server);
      // The audit as well: it is written a little later.
      const reads = `{ environment(id: "${server.facts().environmentId}") { reads { edges { node { requestId } } } } }`;
      await ask({ url: server.url, token: server.facts().token }, reads);
    } finally {
      // Fails when there is a canary in what the process has said.
      await server.stop();
    }
    expectTried(statuses);
    expect(server.stderr(), 'at debug every request is a line').toContain('"msg":"request"');
    const { folder, logFile, adminUrl } = await testPostgres();
    if (folder === null || logFile === null) return;
    const admin = postgres(adminUrl, { max: 1, onnotice: () => undefined });
    await admin`checkpoint`;
    await admin.end();
    expect(await has(logFile, MARKER), 'the log has what statements were given').toBe(true);
    expect(await has(`${folder}/data/pg_wal`, MARKER), 'the log of writes').toBe(true);
    expect(await has(`${folder}/data/base`, MARKER), 'the tables').toBe(true);
    expect(await leaksInFiles(`${folder}/data`)).toEqual([]);
    expect(await leaksInFiles(logFile)).toEqual([]);
  });
});

test(`the embedded database: ${FOR_MS / 1_000} seconds of requests leave no value anywhere`, async () => {
  const server = await startServer({ env: { LOG_LEVEL: 'debug' } });
  let statuses: Record<number, number> = {};
  let isFound = false;
  try {
    statuses = await fuzz(server);
    // Its log of writes is on disk a moment later.
    for (let turn = 0; turn < 100 && !isFound; turn += 1, await sleep(50)) isFound = await has(server.dataDir, MARKER);
  } finally {
    // Fails when there is a canary in what the process has said, or in its folder.
    await server.stop();
  }
  expectTried(statuses);
  expect(isFound, 'the folder has what was written').toBe(true);
});
