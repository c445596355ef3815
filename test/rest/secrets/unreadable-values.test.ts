// Values whose stored bytes do not open: they take nothing else away, no list leaves them out in silence, and the log names
// them once.
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { StoredKey } from '../../../src/crypto/environment-keys.js';
import { verifyLog } from '../../../src/domain/log/log-verification.js';
import { findEnvironmentKeys } from '../../../src/store/keys/environment-key.js';
import { canary } from '../../support/canary.js';
import { graphql } from '../../support/graphql/client.js';
import { expectRefusal } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const CODE = 'AGENT_SECRET_VALUE_UNREADABLE';
const KEY_CODE = 'ENVIRONMENT_KEY_UNREADABLE';
const { app, owner, token, environmentId } = await restSuite();

const readable: { id: string; secretValue: string }[] = [];
const broken: string[] = [];
beforeAll(async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const secretValue = canary();
    const { id } = await owner.made(environmentId, { path: [name], secretValue });
    if (name === 'b' || name === 'd') broken.push(id);
    else readable.push({ id, secretValue });
  }
  for (const [table, id] of [
    ['agent_secrets', 'id'],
    ['agent_secret_revisions', 'agent_secret_id'],
  ]) {
    await app.services.db.script(
      `update ${table} set sealed_value = set_byte(sealed_value, 40, get_byte(sealed_value, 40) # 1) where ${id} in ('${broken.join("','")}')`,
    );
  }
});

const list = (headers = {}) => owner.call('GET', `/v1/envs/${environmentId}/agent-secrets`, { headers });
const linesOf = (requestId: string) =>
  app.logs
    .map((line) => JSON.parse(line))
    .filter((line) => line.requestId === requestId && /warn|error|fatal/.test(line.level));

test('a REST list is refused and names them: it never leaves one out in silence', async () => {
  expectRefusal(await list(), 500, CODE, `The values of agent secrets ${broken.join(', ')} cannot be opened`);
});

test('by id they are refused, and the others stay readable', async () => {
  for (const id of broken) {
    expectRefusal(await owner.get(id), 500, CODE, `The value of agent secret ${id} cannot be opened`);
  }
  for (const { id, secretValue } of readable) expect((await owner.get(id)).body.secretValue).toBe(secretValue);
});

const inEnvironment = (selection: string) =>
  graphql(app, token, `query ($id: UUID!) { environment(id: $id) { name ${selection} } }`, { id: environmentId });

test.each([
  ['allAgentSecrets { id secretValue }', 'secretValue', ({ allAgentSecrets }: any) => allAgentSecrets],
  ['allAgentSecrets { id secretValueText }', 'secretValueText', ({ allAgentSecrets }: any) => allAgentSecrets],
  ['allAgentSecrets { id document }', 'document', ({ allAgentSecrets }: any) => allAgentSecrets],
  [
    'agentSecrets { nodes: edges { node { id secretValue } } }',
    'secretValue',
    ({ agentSecrets }: any) => agentSecrets.nodes.map(({ node }: any) => node),
  ],
])('GraphQL answers the others of %s, and an error at each of them', async (selection, field, itemsOf) => {
  const { data, errors } = await inEnvironment(selection);
  const items = itemsOf(data.environment) as Record<string, unknown>[];
  const shown = items.filter((item) => item[field] !== null).map(({ id }) => id);
  expect(shown).toEqual(readable.map(({ id }) => id));
  expect(items.filter((item) => item[field] === null).map(({ id }) => id)).toEqual(broken);
  expect(errors?.map(({ extensions }) => extensions)).toEqual(
    broken.map((id) => ({ code: CODE, agentSecretIds: [id] })),
  );
  expect(errors?.map(({ path }) => path?.at(-1))).toEqual([field, field]);
});

test('GraphQL’s list in one piece is null and an error that names them, and takes no other field along', async () => {
  const { data, errors } = await inEnvironment('agentSecretDocuments');
  expect(data.environment).toEqual({ name: expect.any(String), agentSecretDocuments: null });
  expect(errors?.map(({ extensions }) => extensions)).toEqual([{ code: CODE, agentSecretIds: broken }]);
});

test('history and the change feed tell everything else, and an error at each of them', async () => {
  const [id] = broken as [string];
  const query = 'query ($id: UUID!) { agentSecret(id: $id) { revisions { edges { node { change secretValue } } } } }';
  const { data, errors } = await graphql(app, token, query, { id });
  expect(data.agentSecret.revisions.edges).toEqual([{ node: { change: 'CREATED', secretValue: null } }]);
  expect(errors?.[0]?.extensions).toEqual({ code: CODE, agentSecretIds: [id] });
});

test.each([
  ['a REST list', (headers: object) => list(headers)],
  [
    'a GraphQL list',
    (headers: Record<string, string>) =>
      owner.call('POST', '/graphql', {
        headers: { ...headers, accept: 'application/json' },
        body: { query: `{ environment(id: "${environmentId}") { allAgentSecrets { secretValue secretValueText } } }` },
      }),
  ],
])('%s logs them once, all of them, with what is wrong', async (_, ask) => {
  const requestId = randomUUID();
  await ask({ 'x-request-id': requestId });
  const lines = linesOf(requestId);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ level: 'error', agentSecretIds: broken });
  expect(JSON.stringify(lines[0])).toContain(`value of agent secret ${broken[0]} in environment ${environmentId}`);
});

test('an update sets another value, which opens', async () => {
  const [id] = broken as [string];
  const { status, text } = await owner.update(id, { currentRevision: 0, secretValue: { op: 'set', value: 'new' } });
  expect(status, text).toBe(200);
  expect((await owner.get(id)).body.secretValue).toBe('new');
  expectRefusal(await list(), 500, CODE, `The value of agent secret ${broken[1]} cannot be opened`);
});

test('an environment that has lost its data key: all of its values are named, the others stay readable', async () => {
  const environment = await createEnvironment(app, token, app.world.applicationId);
  const ids = [await owner.made(environment, { path: ['a'] }), await owner.made(environment, { path: ['b'] })].map(
    ({ id }) => id,
  );
  const bare = await owner.made(environment, { path: ['c'], secretValue: null });
  await app.services.db.script(`delete from environment_keys where environment_id = '${environment}'`);
  app.services.keys.forget(environment);
  expectRefusal(
    await owner.list(environment),
    500,
    CODE,
    `The values of agent secrets ${ids.join(', ')} cannot be opened`,
  );
  for (const id of ids) expectRefusal(await owner.get(id), 500, CODE);
  expect((await owner.get(bare.id)).body.secretValue).toBeNull();
});

const setKey = (environment: string, changes: string) =>
  app.services.db.script(
    `update environment_keys set ${changes} where environment_id = '${environment}' and purpose = 'data'`,
  );
const WRAPPED = "(select wrapped from environment_keys where purpose = 'data' and environment_id =";

describe.each([
  ['that is damaged', () => 'wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)', 'it does not unwrap the key'],
  ['that is another environment’s', () => `wrapped = ${WRAPPED} '${environmentId}')`, 'it does not unwrap the key'],
  ['that is empty', () => "wrapped = '\\\\x'", 'it does not unwrap the key'],
  ['under a master key that is not there', () => "master_key_id = 'k-lost'", 'it is not in the keyring'],
])('a data key %s', (_, spoil, reason) => {
  let environment: string;
  let ids: string[];
  let bare: { id: string; revision: number };
  let kept: StoredKey | undefined;
  const expected = () => `The key of environment ${environment} cannot be opened`;
  beforeAll(async () => {
    environment = await createEnvironment(app, token, app.world.applicationId);
    ids = [];
    for (const name of ['a', 'b']) ids.push((await owner.made(environment, { path: [name], secretValue: name })).id);
    bare = await owner.made(environment, { path: ['c'], secretValue: null });
    kept = (await findEnvironmentKeys(app.services.db, environment)).find(({ purpose }) => purpose === 'data');
    await setKey(environment, spoil());
    app.services.keys.forget(environment);
  });

  test('makes its values unreadable, by name, and no other', async () => {
    const both = `The values of agent secrets ${ids.join(', ')} cannot be opened`;
    expectRefusal(await owner.list(environment), 500, CODE, both);
    for (const id of ids)
      expectRefusal(await owner.get(id), 500, CODE, `The value of agent secret ${id} cannot be opened`);
    expect((await owner.get(bare.id)).body.secretValue).toBeNull();
    const query = 'query ($id: UUID!) { environment(id: $id) { allAgentSecrets { id secretValue } } }';
    const { data, errors } = await graphql(app, token, query, { id: environment });
    expect(data.environment.allAgentSecrets.map(({ secretValue }: any) => secretValue)).toEqual([null, null, null]);
    expect(errors?.map(({ extensions }) => extensions)).toEqual(
      ids.map((id) => ({ code: CODE, agentSecretIds: [id] })),
    );
  });

  test('refuses whatever would be sealed under it, and logs it once', async () => {
    const value = { op: 'set', value: canary() };
    const keyed = { 'idempotency-key': randomUUID() };
    const writes: ((headers: Record<string, string>) => Promise<any>)[] = [
      (headers) =>
        owner.call('POST', `/v1/envs/${environment}/agent-secrets`, {
          headers,
          body: { path: ['new'], secretType: { type: 'Str' }, secretValue: canary() },
        }),
      (headers) =>
        owner.call('PATCH', `/v1/agent-secrets/${ids[0]}`, {
          headers,
          body: { currentRevision: 0, secretValue: value },
        }),
      (headers) =>
        owner.call('PATCH', `/v1/agent-secrets/${ids[0]}`, {
          headers: { ...headers, ...keyed },
          body: { currentRevision: 0 },
        }),
    ];
    for (const write of writes) {
      const requestId = randomUUID();
      expectRefusal(await write({ 'x-request-id': requestId }), 500, KEY_CODE, expected());
      const lines = linesOf(requestId);
      expect(lines).toMatchObject([{ level: 'error', environmentId: environment }]);
      expect(JSON.stringify(lines)).toContain(reason);
    }
    const requestId = randomUUID();
    const change = `applyAgentSecretChanges(input: {environmentId: "${environment}", changes: [
      {create: {path: ["x"], secretType: {type: "Str"}, secretValue: "v"}}]}) { __typename }`;
    const answer = await owner.call('POST', '/graphql', {
      headers: { 'x-request-id': requestId },
      body: { query: `mutation { one: ${change} two: ${change} }` },
    });
    expect(answer.body.errors.map(({ message, extensions }: any) => [message, extensions])).toEqual([
      [expected(), { code: KEY_CODE }],
      [expected(), { code: KEY_CODE }],
    ]);
    expect(linesOf(requestId)).toHaveLength(1);
  });

  test('hinders no write without a value, and is found by a verification', async () => {
    const { status, text } = await owner.update(bare.id, { currentRevision: 0 });
    expect(status, text).toBe(200);
    const { db, keyProvider } = app.services;
    expect(await verifyLog(db, environment, { keyProvider })).toMatchObject({ isIntact: false, kind: 'keys' });
  });

  test('is used again at once when it is back', async () => {
    const hex = Buffer.from(kept?.wrapped ?? []).toString('hex');
    await setKey(environment, `wrapped = '\\x${hex}', master_key_id = '${kept?.masterKeyId}'`);
    for (const [nth, id] of ids.entries()) expect((await owner.get(id)).body.secretValue).toBe(['a', 'b'][nth]);
    expect((await owner.made(environment, { path: ['d'] })).revision).toBe(0);
  });
});
