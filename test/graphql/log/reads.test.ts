// The record of opened values: every opening once, through whichever door, and nothing that shows no value.
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { ask, graphql } from '../../support/graphql/client.js';
import { expectRefusal, place } from '../../support/rest/app.js';
import { watchGraphql } from '../../support/streams/changes.js';
import { addressOf } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment, type Relation, share } from '../../support/world.js';

const { app, owner } = await restSuite();
let environmentId: string;
beforeEach(async () => {
  environmentId = await createEnvironment(app, app.world.people.owner.token, app.world.applicationId);
});

const token = (relation: Relation = 'owner') => app.world.people[relation].token;
const ids = async (document: string, variables: object = {}) => (await ask(app, token(), document, variables)).at;

interface Read {
  agentSecretId: string;
  path: string[];
  revision: number | bigint;
  by: { accountId: string };
  tokenId: string | null;
  door: string;
  requestId: string;
  at: string;
}

const READS = `query ($id: UUID, $filter: SecretReadFilter, $first: Int, $after: String) {
  environment(id: $id) { reads(filter: $filter, first: $first, after: $after) {
    edges { cursor node { agentSecretId path revision by { accountId } tokenId door requestId at } }
    pageInfo { hasNextPage endCursor }
  } }
}`;

async function page(args: object = {}) {
  const { environment } = await ask(app, token(), READS, { id: environmentId, ...args });
  return environment.reads as { edges: { node: Read }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
}

async function reads(args: object = {}): Promise<Read[]> {
  return (await page(args)).edges.map(({ node }) => node);
}

/** Secret, revision and door of every opening, oldest first. */
async function told(): Promise<[string, number | bigint, string][]> {
  return (await reads({ first: 200 }))
    .map(({ agentSecretId, revision, door }) => [agentSecretId, revision, door] as const)
    .map((each) => [...each] as [string, number, string])
    .reverse();
}

const secret = (value: object = {}) => owner.made(environmentId, { path: [place()], ...value });
const set = (value: string) => ({ op: 'set', value });
const graphqlSet = (value: string) => ({ op: 'SET', value });

test('an opening tells who, which token, which secret and revision, which door, which request, and when', async () => {
  const { id, path } = await secret();
  await owner.update(id, { currentRevision: 0, secretValue: set('second') });
  const before = Date.now();
  const answer = await owner.call('GET', `/v1/agent-secrets/${id}`, { headers: { 'x-request-id': 'asked-by-me' } });
  expect(answer.headers['x-request-id']).toBe('asked-by-me');
  const { viewer } = await ask(app, token(), '{ viewer { tokens { edges { node { id } } } } }');
  const [read, ...more] = await reads();
  expect(more).toEqual([]);
  expect(read).toEqual({
    agentSecretId: id,
    path,
    revision: 1,
    by: { accountId: app.world.people.owner.id },
    tokenId: viewer.tokens.edges[0].node.id,
    door: 'rest',
    requestId: 'asked-by-me',
    at: expect.any(String),
  });
  const at = Date.parse(read?.at as string);
  expect(at).toBeGreaterThanOrEqual(before);
  expect(at).toBeLessThanOrEqual(Date.now());
});

describe('is recorded', () => {
  test('REST: by id, in the list, and the value that an update keeps', async () => {
    const [one, two] = [await secret(), await secret()];
    await owner.get(one.id);
    await owner.list(environmentId);
    await owner.update(two.id, { currentRevision: 0 });
    expect(await told()).toEqual([
      [one.id, 0, 'rest'],
      ...[one.id, two.id].sort(byPath([one, two])).map((id) => [id, 0, 'rest']),
      [two.id, 1, 'rest'],
    ]);
  });

  test('HEAD, for which the value is opened and not sent', async () => {
    const { id } = await secret();
    expect(await owner.call('HEAD', `/v1/agent-secrets/${id}`)).toMatchObject({ status: 200, text: '' });
    expect(await told()).toEqual([[id, 0, 'rest']]);
  });

  test('GraphQL: either way to select it, in lists, by path, of the past, and in the history', async () => {
    const { id, path } = await secret();
    await owner.update(id, { currentRevision: 0, secretValue: set('second') });
    const at = { id: environmentId, secret: id };
    for (const selection of [
      'agentSecrets(first: 1) { edges { node { secretValue } } }',
      `agentSecret(pathText: "${path[0]}") { secretValueText }`,
      `agentSecret(pathText: "${path[0]}") { document }`,
    ]) {
      await ask(app, token(), `query ($id: UUID) { environment(id: $id) { ${selection} } }`, at);
    }
    const asOf =
      'query ($id: UUID) { environment(id: $id) { snapshot(revision: 1) { allAgentSecrets { secretValue } } } }';
    await ask(app, token(), asOf, at);
    await ask(
      app,
      token(),
      'query ($secret: UUID!) { agentSecretRevision(id: $secret, revision: 0) { secretValue } }',
      at,
    );
    const history = `query ($secret: UUID!) { agentSecret(id: $secret) {
      revisions { edges { node { secretValue agentSecret { secretValueText } } } }
    } }`;
    await ask(app, token(), history, at);
    expect((await told()).map(([, revision]) => revision).sort()).toEqual([0, 0, 0, 1, 1, 1, 1].sort());
    expect(new Set((await told()).map(([secretId, , door]) => `${secretId} ${door}`))).toEqual(
      new Set([`${id} graphql`]),
    );
  });

  test('a node, and each of nodes', async () => {
    const [one, two] = [await secret(), await secret()];
    await ids('query ($id: ID!) { at: node(id: $id) { ... on AgentSecret { secretValue } } }', { id: one.id });
    await ids('query ($ids: [ID!]!) { at: nodes(ids: $ids) { ... on AgentSecret { secretValue } } }', {
      ids: [one.id, two.id],
    });
    expect((await told()).map(([id]) => id)).toEqual([one.id, one.id, two.id]);
  });

  test('events of the feed that show values, each once', async () => {
    const { id } = await secret();
    await owner.update(id, { currentRevision: 0, secretValue: set('second') });
    const fields = 'environmentRevision changes { secretValue secretValueText }';
    const stream = await watchGraphql(addressOf(app.server), token(), { environmentId, after: 0 }, fields);
    await stream.take(2);
    stream.close();
    expect(await told()).toEqual([
      [id, 0, 'graphql'],
      [id, 1, 'graphql'],
    ]);
  });

  test('what a restore and a change set answer of values they did not send', async () => {
    const { id } = await secret({ secretValue: 'first' });
    await owner.update(id, { currentRevision: 0, secretValue: set('second') });
    const restore = `mutation ($id: UUID!) { at: restoreAgentSecret(input: { id: $id, toRevision: 0, currentRevision: 1 }) {
      ... on AgentSecretPayload { agentSecret { secretValue } } ... on Refusal { message } } }`;
    expect(await ids(restore, { id })).toEqual({ agentSecret: { secretValue: 'first' } });
    const apply = `mutation ($input: ApplyAgentSecretChangesInput!) { at: applyAgentSecretChanges(input: $input) {
      ... on ApplyAgentSecretChangesPayload { results { ... on AgentSecretRevision { secretValue } } } ... on Refusal { message } } }`;
    const changes = [
      { update: { id, currentRevision: 2 } },
      { create: { path: [place()], secretType: { type: 'Str' }, secretValue: 'sent' } },
    ];
    const { results } = await ids(apply, { input: { environmentId, changes } });
    expect(results).toEqual([{ secretValue: 'first' }, { secretValue: 'sent' }]);
    expect(await told()).toEqual([
      [id, 2, 'graphql'],
      [id, 3, 'graphql'],
    ]);
  });

  test.each([
    ['a dry run', true, []],
    ['a change set of which another part is refused', false, [{ delete: { id: randomUUID(), currentRevision: 0 } }]],
  ])('what %s shows, at the revision that has set it: the one it would make is none', async (_, dryRun, more) => {
    const { id } = await secret({ secretValue: 'first' });
    await owner.update(id, { currentRevision: 0, secretValue: set('second') });
    const apply = `mutation ($input: ApplyAgentSecretChangesInput!) { at: applyAgentSecretChanges(input: $input) {
      ... on ApplyAgentSecretChangesPayload { applied results { ... on PlannedAgentSecret { revision secretValue } } } } }`;
    const changes = [
      { restore: { id, currentRevision: 1, toRevision: 0 } },
      { update: { id, currentRevision: 2 } },
      ...more,
    ];
    const { applied, results } = await ids(apply, { input: { environmentId, changes, dryRun } });
    expect(applied).toBe(false);
    expect(results.slice(0, 2)).toEqual([
      { revision: 2, secretValue: 'first' },
      { revision: 3, secretValue: 'first' },
    ]);
    expect(await told()).toEqual([[id, 0, 'graphql']]);
  });

  test('a repetition that opens what the first request kept', async () => {
    const { id } = await secret();
    const headers = { 'idempotency-key': randomUUID() };
    const again = () => owner.call('PATCH', `/v1/agent-secrets/${id}`, { headers, body: { currentRevision: 0 } });
    const [first, second] = [await again(), await again()];
    expect(second.body).toEqual(first.body);
    expect(await told()).toEqual([
      [id, 1, 'rest'],
      [id, 1, 'rest'],
    ]);
  });

  test('once, however often a request opens it, and however late', async () => {
    const { id } = await secret();
    const document = `query ($id: UUID!, $environment: UUID!) {
      a: agentSecret(id: $id) { secretValue secretValueText }
      b: agentSecret(id: $id) { secretValue revisions { edges { node { secretValue } } } }
      c: environment(id: $environment) { agentSecrets { edges { node { secretValue lastReadAt } } } }
      d: environment(id: $environment) { reads { edges { node { requestId } } } }
    }`;
    await ask(app, token(), document, { id, environment: environmentId });
    expect(await told()).toEqual([[id, 0, 'graphql']]);
  });

  test('one after the other of two environments, each where it belongs', async () => {
    const elsewhere = await createEnvironment(app, token(), app.world.applicationId);
    const here = [await secret(), await secret()];
    const there = [
      await owner.made(elsewhere, { secretValue: 'a' }),
      await owner.made(elsewhere, { secretValue: 'b' }),
    ];
    const fields = [here[0], there[0], here[1], there[1], here[0]].map(
      (asked, n) => `s${n}: agentSecret(id: "${asked?.id}") { secretValue }`,
    );
    await ask(app, token(), `{ ${fields.join(' ')} }`);
    const idsIn = async (id: string) => (await reads({ id })).map(({ agentSecretId }) => agentSecretId).sort();
    expect(await idsIn(environmentId)).toEqual(here.map(({ id }) => id).sort());
    expect(await idsIn(elsewhere)).toEqual(there.map(({ id }) => id).sort());
  });
});

test('an opening leads to the secret as it is now, and to the token if that is the caller’s own', async () => {
  const { id } = await owner.made(environmentId, { secretValue: 'x' });
  await ask(app, token(), `{ agentSecret(id: "${id}") { secretValue } }`);
  const document = `query ($id: UUID) { environment(id: $id) { reads { edges { node {
    tokenId token { id name } agentSecret { id revision deletedAt } } } } } }`;
  const look = async (as: string) =>
    (await ask(app, as, document, { id: environmentId })).environment.reads.edges[0].node;
  const mine = await look(token());
  expect(mine.token).toEqual({ id: mine.tokenId, name: 'initial' });
  expect(mine.agentSecret).toEqual({ id, revision: 0, deletedAt: null });
  await share(app, token(), environmentId, app.world.people.admin.id, ['ADMIN']);
  const theirs = await look(token('admin'));
  expect(theirs).toEqual({ ...mine, token: null });
  await owner.remove(id, 0);
  expect((await look(token())).agentSecret).toEqual({ id, revision: 1, deletedAt: expect.any(String) });
});

describe('is not recorded', () => {
  test('the echo of a value just sent, a deletion, an unset value, and a repetition of them', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const body = { path: [place()], secretType: { type: 'Str' }, secretValue: 'sent' };
    const create = () => owner.call('POST', `/v1/envs/${environmentId}/agent-secrets`, { headers, body });
    const { id } = (await create()).body;
    expect((await create()).body.secretValue).toBe('sent');
    await owner.update(id, { currentRevision: 0, secretValue: set('sent too') });
    await owner.update(id, { currentRevision: 1, secretValue: { op: 'unset' } });
    await owner.get(id);
    await owner.remove(id, 2);
    const update =
      'mutation ($input: UpdateAgentSecretInput!) { at: updateAgentSecret(input: $input) { ... on AgentSecretPayload { agentSecret { secretValue } } } }';
    const other = await secret();
    const input = { id: other.id, currentRevision: 0, secretValue: graphqlSet('sent') };
    expect(await ids(update, { input })).toEqual({ agentSecret: { secretValue: 'sent' } });
    expect(await told()).toEqual([]);
  });

  test('metadata, a 304, and a stream without values', async () => {
    await secret();
    const { headers } = await owner.list(environmentId);
    expect(await told()).toHaveLength(1);
    const path = `/v1/envs/${environmentId}/agent-secrets`;
    const known = { 'if-none-match': headers.etag as string };
    expect((await owner.call('GET', path, { headers: known })).status).toBe(304);
    const document = `query ($id: UUID) { environment(id: $id) { allAgentSecrets {
      id path revision hasValue valueState secretType lastReadAt revisions { edges { node { revision change valueState } } }
    } } }`;
    await ask(app, token(), document, { id: environmentId });
    const stream = await watchGraphql(addressOf(app.server), token(), { environmentId, after: 0 });
    await stream.next();
    stream.close();
    expect(await told()).toHaveLength(1);
  });

  test('a refused or failed opening', async () => {
    const { id } = await secret();
    for (const relation of ['viewer', 'roleless', 'stranger', 'operator'] as const) {
      expectRefusal(await app.as(relation).get(id), 404, 'AGENT_SECRET_NOT_FOUND');
    }
    expectRefusal(await app.anonymous.get(id), 401, 'AUTH_UNAUTHORIZED');
    expectRefusal(await owner.update(id, { currentRevision: 7 }), 409, 'CONCURRENT_UPDATE');
    const scoped = await ask(
      app,
      token(),
      'mutation { createToken(input: { name: "blind", scopes: [METADATA] }) { ... on CreateTokenPayload { secret } } }',
    );
    const answer = await graphql(
      app,
      scoped.createToken.secret,
      'query ($id: UUID!) { agentSecret(id: $id) { secretValue } }',
      { id },
    );
    expect(answer.errors?.[0]?.extensions.code).toBe('AUTH_FORBIDDEN');
    expect(await told()).toEqual([]);
  });

  test('a value that was destroyed', async () => {
    const { id } = await secret();
    await owner.update(id, { currentRevision: 0, secretValue: set('second') });
    const destroy = `mutation ($id: UUID!) { at: destroyAgentSecretRevision(input: { id: $id, revision: 0, currentRevision: 1 }) {
      __typename ... on Refusal { message } } }`;
    expect((await ids(destroy, { id })).__typename).toBe('DestroyAgentSecretRevisionPayload');
    await graphql(app, token(), 'query ($id: UUID!) { agentSecretRevision(id: $id, revision: 0) { secretValue } }', {
      id,
    });
    expect(await told()).toEqual([]);
  });
});

describe('whoever asks', () => {
  test('filters by secret, account, token and time', async () => {
    const [one, two] = [await secret(), await secret()];
    await ask(
      app,
      token(),
      'mutation ($input: CreateEnvironmentShareInput!) { createEnvironmentShare(input: $input) { __typename } }',
      { input: { environmentId, accountId: app.world.people.admin.id, roles: ['ADMIN'] } },
    );
    await owner.get(one.id);
    await app.as('admin').get(two.id);
    const all = await reads();
    expect(all.map(({ agentSecretId }) => agentSecretId)).toEqual([two.id, one.id]);
    const [second, first] = all as [Read, Read];
    const found = async (filter: object) => (await reads({ filter })).map(({ agentSecretId }) => agentSecretId);
    expect(await found({ agentSecretId: one.id })).toEqual([one.id]);
    expect(await found({ accountId: app.world.people.admin.id })).toEqual([two.id]);
    expect(await found({ tokenId: first.tokenId })).toEqual([one.id]);
    expect(await found({ accountId: app.world.people.admin.id, agentSecretId: one.id })).toEqual([]);
    expect(await found({ since: first.at, until: second.at })).toEqual(first.at === second.at ? [] : [one.id]);
    expect(await found({ since: second.at })).toContain(two.id);
    expect(await found({ until: first.at })).toEqual([]);
    expect(await found({ agentSecretId: randomUUID() })).toEqual([]);
  });

  test('pages through all of them, while values are being opened', async () => {
    const secrets = [];
    for (let index = 0; index < 5; index += 1) secrets.push(await secret());
    await owner.list(environmentId);
    await owner.list(environmentId);
    const known = await reads();
    expect(known).toHaveLength(10);
    const seen: Read[] = [];
    for (let after: string | null = null; ; ) {
      const { edges, pageInfo } = await page({ first: 3, after });
      seen.push(...edges.map(({ node }) => node));
      if (!pageInfo.hasNextPage) break;
      await owner.list(environmentId);
      after = pageInfo.endCursor;
    }
    expect(seen).toEqual(known);
  });

  test('asks for a bounded page, forward, behind a cursor of this list', async () => {
    const code = async (args: string) => {
      const document = `query ($id: UUID) { environment(id: $id) { reads(${args}) { edges { cursor } } } }`;
      return (await graphql(app, token(), document, { id: environmentId })).errors?.[0]?.extensions.code;
    };
    const cursor = (json: unknown) => Buffer.from(JSON.stringify(json)).toString('base64url');
    for (const args of ['first: 201', 'first: -1', 'last: 1', 'after: "x"', `after: "${cursor([randomUUID()])}"`]) {
      expect(await code(args), args).toBe('INVALID_REQUEST');
    }
    for (const position of [1.5, '1', null]) {
      expect(await code(`after: "${cursor([randomUUID(), position])}"`)).toBe('INVALID_REQUEST');
    }
    expect(await code(`after: "${cursor([randomUUID(), 2 ** 53 - 1])}"`)).toBeUndefined();
  });

  test('finds everything since the beginning of time, and nothing since its end', async () => {
    const { id } = await secret();
    await owner.get(id);
    for (const since of ['0001-01-01T00:00:00Z', '1969-12-31T23:59:59.999Z', '1970-01-01T00:00:00Z']) {
      expect(await reads({ filter: { since } }), since).toHaveLength(1);
    }
    expect(await reads({ filter: { since: '9999-12-31T23:59:59Z' } })).toEqual([]);
  });

  test('sees revisions beyond 2^53 exactly', async () => {
    const { id } = await secret();
    // No door can write that often.
    await app.services.db.script(`update agent_secrets set revision = ${2n ** 53n + 1n} where id = '${id}'`);
    await owner.get(id);
    expect(await told()).toEqual([[id, 2n ** 53n + 1n, 'rest']]);
  });

  test('sees with a credential for some paths only the openings there', async () => {
    const [inside, outside] = [await secret({ path: ['team', 'key'] }), await secret({ path: ['teamwork', 'key'] })];
    await owner.list(environmentId);
    const { createToken } = await ask(
      app,
      token(),
      `mutation ($environmentId: ID!) { createToken(input: {
        name: "team", scopes: [METADATA, ADMIN], environmentId: $environmentId, pathPrefixes: ["team"]
      }) { ... on CreateTokenPayload { secret } ... on Refusal { message } } }`,
      { environmentId },
    );
    const { environment } = await ask(app, createToken.secret, READS, { id: environmentId });
    const seen = environment.reads.edges.map(({ node }: { node: Read }) => node.agentSecretId);
    expect(seen).toEqual([inside.id]);
    expect(await told()).toHaveLength(2);
    expect(outside.id).not.toBe(inside.id);
  });

  test('sees when a value was last opened; null for never', async () => {
    const [one, two] = [await secret(), await secret()];
    await owner.get(one.id);
    const document = 'query ($id: UUID) { environment(id: $id) { allAgentSecrets { id lastReadAt } } }';
    const { environment } = await ask(app, token(), document, { id: environmentId });
    const [read] = await reads();
    const last = Object.fromEntries(environment.allAgentSecrets.map(({ id, lastReadAt }: any) => [id, lastReadAt]));
    expect(last).toEqual({ [one.id]: read?.at, [two.id]: null });
  });
});

function byPath(secrets: { id: string; path: string[] }[]) {
  const path = (id: string) => secrets.find((each) => each.id === id)?.path.join('.') as string;
  return (one: string, other: string) => (path(one) < path(other) ? -1 : 1);
}
