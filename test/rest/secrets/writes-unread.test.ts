// Writes of secrets that the instance has just shown: done without reading first, and answered as by an instance that reads.
import { sql } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import { rotateDataKeys } from '../../../src/domain/keys/data-key.js';
import { servicesOn } from '../../../src/start/services.js';
import { columns, parameter, statement } from '../../../src/store/engine/statement.js';
import { environments } from '../../../src/store/engine/tables.js';
import { ask } from '../../support/graphql/client.js';
import { tokenWith } from '../../support/graphql/token-scopes.js';
import { type Answer, type Client, clientOf, expectRefusal } from '../../support/rest/app.js';
import { createLimitedEnvironment } from '../../support/rest/plan.js';
import { restSuite } from '../../support/suites.js';
import { createAccount, createEnvironment, type Person, share, unique } from '../../support/world.js';

const { app, owner, token: ownerToken } = await restSuite({ readAudit: 'off' });
/** Another instance on the same database, which has seen nothing that it has not been asked for. */
let elsewhere: (token: string) => Client;
beforeAll(async () => {
  const { db, keyProvider, log } = app.services;
  const server = await app.variant({}, servicesOn(db, keyProvider, log));
  elsewhere = (token) => clientOf(server, token);
});

const set = (value: unknown) => ({ op: 'set', value });
/** The environment's own revision, also once it is deleted. */
const REVISION = statement<{ id: string }>()(
  { revision: environments.revision },
  sql`select ${columns({ revision: environments.revision })} from ${environments} where ${environments.id} = ${parameter('id')}`,
);

async function statements(request: () => Promise<Answer>, status = 200): Promise<number> {
  const before = app.queries();
  const answer = await request();
  expect(answer.status, answer.text).toBe(status);
  return app.queries() - before;
}

test('what has just been made, read or written here is written by one statement', async () => {
  const { id } = await owner.made(app.world.environmentId);
  expect(await statements(() => owner.update(id, { currentRevision: 0, secretValue: set('one') }))).toBe(1);
  expect(await statements(() => owner.update(id, { currentRevision: 1, secretValue: set('two') }))).toBe(1);
  // What depends on the value there is reads first.
  expect(await statements(() => owner.update(id, { currentRevision: 2, secretValue: { op: 'unset' } }))).toBe(2);
  expect(await statements(() => owner.update(id, { currentRevision: 3 }))).toBe(2);
  await elsewhere(ownerToken).update(id, { currentRevision: 4, secretValue: set('theirs') });
  expect(await statements(() => owner.update(id, { currentRevision: 5, secretValue: set('three') }))).toBe(2);
  await elsewhere(ownerToken).update(id, { currentRevision: 6, secretValue: set('theirs') });
  await owner.get(id);
  expect(await statements(() => owner.remove(id, 7))).toBe(1);
});

test('what was refused once is not tried again without reading first', async () => {
  const { id } = await owner.made(app.world.environmentId);
  await elsewhere(ownerToken).update(id, { currentRevision: 0, secretValue: set('theirs') });
  const stale = () => owner.update(id, { currentRevision: 0, secretValue: set('mine') });
  expect(await statements(stale, 409)).toBeGreaterThan(1);
  expect(await statements(stale, 409)).toBe(1);
});

test('the answers, the secret and its history are those of writes that read first', async () => {
  const bodies = await Promise.all(
    [owner, elsewhere(ownerToken)].map(async (writer) => {
      const made = await owner.made(app.world.environmentId, { path: [unique('same')] });
      const answers = [
        await writer.update(made.id, { currentRevision: 0, secretValue: set('one') }),
        await writer.update(made.id, { currentRevision: 1, secretValue: { op: 'unset' } }),
        await writer.update(made.id, { currentRevision: 2, secretValue: { op: 'unset' } }),
        await writer.remove(made.id, 3),
      ];
      const { agentSecretRevision } = await ask(
        app,
        ownerToken,
        `query ($id: UUID!) { agentSecretRevision(id: $id, revision: 4) { revisions(first: 9) { edges { node {
          revision change valueState by { name } environmentRevision secretValue } } } } }`,
        { id: made.id },
      );
      return { made, answers, history: agentSecretRevision.revisions.edges.map(({ node }: any) => node) };
    }),
  );
  const told = bodies.map(({ made, answers, history }) => ({
    answers: answers.map(({ status, body }) => [status, { ...body, id: 'id', path: body.path?.length }]),
    history: history.map(({ environmentRevision: _, ...node }: any) => node),
    id: answers.every(({ body }) => body.id === made.id),
  }));
  expect(told[0]).toEqual(told[1]);
  expect(told[0]?.history.map(({ change }: any) => change)).toEqual([
    'DELETED',
    'UPDATED',
    'VALUE_REMOVED',
    'UPDATED',
    'CREATED',
  ]);
});

interface Scene {
  environmentId: string;
  id: string;
  /** Who has seen the secret here, by a share as deployer. */
  guest: Person;
  shareId: string;
}

async function scene(): Promise<Scene> {
  const environmentId = await createEnvironment(app, ownerToken, app.world.applicationId);
  const guest = await createAccount(app, unique('guest'));
  const shareId = await share(app, ownerToken, environmentId, guest.id, ['DEPLOYER']);
  const { id } = await owner.made(environmentId);
  return { environmentId, id, guest, shareId };
}

const setRoles = (roles: string[]) => (at: Scene) =>
  ask(
    app,
    ownerToken,
    'mutation ($input: UpdateEnvironmentShareInput!) { updateEnvironmentShare(input: $input) { __typename } }',
    { input: { id: at.shareId, roles } },
  );

const remove = (noun: string, id: string) =>
  ask(app, ownerToken, `mutation ($id: ID!) { delete${noun}(input: { id: $id }) { __typename } }`, { id });

/** What happens elsewhere after the secret has been seen here, and how a write of the revision seen is answered then. */
const SITUATIONS: Record<
  string,
  { change(at: Scene): Promise<unknown>; answer: { status: number; code?: string }; value?: unknown }
> = {
  nothing: { change: async () => {}, answer: { status: 200 } },
  'the share is of an admin': { change: setRoles(['ADMIN']), answer: { status: 200 } },
  'the share is of a deployer and a viewer': { change: setRoles(['VIEWER', 'DEPLOYER']), answer: { status: 200 } },
  'the share is of a viewer': { change: setRoles(['VIEWER']), answer: { status: 404, code: 'AGENT_SECRET_NOT_FOUND' } },
  'the share has no role': { change: setRoles([]), answer: { status: 404, code: 'AGENT_SECRET_NOT_FOUND' } },
  'the share is gone': {
    change: (at) => remove('EnvironmentShare', at.shareId),
    answer: { status: 404, code: 'AGENT_SECRET_NOT_FOUND' },
  },
  'the environment is gone': {
    change: (at) => remove('Environment', at.environmentId),
    answer: { status: 404, code: 'AGENT_SECRET_NOT_FOUND' },
  },
  'the secret is gone': {
    change: (at) => elsewhere(ownerToken).remove(at.id, 0),
    answer: { status: 404, code: 'AGENT_SECRET_NOT_FOUND' },
  },
  'the secret has been updated': {
    change: (at) => elsewhere(ownerToken).update(at.id, { currentRevision: 0, secretValue: set('theirs') }),
    answer: { status: 409, code: 'CONCURRENT_UPDATE' },
  },
  'the secret has been updated, and the value is of another type': {
    change: (at) => elsewhere(ownerToken).update(at.id, { currentRevision: 0, secretValue: set('theirs') }),
    answer: { status: 409, code: 'CONCURRENT_UPDATE' },
    value: 1,
  },
  'the value is of another type': {
    change: async () => {},
    answer: { status: 400, code: 'AGENT_SECRET_VALUE_TYPE_MISMATCH' },
    value: 1,
  },
  'the data key has been replaced': {
    change: async () => {
      const { db, keyProvider, log } = app.services;
      await rotateDataKeys(servicesOn(db, keyProvider, log), {});
    },
    answer: { status: 200 },
  },
};

describe.each(Object.entries(SITUATIONS))('after the secret was seen, %s', (_, { change, answer, value = 'mine' }) => {
  const writes: Record<string, (client: Client, id: string) => Promise<Answer>> = {
    update: (client, id) => client.update(id, { currentRevision: 0, secretValue: set(value) }),
    ...(value === 'mine' ? { delete: (client, id) => client.remove(id, 0) } : {}),
  };
  test.each(Object.keys(writes))('%s', async (name) => {
    const at = await scene();
    const here = clientOf(app.server, at.guest.token);
    expect((await here.get(at.id)).status).toBe(200);
    await change(at);
    const before = await app.services.db.row(REVISION, { id: at.environmentId });
    const write = writes[name] as (typeof writes)[string];
    const answered = await write(here, at.id);
    if (answer.code === undefined) {
      expect(answered.status, answered.text).toBe(200);
      expect(answered.body.revision).toBe(1);
    } else {
      expectRefusal(answered, answer.status, answer.code);
      // Word by word as where it was never seen, and nothing was written.
      expect(answered.text).toBe((await write(elsewhere(at.guest.token), at.id)).text);
      expect(await app.services.db.row(REVISION, { id: at.environmentId })).toEqual(before);
    }
  });
});

test('a credential that is good for less finds what it would find anywhere', async () => {
  const { environmentId } = app.world;
  const [segment, other] = [unique('p'), unique('p')].map((text) => text.replace('-', ''));
  const { id, path } = await owner.made(environmentId, { path: [segment] });
  await owner.get(id);
  const limits = {
    'other paths': { pathPrefixes: [other as string] },
    'another environment': { environmentId: await createEnvironment(app, ownerToken, app.world.applicationId) },
    'no values': { scopes: ['METADATA', 'WRITE'] as const },
    'no writes': { scopes: ['METADATA', 'REVEAL'] as const },
  };
  for (const [name, limit] of Object.entries(limits)) {
    const token = await tokenWith(app, ownerToken, limit);
    for (const write of [
      (client: Client) => client.update(id, { currentRevision: 0, secretValue: set('mine') }),
      (client: Client) => client.remove(id, 0),
    ]) {
      const answer = await write(clientOf(app.server, token));
      expect([403, 404], name).toContain(answer.status);
      expect(answer.text).toBe((await write(elsewhere(token))).text);
    }
  }
  const covering = clientOf(app.server, await tokenWith(app, ownerToken, { pathPrefixes: path }));
  await covering.get(id);
  const update = () => covering.update(id, { currentRevision: 0, secretValue: set('mine') });
  expect(await statements(update)).toBe(1);
});

test('a value that the plan has no room for is refused, and stays what it was', async () => {
  const small = await createLimitedEnvironment(app, { valueBytes: 20 });
  const { id } = await small.owner.made(small.environmentId);
  await small.owner.get(id);
  const answer = await small.owner.update(id, { currentRevision: 0, secretValue: set('x'.repeat(19)) });
  expectRefusal(answer, 422, 'LIMIT_EXCEEDED', 'The plan allows 20 bytes per secret value');
  expect((await small.owner.get(id)).body).toMatchObject({ revision: 0, secretValue: 'some' });
  const fitting = () => small.owner.update(id, { currentRevision: 0, secretValue: set('x'.repeat(18)) });
  expect(await statements(fitting)).toBe(1);
});
