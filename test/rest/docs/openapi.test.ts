// Answers of every operation on secrets with every status, against our OpenAPI document and against the original's slice.
import { existsSync, readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { createChangeFeed } from '../../../src/domain/changes/change-feed.js';
import { servicesOn } from '../../../src/start/services.js';
import { openPostgres } from '../../../src/store/engine/client.js';
import { canary } from '../../support/canary.js';
import { ask } from '../../support/graphql/client.js';
import { type Answer, type Client, clientOf, place } from '../../support/rest/app.js';
import { type Checker, type OpenApi, openApiChecker } from '../../support/rest/openapi.js';
import { createLimitedEnvironment } from '../../support/rest/plan.js';
import { DOORS, type Door } from '../../support/streams/changes.js';
import { addressOf } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';

const OPERATIONS = [
  'list_environment_agent_secrets',
  'create_agent_secret',
  'get_agent_secret',
  'update_agent_secret',
  'delete_agent_secret',
  'watch_environment_agent_secrets',
] as const;
type OperationId = (typeof OPERATIONS)[number];
/** The original knows no streams. */
const isOriginal = ({ operationId }: { operationId: OperationId }) => !operationId.startsWith('watch');

const seen: { operationId: OperationId; answer: Answer }[] = [];
const { app, owner, environmentId } = await restSuite({ maxBodyBytes: 10_000 });
beforeAll(async () => {
  await seeSuccesses(owner, environmentId);
  await seeRefusals(owner, environmentId);
  await seeFailures(environmentId);
  await seeStreams(environmentId);
});

function see(operationId: OperationId, answer: Answer): Answer {
  seen.push({ operationId, answer });
  return answer;
}

/** A client whose answers are all seen. */
function watched(client: Client) {
  return {
    list: async (id: string) => see('list_environment_agent_secrets', await client.list(id)),
    create: async (id: string, body: object | string) => see('create_agent_secret', await client.create(id, body)),
    get: async (id: string) => see('get_agent_secret', await client.get(id)),
    update: async (id: string, body: object | string) => see('update_agent_secret', await client.update(id, body)),
    remove: async (id: string, revision: number | string) =>
      see('delete_agent_secret', await client.remove(id, revision)),
  };
}

async function seeAll(client: Client, environmentId: string, id: string) {
  const watch = watched(client);
  await watch.list(environmentId);
  await watch.create(environmentId, { path: [place()], secretType: { type: 'Str' }, secretValue: canary() });
  await watch.get(id);
  await watch.update(id, { currentRevision: 0, secretValue: { op: 'set', value: canary() } });
  await watch.remove(id, 0);
}

const bool = { type: 'Bool' };
/** Every kind once, shallow: the original's nested oneOf takes twice the time with every level. */
const EXAMPLES: [type: object, value: string][] = [
  ...['U64', 'S64', 'U32', 'S32', 'U16', 'S16', 'U8', 'S8', 'Chr', 'F32', 'F64'].map((type): [object, string] => [
    { type },
    '1',
  ]),
  [{ type: 'U64' }, '18446744073709551615'],
  [{ type: 'Str' }, '"\\u0000\\ud83d\\udd11"'],
  [bool, 'true'],
  [{ type: 'List', inner: bool, name: 'n', owner: 'o' }, '[true]'],
  [{ type: 'Option', inner: bool, name: null }, 'null'],
  [{ type: 'Tuple', items: [bool, { type: 'U8' }] }, '[true,1]'],
  [{ type: 'Record', fields: [{ name: 'a', typ: bool, doc: 'x' }] }, '{"a":true}'],
  [
    {
      type: 'Variant',
      cases: [
        { name: 'a', typ: null },
        { name: 'b', typ: bool },
      ],
    },
    '{"a":null}',
  ],
  [{ type: 'Enum', cases: ['a'] }, '"a"'],
  [{ type: 'Flags', names: ['a', 'b'] }, '["b","a"]'],
  [{ type: 'Result', ok: null, err: bool }, '{"ok":null}'],
  [{ type: 'Handle', resource_id: 2n ** 64n - 1n, mode: 'Owned' }, '"x/007"'],
];

async function seeSuccesses(client: Client, environmentId: string) {
  const watch = watched(client);
  const ids: string[] = [];
  for (const [secretType, value] of EXAMPLES) {
    const { body } = await watch.create(environmentId, { path: [place()], secretType });
    await watch.update(body.id, `{"currentRevision":0,"secretValue":{"op":"set","value":${value}}}`);
    await watch.get(body.id);
    ids.push(body.id);
  }
  await watch.list(environmentId);
  for (const id of ids) {
    await watch.update(id, { currentRevision: 1, secretValue: { op: 'unset' } });
    await watch.remove(id, 2);
  }
  const { headers } = await watch.list(environmentId);
  const known = { 'if-none-match': headers.etag as string };
  const list = `/v1/envs/${environmentId}/agent-secrets`;
  see('list_environment_agent_secrets', await client.call('GET', list, { headers: known }));
}

async function seeRefusals(client: Client, environmentId: string) {
  const watch = watched(client);
  const { id, path } = await client.made(environmentId);
  const never = '01890000-0000-7000-8000-000000000000';
  await seeAll(client, 'x', 'x');
  await seeAll(client, never, never);
  await seeAll(app.anonymous, environmentId, id);
  await watched(app.as('viewer')).list(environmentId);
  await watched(app.as('viewer')).create(environmentId, { path: ['a'], secretType: bool });
  await watch.create(environmentId, { path, secretType: { type: 'Str' } });
  await watch.create(environmentId, { path, secretType: { type: 'U8' }, secretValue: canary() });
  await watch.create(environmentId, canary().padEnd(20_000, 'x'));
  await watch.create(environmentId, canary());
  await watch.update(id, { currentRevision: 7 });
  await watch.update(id, { currentRevision: 0, secretValue: { op: 'set', value: 1 } });
  await watch.update(id, canary().padEnd(20_000, 'x'));
  await watch.remove(id, 7);
  await watch.remove(id, 'x');
  const contentType = 'text/plain';
  const collection = `/v1/envs/${environmentId}/agent-secrets`;
  see('create_agent_secret', await client.call('POST', collection, { body: canary(), contentType }));
  see('update_agent_secret', await client.call('PATCH', `/v1/agent-secrets/${id}`, { body: canary(), contentType }));
  await seeRepetitions(client, environmentId);
  const limited = await createLimitedEnvironment(app, { secrets: 1, valueBytes: 8 });
  const full = await limited.owner.made(limited.environmentId);
  await watched(limited.owner).create(limited.environmentId, { path: [place()], secretType: bool });
  const change = { currentRevision: 0, secretValue: { op: 'set', value: canary() } };
  await watched(limited.owner).update(full.id, change);
}

/** The same keys again: for another request, and after the value that was kept has been erased. */
async function seeRepetitions(client: Client, environmentId: string) {
  const { id } = await client.made(environmentId);
  const headers = { 'idempotency-key': place() };
  const update = (currentRevision: number) =>
    client.call('PATCH', `/v1/agent-secrets/${id}`, { body: { currentRevision }, headers });
  await update(0);
  see('update_agent_secret', await update(1));
  const deletion = `/v1/agent-secret/${id}?current_revision=1`;
  see('delete_agent_secret', await client.call('DELETE', deletion, { headers }));
  const another = { body: { path: [place()], secretType: bool }, headers };
  see('create_agent_secret', await client.call('POST', `/v1/envs/${environmentId}/agent-secrets`, another));
  await client.update(id, { currentRevision: 1, secretValue: { op: 'unset' } });
  const destroy = `mutation { destroyAgentSecretRevision(input: { id: "${id}", revision: 0, currentRevision: 2 }) {
    ... on AgentSecretPayload { agentSecret { revision } } } }`;
  expect(await ask(app, app.world.people.owner.token, destroy)).toEqual({
    destroyAgentSecretRevision: { agentSecret: { revision: 3 } },
  });
  see('update_agent_secret', await update(0));
}

async function seeFailures(environmentId: string) {
  const { token } = app.world.people.owner;
  const { id } = await app.as('owner').made(environmentId);
  const exhausted = clientOf(await app.variant({ rateLimit: 1 }), token);
  await exhausted.get(id);
  await seeAll(exhausted, environmentId, id);
  const url = 'postgres://nobody@127.0.0.1:1/nothing';
  const nowhere = openPostgres({ url, poolSize: 1, statementTimeout: 1_000, connectTimeout: 1, prepare: true });
  const server = await app.variant({}, servicesOn(nowhere, app.services.keyProvider, app.services.log));
  await seeAll(clientOf(server, token), environmentId, id);
  await nowhere.close();
  // What no operator would do: every statement about secrets fails.
  await app.services.db.script('alter table agent_secrets rename to lost');
  await seeAll(app.as('owner'), environmentId, id);
  await app.services.db.script('alter table lost rename to agent_secrets');
}

/** A stream's beginning, or why there is none. */
async function seeStream(server: Server, token: string | undefined, environmentId: string, after = 0): Promise<void> {
  // An EventSource would not be told 429 and 503.
  const anything = { accept: '*/*' };
  const stream = await (DOORS[1] as Door).watch(addressOf(server), token, { environmentId, after }, anything);
  const isStream = stream.status === 200;
  await (isStream ? stream.next() : stream.rest());
  const text = isStream ? JSON.stringify(stream.text()) : stream.text();
  const headers = stream.headers as Record<string, string>;
  see('watch_environment_agent_secrets', { status: stream.status, headers, text, body: undefined });
  stream.close();
}

async function seeStreams(environmentId: string) {
  const { owner, viewer } = app.world.people;
  await seeStream(app.server, owner.token, environmentId);
  await seeStream(app.server, owner.token, environmentId, 1_000_000);
  await seeStream(app.server, owner.token, 'x');
  await seeStream(app.server, undefined, environmentId);
  await seeStream(app.server, viewer.token, environmentId);
  await seeStream(app.server, owner.token, '01890000-0000-7000-8000-000000000000');
  const exhausted = await app.variant({ rateLimit: 1 });
  await seeStream(exhausted, owner.token, environmentId);
  await seeStream(exhausted, owner.token, environmentId);
  const feed = createChangeFeed(app.services.db, app.services.log, { all: 0, ofAccount: 0 });
  await seeStream(await app.variant({}, { ...app.services, feed }), owner.token, environmentId);
  await app.services.db.script('alter table environments rename to lost');
  await seeStream(app.server, owner.token, environmentId);
  await app.services.db.script('alter table lost rename to environments');
}

/** Every answer seen; of equal problems the first. */
function problemsOf(checker: Checker): string[] {
  return [...new Set(seen.flatMap(({ operationId, answer }) => checker.problems(operationId, answer)))];
}

describe('our own document', () => {
  const own = () =>
    JSON.parse(readFileSync(new URL('../../../schema/openapi.json', import.meta.url), 'utf8')) as OpenApi;

  test('declares every answer: status, media type, headers, body', () => {
    expect(problemsOf(openApiChecker(own()))).toEqual([]);
  });

  test('declares no status that no request gets', () => {
    const { statuses } = openApiChecker(own());
    // @TODO when tokens have scopes: a scope too small is 403 for every operation; until then only viewers are told so.
    const expected: Record<string, string[]> = Object.fromEntries(OPERATIONS.map((id) => [id, ['403']]));
    for (const { operationId, answer } of seen) expected[operationId]?.push(String(answer.status));
    const unique = Object.entries(expected).map(([id, all]) => [id, [...new Set(all)].sort()] as const);
    const declared = OPERATIONS.map((id) => [id, statuses[id]]);
    expect(Object.fromEntries(declared)).toEqual(Object.fromEntries(unique));
  });

  test('is what the service shows at /openapi.json, to anybody', async () => {
    const answer = await app.anonymous.call('GET', '/openapi.json');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual(own());
  });
});

// Data for tests that may not be committed: a clone of the project alone does not have it.
const slice = new URL('../../../../shared/contract/upstream.openapi.yaml', import.meta.url);

describe.skipIf(!existsSync(slice))('the original’s document (skipped where ../shared/contract is absent)', () => {
  const original = () => openApiChecker(parseYaml(readFileSync(slice, 'utf8')) as OpenApi);

  test('declares every answer whose status it knows', () => {
    const checker = original();
    const known = seen.filter(({ operationId, answer }) =>
      checker.statuses[operationId]?.includes(String(answer.status)),
    );
    const five = OPERATIONS.filter((operationId) => isOriginal({ operationId }));
    expect(new Set(known.map(({ operationId }) => operationId))).toEqual(new Set(five));
    const problems = known.flatMap(({ operationId, answer }) => checker.problems(operationId, answer));
    expect([...new Set(problems)]).toEqual([]);
  });

  test('has the body of every refusal whose status it does not know', () => {
    const checker = original();
    const unknown = seen
      .filter(isOriginal)
      .filter(({ operationId, answer }) => !checker.statuses[operationId]?.includes(String(answer.status)));
    expect([...new Set(unknown.map(({ answer }) => answer.status))].sort()).toEqual([304, 413, 415, 429, 503]);
    const withBody = unknown.filter(({ answer }) => answer.status !== 304);
    expect(withBody.flatMap(({ answer }) => checker.problemsWith('ErrorBody', answer))).toEqual([]);
  });
});
