// Tokens with less than everything at the REST door: every operation needs to reveal, streams do not; outside is 404.
import { beforeAll, describe, expect, test } from 'vitest';
import { ROUTES } from '../../../src/rest/routes.js';
import { STREAMS } from '../../../src/rest/streams.js';
import { servicesOn } from '../../../src/start/services.js';
import { canary } from '../../support/canary.js';
import { ask } from '../../support/graphql/client.js';
import { createTokenAs, type Limits, SCOPE_SETS, tokenWith } from '../../support/graphql/token-scopes.js';
import { type Answer, type Client, clientOf, expectRefusal, place } from '../../support/rest/app.js';
import { DOORS } from '../../support/streams/changes.js';
import { addressOf, openStream } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, token, environmentId } = await restSuite();

const limited = async (limits: Limits) => clientOf(app.server, await tokenWith(app, token, limits));

interface Target {
  environmentId: string;
  id: string;
}
const target = async (secret: object = {}): Promise<Target> => {
  const { id } = await app.as('owner').made(environmentId, { secretValue: 'unharmed', ...secret });
  return { environmentId, id };
};

/** Every operation of the contract: what it asks for besides `reveal`, and which error tells that there is nothing. */
const OPERATIONS: Record<string, { writes: boolean; run(client: Client, at: Target): Promise<Answer> }> = {
  list: { writes: false, run: (client, at) => client.list(at.environmentId) },
  'list, if it has changed': {
    writes: false,
    run: (client, at) =>
      client.call('GET', `/v1/envs/${at.environmentId}/agent-secrets`, { headers: { 'if-none-match': '"x"' } }),
  },
  create: {
    writes: true,
    run: (client, at) =>
      client.create(at.environmentId, { path: [place()], secretType: { type: 'Str' }, secretValue: canary() }),
  },
  get: { writes: false, run: (client, at) => client.get(at.id) },
  update: { writes: true, run: (client, at) => client.update(at.id, { currentRevision: 0 }) },
  delete: { writes: true, run: (client, at) => client.remove(at.id, 0) },
};
const ABOUT_ENVIRONMENT = /^(list|create)/;

test('every operation of the door is tried here', () => {
  const tried = Object.keys(OPERATIONS).filter((name) => !name.includes(','));
  expect(ROUTES.map(({ operationId }) => operationId.split('_')[0]).sort()).toEqual(tried.sort());
  expect(STREAMS.map(({ operationId }) => operationId)).toEqual(['watch_environment_agent_secrets']);
});

describe.each(Object.entries(OPERATIONS))('%s', (name, { writes, run }) => {
  test.each(SCOPE_SETS.map((scopes) => [scopes]))('with the scopes %j', async (scopes) => {
    const client = await limited({ scopes });
    const at = await target();
    const answer = await run(client, at);
    if (scopes.includes('REVEAL') && (!writes || scopes.includes('WRITE'))) expect(answer.status).toBe(200);
    else expectRefusal(answer, 403, 'AUTH_FORBIDDEN', /^The environment action \w+AgentSecret is not allowed$/);
    if (answer.status !== 200) expect((await app.as('owner').get(at.id)).body).toMatchObject({ revision: 0 });
  });

  const code = ABOUT_ENVIRONMENT.test(name) ? 'ENVIRONMENT_NOT_FOUND' : 'AGENT_SECRET_NOT_FOUND';
  test('outside the environment of a token is 404, also where its scopes would not do', async () => {
    const other = await createEnvironment(app, token, app.world.applicationId);
    for (const scopes of [undefined, ['METADATA'] as const]) {
      const limits = { environmentId: other, ...(scopes ? { scopes } : {}) };
      expectRefusal(await run(await limited(limits), await target()), 404, code);
    }
    expect((await run(await limited({ environmentId }), await target())).status).toBe(200);
  });

  test.skipIf(ABOUT_ENVIRONMENT.test(name))('outside the paths of a token is 404', async () => {
    const client = await limited({ pathPrefixes: ['db', 'a.b'] });
    for (const path of [
      ['db2', place()],
      ['a', place()],
      ['a', 'bb', place()],
    ]) {
      expectRefusal(await run(client, await target({ path })), 404, code);
    }
    expect((await run(client, await target({ path: ['a', 'b', place()] }))).status).toBe(200);
  });
});

test('a secret cannot be created outside the paths of a token', async () => {
  const client = await limited({ pathPrefixes: ['inside'] });
  const secret = { secretType: { type: 'Str' }, secretValue: canary() };
  const outside = await client.create(environmentId, { path: ['insideOut'], ...secret });
  expectRefusal(outside, 403, 'AUTH_FORBIDDEN', 'The token does not cover this path');
  expect((await client.create(environmentId, { path: ['inside', place()], ...secret })).status).toBe(200);
});

describe('a list', () => {
  let id: string;
  const paths = ({ body }: Answer) => body.values.map(({ path }: any) => path.join('.'));
  const list = (client: Client, etag?: string) =>
    client.call('GET', `/v1/envs/${id}/agent-secrets`, { headers: etag ? { 'if-none-match': etag } : {} });
  beforeAll(async () => {
    id = await createEnvironment(app, token, app.world.applicationId);
    for (const path of [['db'], ['db', 'host'], ['db_name'], ['other']]) await app.as('owner').made(id, { path });
  });

  test('holds what a token covers, segment by segment', async () => {
    expect(paths(await list(await limited({ pathPrefixes: ['db'] })))).toEqual(['db', 'db.host']);
    expect(paths(await list(await limited({ pathPrefixes: ['d'] })))).toEqual([]);
    expect(paths(await list(await limited({ pathPrefixes: ['other', 'db.host'] })))).toEqual(['db.host', 'other']);
  });

  test('has a tag of its own for each set of paths and scopes, which no other token’s list matches', async () => {
    const all: Limits[] = [
      {},
      { pathPrefixes: ['db'] },
      { pathPrefixes: ['db', 'other'] },
      { scopes: ['REVEAL'] },
      { scopes: ['REVEAL'], pathPrefixes: ['db'] },
    ];
    const clients = await Promise.all(all.map(limited));
    const answers = await Promise.all(clients.map((client) => list(client)));
    const tags = answers.map(({ headers }) => headers.etag as string);
    expect(new Set(tags).size).toBe(all.length);
    for (const [index, client] of clients.entries()) {
      for (const tag of tags) expect((await list(client, tag)).status).toBe(tag === tags[index] ? 304 : 200);
    }
    // Who sees the same is told the same.
    const same = await list(await limited({ pathPrefixes: ['other', 'db'] }));
    expect(same.headers.etag).toBe(tags[2]);
    expect((await list(app.as('owner'))).headers.etag).toBe(tags[0]);
  });

  test('varies on the credential, also where it varies on the origin', async () => {
    const server = await app.variant({ corsOrigins: ['https://app.example.com'] });
    for (const client of [app.as('owner'), clientOf(server, token)]) {
      const { headers } = await list(client);
      for (const answer of [headers, (await list(client, headers.etag)).headers]) {
        expect(answer.vary?.toLowerCase().split(/, */)).toEqual(expect.arrayContaining(['authorization', 'cookie']));
      }
    }
  });

  test('does not answer 304 to a token that may not reveal', async () => {
    const { etag } = (await list(app.as('owner'))).headers;
    for (const tag of [etag, '*']) {
      expectRefusal(await list(await limited({ scopes: ['METADATA'] }), tag), 403, 'AUTH_FORBIDDEN');
    }
  });
});

describe('a repeated write', () => {
  test('is refused to a token that may not write or reveal, whatever the key says', async () => {
    const headers = { 'idempotency-key': place() };
    const path = `/v1/envs/${environmentId}/agent-secrets`;
    const body = { path: [place()], secretType: { type: 'Str' }, secretValue: canary() };
    expect((await app.as('owner').call('POST', path, { headers, body })).status).toBe(200);
    for (const scopes of [['REVEAL'], ['WRITE']] as const) {
      const client = await limited({ scopes });
      for (const secretValue of [body.secretValue, canary()]) {
        const answer = await client.call('POST', path, { headers, body: { ...body, secretValue } });
        expectRefusal(answer, 403, 'AUTH_FORBIDDEN');
      }
    }
    const both = await limited({ scopes: ['REVEAL', 'WRITE'] });
    expect((await both.call('POST', path, { headers, body })).status).toBe(200);
  });
});

describe.each(DOORS)('the stream over $name', (door) => {
  const watch = async (limits: Limits, id: string) =>
    door.watch(addressOf(app.server), await tokenWith(app, token, limits), { environmentId: id, after: 0 });

  test('needs no scope, and tells what a token covers', async () => {
    const id = await createEnvironment(app, token, app.world.applicationId);
    for (const path of [['db2'], ['db'], ['other'], ['db', 'host'], ['x']]) await app.as('owner').made(id, { path });
    const stream = await watch({ scopes: ['METADATA'], pathPrefixes: ['db'], environmentId: id }, id);
    try {
      expect(stream.status).toBe(200);
      const told = (await stream.take(2)).map(door.told);
      expect(
        told.map(({ environmentRevision, changes }) => [
          environmentRevision,
          changes.map(({ path }) => path.join('.')),
        ]),
      ).toEqual([
        [2, ['db']],
        [4, ['db.host']],
      ]);
    } finally {
      stream.close();
    }
  });

  test('of another environment does not exist', async () => {
    const other = await createEnvironment(app, token, app.world.applicationId);
    const stream = await watch({ environmentId: other }, environmentId);
    expect(stream.text() || JSON.stringify(await stream.rest().catch(() => stream.text()))).toContain(
      'ENVIRONMENT_NOT_FOUND',
    );
    stream.close();
  });
});

test('a value is not shown in a stream to a token that may not reveal', async () => {
  const id = await createEnvironment(app, token, app.world.applicationId);
  await app.as('owner').made(id, { secretValue: 'sealed from you' });
  const sealed = await tokenWith(app, token, { scopes: ['METADATA', 'WRITE', 'ADMIN'] });
  const query = `subscription ($id: UUID!) { agentSecretChanges(environmentId: $id, after: 0) {
    environmentRevision changes { secretValue agentSecret { secretValueText } } } }`;
  const body = { query, variables: { id } };
  const stream = await openStream(addressOf(app.server), { method: 'POST', path: '/graphql', token: sealed, body });
  try {
    const { data } = await stream.next();
    expect(data.errors[0].extensions.code).toBe('AUTH_FORBIDDEN');
    expect(JSON.stringify(data)).not.toContain('sealed from you');
  } finally {
    stream.close();
  }
});

test('a token that is revoked on one instance is refused by another within seconds', async () => {
  const { services } = app;
  const other = await app.variant({}, servicesOn(services.db, services.keyProvider, services.log));
  const { secret, token: made } = await createTokenAs(app, token, {});
  const client = clientOf(other, secret);
  expect((await client.list(environmentId)).status).toBe(200);
  await ask(app, token, 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { __typename } }', { id: made.id });
  expect((await clientOf(app.server, secret).list(environmentId)).status).toBe(401);
  await expect.poll(async () => (await client.list(environmentId)).status, { timeout: 5_000, interval: 100 }).toBe(401);
});
