// Golem's command line against a service that was started as a newcomer starts it: each command of `golem secret`, with each
// way of naming the environment, and exactly the requests that it makes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { golemCommandLine, type Place, type Sent } from '../../support/rest/golem-command-line.js';
import { type RunningServer, startServer } from '../../support/server.js';
import { ask, developer } from './client.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
  await ask(
    developer(server),
    'mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { ... on UpdateAccountPayload { account { email } } } }',
    {
      input: { id: server.facts().accountId, email: 'Dev@Example.com' },
    },
  );
});
afterAll(() => server?.stop());

/** Requests with their status, and ids by what they are of. */
function readable(sent: readonly Sent[], names: Record<string, string>): string[] {
  const text = (request: string) => request.replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, (id) => names[id] ?? id);
  return sent.map(({ request, status }) => `${status} ${text(request)}`);
}

/** A record with all that the tool prints as explicit null. */
const TYPE = {
  type: 'Record',
  fields: [
    { name: 'user', typ: { type: 'Str' } },
    {
      name: 'mode',
      typ: {
        type: 'Variant',
        cases: [
          { name: 'off', typ: null },
          { name: 'on', typ: { type: 'U8' } },
        ],
      },
    },
    { name: 'last', typ: { type: 'Result', ok: null, err: { type: 'Str' } } },
  ],
};
const VALUE = { user: 'ada', mode: { on: 3 }, last: { ok: null } };
const CANONICAL = {
  ...TYPE,
  fields: [
    TYPE.fields[0],
    { name: 'mode', typ: { type: 'Variant', cases: [{ name: 'off' }, { name: 'on', typ: { type: 'U8' } }] } },
    { name: 'last', typ: { type: 'Result', err: { type: 'Str' } } },
  ],
};

const VISIBLE = '200 GET /v1/me/visible-environments?account_email=';
const PLACES: Record<string, { place: Place; requests: string[] }> = {
  'app/env': {
    place: { app: 'demo', env: 'dev' },
    requests: ['200 GET /v1/accounts/ACCOUNT/apps/demo', '200 GET /v1/apps/APP/envs/dev'],
  },
  'account/app/env': {
    place: { account: 'dev@example.com', app: 'demo', env: 'dev' },
    requests: [`${VISIBLE}dev%40example.com&app_name=demo&env_name=dev`],
  },
  'account/app/env, the account by its name': {
    place: { account: 'development', app: 'demo', env: 'dev' },
    requests: [`${VISIBLE}development&app_name=demo&env_name=dev`],
  },
  'a manifest of what is there': {
    place: { manifest: { app: 'demo', env: 'dev' } },
    requests: ['200 GET /v1/accounts/ACCOUNT/apps/demo', '200 GET /v1/apps/APP/envs/dev'],
  },
};

describe.each(Object.entries(PLACES))('with %s', (name, { place, requests }) => {
  const segment = `key-${'abcd'[Object.keys(PLACES).indexOf(name)]}`;
  const path = `golem.${segment}`;
  const first = ['200 GET /v1/me/token'];

  /** Runs a command as a process of its own, and answers what it printed and sent. */
  async function run<T>(command: (golem: ReturnType<typeof golemCommandLine>) => Promise<T>, secretId = '') {
    const golem = golemCommandLine(developer(server), place);
    const printed = await command(golem);
    const { accountId, applicationId, environmentId } = server.facts();
    const names = { [accountId]: 'ACCOUNT', [applicationId]: 'APP', [environmentId]: 'ENV', [secretId]: 'SECRET' };
    return { printed, sent: readable(golem.sent, names) };
  }

  test('list, create, get, update-value and delete do their work', async () => {
    const list = '200 GET /v1/envs/ENV/agent-secrets';
    const before = await run((golem) => golem.list());
    expect(before.sent).toEqual([...first, ...requests, list]);
    expect(before.printed).toHaveLength(6);

    const created = await run((golem) => golem.create(path, { type: TYPE, value: VALUE }));
    expect(created.sent).toEqual([...first, ...requests, '200 POST /v1/envs/ENV/agent-secrets']);
    const canonical = ['golem', segment.replace(/-(.)/, (_, letter: string) => letter.toUpperCase())];
    const secret = { path: canonical, revision: 0, secretType: CANONICAL, secretValue: VALUE };
    expect(created.printed).toMatchObject(secret);
    const { id } = created.printed;

    const byPath = await run((golem) => golem.get({ path }));
    expect(byPath.sent).toEqual([...first, ...requests, list]);
    expect(byPath.printed).toEqual(created.printed);
    const byId = await run((golem) => golem.get({ id }), id);
    expect(byId.sent).toEqual([...first, '200 GET /v1/agent-secrets/SECRET']);
    expect(byId.printed).toEqual(created.printed);

    const other = { ...VALUE, user: 'bob' };
    const updated = await run((golem) => golem.updateValue({ path }, other), id);
    expect(updated.sent).toEqual([...first, ...requests, list, '200 PATCH /v1/agent-secrets/SECRET']);
    expect(updated.printed).toMatchObject({ id, revision: 1, secretValue: other });
    const unset = await run((golem) => golem.updateValue({ id }), id);
    expect(unset.sent).toEqual([...first, '200 GET /v1/agent-secrets/SECRET', '200 PATCH /v1/agent-secrets/SECRET']);
    expect(unset.printed).toMatchObject({ id, revision: 2, secretValue: null });

    const deleted = await run((golem) => golem.delete({ path }), id);
    expect(deleted.sent).toEqual([
      ...first,
      ...requests,
      list,
      '200 DELETE /v1/agent-secret/SECRET?current_revision=2',
    ]);
    expect(deleted.printed).toMatchObject({ id, revision: 3, secretValue: null });
    await expect(run((golem) => golem.get({ path }))).rejects.toThrow('secret not found');
    expect((await run((golem) => golem.list())).printed).toEqual(before.printed);
  });
});

test('a manifest has the application and the environment created that are missing, once', async () => {
  const place = { manifest: { app: 'new-app', env: 'local' } };
  const golem = golemCommandLine(developer(server), place);
  expect(await golem.list()).toEqual([]);
  const { accountId } = server.facts();
  const shown = (sent: readonly Sent[]) =>
    readable(sent, { [accountId]: 'ACCOUNT' }).map((line) => line.replace(/[\da-f]{8}-[\da-f-]{27}/g, 'NEW'));
  expect(shown(golem.sent)).toEqual([
    '200 GET /v1/me/token',
    '404 GET /v1/accounts/ACCOUNT/apps/new-app',
    '200 POST /v1/accounts/ACCOUNT/apps',
    '404 GET /v1/apps/NEW/envs/local',
    '200 POST /v1/apps/NEW/envs',
    '200 GET /v1/envs/NEW/agent-secrets',
  ]);
  const again = golemCommandLine(developer(server), place);
  expect((await again.create('db.port', { type: { type: 'U16' }, value: 5432 })).secretValue).toBe(5432);
  expect(shown(again.sent)).toEqual([
    '200 GET /v1/me/token',
    '200 GET /v1/accounts/ACCOUNT/apps/new-app',
    '200 GET /v1/apps/NEW/envs/local',
    '200 POST /v1/envs/NEW/agent-secrets',
  ]);
  for (const found of [
    { app: 'new-app', env: 'local' },
    { account: 'dev@example.com', app: 'new-app', env: 'local' },
  ]) {
    expect(await golemCommandLine(developer(server), found).list()).toMatchObject([{ path: ['db', 'port'] }]);
  }
});

test('without a manifest nothing is created, and the tool says what is missing', async () => {
  const run = (place: Place) => golemCommandLine(developer(server), place).list();
  await expect(run({ app: 'none', env: 'dev' })).rejects.toThrow('application not found');
  await expect(run({ app: 'demo', env: 'none' })).rejects.toThrow('environment not found');
  await expect(run({ account: 'dev@example.com', app: 'none', env: 'dev' })).rejects.toThrow('environment not found');
  await expect(run({ account: 'nobody@example.com', app: 'demo', env: 'dev' })).rejects.toThrow(
    'environment not found',
  );
});

test('an unknown token ends the tool at its first request', async () => {
  const golem = golemCommandLine({ url: server.url, token: 'x'.repeat(36) }, { app: 'demo', env: 'dev' });
  await expect(golem.list()).rejects.toThrow('401 {"code":"AUTH_UNAUTHORIZED","error":"Token not found"}');
  expect(golem.sent).toEqual([{ request: 'GET /v1/me/token', status: 401 }]);
});

test('a share and a token of one environment are used as account/app/env', async () => {
  const caller = developer(server);
  const { environmentId } = server.facts();
  const created = `mutation { createAccount(input: { name: "guest" }) { ... on CreateAccountPayload { secret account { id } } } }`;
  const { secret, account } = (await ask(caller, created)).createAccount;
  const input = { environmentId, accountId: account.id, roles: ['DEPLOYER'] };
  const share =
    'mutation ($input: CreateEnvironmentShareInput!) { createEnvironmentShare(input: $input) { __typename } }';
  await ask(caller, share, { input });
  const limits = { input: { name: 'one', environmentId, scopes: ['REVEAL'] } };
  const token =
    'mutation ($input: CreateTokenInput!) { createToken(input: $input) { ... on CreateTokenPayload { secret } } }';
  const narrow = (await ask({ url: server.url, token: secret }, token, limits)).createToken.secret;
  for (const one of [secret, narrow]) {
    const place = { account: 'dev@example.com', app: 'demo', env: 'dev' };
    expect(await golemCommandLine({ url: server.url, token: one }, place).list()).toHaveLength(6);
    const bare = golemCommandLine({ url: server.url, token: one }, { app: 'demo', env: 'dev' });
    await expect(bare.list()).rejects.toThrow('application not found');
  }
});
