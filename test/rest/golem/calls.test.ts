// What Golem's tools call besides the operations on secrets: every answer byte for byte in the shape of the original.
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../server/process/client.js';
import { ask } from '../../support/graphql/client.js';
import { createTokenAs } from '../../support/graphql/token-scopes.js';
import { type Answer, clientOf, expectRefusal, JSON_TYPE } from '../../support/rest/app.js';
import { addressOf } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';
import { createAccount, type Person, share, unique } from '../../support/world.js';

const { app, owner } = await restSuite();

const NEVER = '+262142-12-31T23:59:59.999999+00:00';
const SETTINGS = { compatibilityCheck: false, versionCheck: false, securityOverrides: false };
const UNKNOWN = '01890000-0000-7000-8000-000000000000';

function expectText(answer: Answer, text: string): void {
  expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text });
  expect(answer.headers['content-type']).toBe(JSON_TYPE);
  expect(answer.headers['cache-control']).toBe('no-store');
}

const setEmail = (id: string, email: string | null) =>
  ask(
    app,
    app.operatorToken,
    'mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { __typename } }',
    {
      input: { id, email },
    },
  );

/** A new account with its client. */
async function member(): Promise<Person & { client: ReturnType<typeof clientOf> }> {
  const person = await createAccount(app, unique('member'));
  return { ...person, client: clientOf(app.server, person.token) };
}

/** What the work answers, and how many pages of environments it reads; `before` is told which one comes. */
async function pagesReadBy<T>(work: () => Promise<T>, before?: (nth: number) => Promise<void>) {
  const services = app.services as { db: typeof app.services.db };
  const { db } = services;
  let pages = 0;
  services.db = {
    ...db,
    async rows(statement, input) {
      if (statement.text.startsWith('with visible')) {
        pages += 1;
        await before?.(pages);
      }
      return db.rows(statement, input);
    },
  };
  try {
    return { answer: await work(), pages };
  } finally {
    services.db = db;
  }
}

describe('GET /v1/me/token', () => {
  const call = (token: string | undefined) => clientOf(app.server, token).call('GET', '/v1/me/token');

  test('tells the token and its account; one that never ends ends very late', async () => {
    const { id: accountId, token } = app.world.people.owner;
    const { currentToken } = await ask(app, token, '{ currentToken { id createdAt } }');
    const createdAt = currentToken.createdAt.replace(/(\.000)?Z$/, '+00:00');
    expectText(
      await call(token),
      `{"accountId":"${accountId}","createdAt":"${createdAt}","expiresAt":"${NEVER}","id":"${currentToken.id}"}`,
    );
  });

  test.each([
    ['2100-01-02T03:04:05.678Z', '2100-01-02T03:04:05.678+00:00'],
    ['2100-01-02T03:04:05.600Z', '2100-01-02T03:04:05.600+00:00'],
    ['2100-01-02T03:04:05.000Z', '2100-01-02T03:04:05+00:00'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999+00:00'],
  ])('prints the time %s as the original does: %s', async (expiresAt, printed) => {
    const { secret, token } = await createTokenAs(app, app.world.people.owner.token, { expiresAt });
    const { text, body } = await call(secret);
    expect(text).toMatch(/^\{"accountId":"[^"]+","createdAt":"[^"]+","expiresAt":"[^"]+","id":"[^"]+"\}$/);
    expect(body).toMatchObject({ id: token.id, expiresAt: printed });
    expect(body.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?\+00:00$/);
  });

  test('answers 401 alike to every credential that is none', async () => {
    const { secret, token } = await createTokenAs(app, app.world.people.owner.token, {});
    await ask(app, secret, 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { __typename } }', {
      id: token.id,
    });
    for (const none of [undefined, 'x', 'x'.repeat(40), secret, '5c832d93-ff85-4a8f-9803-513950fdfdb1']) {
      const answer = await call(none);
      expect(answer.text).toBe('{"code":"AUTH_UNAUTHORIZED","error":"Token not found"}');
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });

  test('answers 401 at the moment the token is revoked, although it was just trusted', async () => {
    const { secret, token } = await createTokenAs(app, app.world.people.owner.token, {});
    expect((await call(secret)).status).toBe(200);
    // What another process does, of which this one hears nothing.
    await app.services.db.script(`update tokens set revoked_at = now() where id = '${token.id}'`);
    expectRefusal(await call(secret), 401, 'AUTH_UNAUTHORIZED', 'Token not found');
  });

  test('takes the cookie as well', async () => {
    const headers = { cookie: `GOLEM_SESSION=${app.world.people.owner.token}` };
    const { body } = await app.anonymous.call('GET', '/v1/me/token', { headers });
    expect(body.accountId).toBe(app.world.people.owner.id);
  });
});

test('the words of one route are of no other: 401 elsewhere is told as ever', async () => {
  for (const path of [`/v1/me/visible-environments`, `/v1/apps/${UNKNOWN}/envs/x`, `/v1/agent-secrets/${UNKNOWN}`]) {
    const answer = await app.anonymous.call('GET', path);
    expectRefusal(answer, 401, 'AUTH_UNAUTHORIZED', 'Could not authenticate user using token');
  }
});

describe('applications and environments', () => {
  let me: Awaited<ReturnType<typeof member>>;
  beforeAll(async () => {
    me = await member();
  });
  const apps = () => `/v1/accounts/${me.id}/apps`;
  const createApp = (name: string) => me.client.call('POST', apps(), { body: { name } });
  const createEnv = (applicationId: string, body: object) =>
    me.client.call('POST', `/v1/apps/${applicationId}/envs`, { body });

  test('an application is created, and found by its name', async () => {
    const created = await createApp('my-app_1.0');
    const { id } = created.body;
    const text = `{"accountId":"${me.id}","id":"${id}","name":"my-app_1.0","revision":0}`;
    expectText(created, text);
    expectText(await me.client.call('GET', `${apps()}/my-app_1.0`), text);
    expectText(await me.client.call('GET', `${apps()}/my%2Dapp%5F1%2e0`), text);
    const braced = `/v1/accounts/%7B${me.id.toUpperCase()}%7D/apps`;
    expectText(await me.client.call('GET', `${braced}/my-app_1.0`), text);
    expectRefusal(await createApp('my-app_1.0'), 409, 'ALREADY_EXISTS', 'Application my-app_1.0 already exists');
    expect((await me.client.call('POST', braced, { body: { name: unique('app') } })).status).toBe(200);
  });

  test('an environment is created with its settings, and found by its name', async () => {
    const { id: applicationId } = (await createApp(unique('app'))).body;
    const shape = (name: string, id: string, [compatibility, overrides, version]: boolean[]) =>
      `{"applicationId":"${applicationId}","compatibilityCheck":${compatibility},"currentDeployment":null,"diffModelVersion":2,` +
      `"id":"${id}","name":"${name}","ownerAccountId":"${me.id}","revision":0,"rolesFromActiveShares":[],` +
      `"securityOverrides":${overrides},"versionCheck":${version}}`;
    for (const [name, flags] of [
      ['none', [false, false, false]],
      ['compatibility', [true, false, false]],
      ['overrides', [false, true, false]],
      ['version', [false, false, true]],
    ] as [string, boolean[]][]) {
      const [compatibilityCheck, securityOverrides, versionCheck] = flags;
      const created = await createEnv(applicationId, { name, compatibilityCheck, versionCheck, securityOverrides });
      expectText(created, shape(name, created.body.id, flags));
      const found = await me.client.call('GET', `/v1/apps/urn:uuid:${applicationId}/envs/${name}`);
      expectText(found, shape(name, created.body.id, flags));
    }
    const again = await createEnv(applicationId, { name: 'none', ...SETTINGS });
    expectRefusal(again, 409, 'ALREADY_EXISTS', 'Environment none already exists');
  });

  test.each([
    ['nope', 'nope'],
    ['NOPE%20', 'NOPE '],
    ['a%2Fb%3Fc%23d', 'a/b?c#d'],
    ['%22%5C%0A', '"\\\n'],
    ['%C3%A9%F0%9F%92%A9', 'é💩'],
    ['%00', '\0'],
    ["'%20or%201=1--", "' or 1=1--"],
    ['%25', '%'],
    ['%FF', '%FF'],
    ['x'.repeat(3_000), 'x'.repeat(3_000)],
  ])('what is called %s is not found, by the name that was asked for', async (segment, name) => {
    const { id: applicationId } = (await createApp(unique('app'))).body;
    const application = await me.client.call('GET', `${apps()}/${segment}`);
    expectRefusal(application, 404, 'APPLICATION_NOT_FOUND', `Application not found for name ${name}`);
    const text = `{"code":"APPLICATION_NOT_FOUND","error":${JSON.stringify(`Application not found for name ${name}`)}}`;
    expect(application.text).toBe(text);
    const environment = await me.client.call('GET', `/v1/apps/${applicationId}/envs/${segment}`);
    expectRefusal(environment, 404, 'ENVIRONMENT_NOT_FOUND', `Environment not found for name ${name}`);
  });

  test('a path without a name, or with dots for one, is no path', async () => {
    for (const path of ['/v1/accounts//apps/x', `${apps()}/`, `${apps()}/..`, `${apps()}/%2e%2e`, `${apps()}/a/b`]) {
      expectRefusal(await me.client.call('GET', path), 404, 'NOT_FOUND');
    }
  });

  test.each<[string, unknown, string]>([
    ['no name', {}, 'name: expected a string'],
    ['null', { name: null }, 'name: expected a string'],
    ['a number', { name: 7 }, 'name: expected a string'],
    ['an empty name', { name: '' }, /^name: expected 1 to 64/ as never],
    ['a name with a blank', { name: 'c4n4ry x' }, /^name: expected 1 to 64/ as never],
    ['a list', [], 'body: expected a JSON object'],
  ])('nothing is created with %s', async (_, body, message) => {
    const { id: applicationId } = (await createApp(unique('app'))).body;
    const asEnvironment = Array.isArray(body) ? body : { ...SETTINGS, ...(body as object) };
    expectRefusal(await me.client.call('POST', apps(), { body: body as object }), 400, 'INVALID_REQUEST', message);
    expectRefusal(await createEnv(applicationId, asEnvironment), 400, 'INVALID_REQUEST', message);
  });

  test('all settings of an environment are told, as booleans', async () => {
    const { id: applicationId } = (await createApp(unique('app'))).body;
    const answer = await createEnv(applicationId, { name: 'x', compatibilityCheck: 'true', versionCheck: null });
    expect(answer.text).toBe(
      '{"code":"INVALID_REQUEST","errors":["compatibilityCheck: expected true or false","versionCheck: expected true or false","securityOverrides: expected true or false"]}',
    );
  });

  test('unknown keys are ignored, and any JSON type is taken', async () => {
    const body = { name: unique('app'), revision: 7, id: UNKNOWN };
    const contentType = 'application/vnd.golem+json';
    expect((await me.client.call('POST', apps(), { body, contentType })).body.id).not.toBe(UNKNOWN);
    expectRefusal(
      await me.client.call('POST', apps(), { body, contentType: 'text/plain' }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    );
  });

  test('ids that are none are 400, other methods 405', async () => {
    for (const path of ['/v1/accounts/x/apps/a', '/v1/apps/x/envs/a']) {
      expectRefusal(await me.client.call('GET', path), 400, 'INVALID_REQUEST', /_id: expected a UUID$/);
    }
    for (const [path, allow] of [
      ['/v1/me/token', 'GET, HEAD'],
      ['/v1/me/visible-environments', 'GET, HEAD'],
      [apps(), 'POST'],
      [`${apps()}/x`, 'GET, HEAD'],
      [`/v1/apps/${UNKNOWN}/envs`, 'POST'],
      [`/v1/apps/${UNKNOWN}/envs/x`, 'GET, HEAD'],
    ] as const) {
      const answer = await me.client.call('PUT', path);
      expectRefusal(answer, 405, 'METHOD_NOT_ALLOWED');
      expect(answer.headers.allow).toBe(allow);
    }
  });

  test('of writers at once with one name exactly one creates it', async () => {
    const name = unique('race');
    const applications = await Promise.all([1, 2, 3, 4, 5].map(() => createApp(name)));
    expect(applications.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    const { id } = applications.find(({ status }) => status === 200)?.body ?? {};
    const environments = await Promise.all([1, 2, 3, 4, 5].map(() => createEnv(id, { name: 'one', ...SETTINGS })));
    expect(environments.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
  });
});

describe('GET /v1/me/visible-environments', () => {
  const path = (query: Record<string, string> | string = '') =>
    `/v1/me/visible-environments?${typeof query === 'string' ? query : new URLSearchParams(query)}`;

  /** The values, of which one environment is expected: as text. */
  const shape = (one: {
    email: string;
    owner: Person;
    appId: string;
    app: string;
    id: string;
    env: string;
    roles: string;
  }) =>
    `{"account":{"email":"${one.email}","id":"${one.owner.id}","name":"${one.owner.name}"},` +
    `"application":{"id":"${one.appId}","name":"${one.app}"},"environment":{"compatibilityCheck":false,` +
    `"currentDeployment":null,"diffModelVersion":2,"id":"${one.id}","name":"${one.env}","revision":0,` +
    `"rolesFromActiveShares":[${one.roles}],"securityOverrides":false,"versionCheck":false}}`;

  async function estate() {
    const me = await member();
    const name = unique('app');
    const { id: appId } = (await me.client.call('POST', `/v1/accounts/${me.id}/apps`, { body: { name } })).body;
    const { id } = (await me.client.call('POST', `/v1/apps/${appId}/envs`, { body: { name: 'env', ...SETTINGS } }))
      .body;
    return { me, one: { owner: me, appId, app: name, id, env: 'env' } };
  }

  test('has none for an account without any', async () => {
    const { client } = await member();
    expectText(await client.call('GET', '/v1/me/visible-environments'), '{"values":[]}');
  });

  test('has one’s own, with the account’s email or, without one, its name', async () => {
    const { me, one } = await estate();
    expectText(await me.client.call('GET', path()), `{"values":[${shape({ ...one, email: me.name, roles: '' })}]}`);
    const email = `${me.name}+x@example.com`;
    await setEmail(me.id, email);
    expectText(await me.client.call('GET', path()), `{"values":[${shape({ ...one, email, roles: '' })}]}`);
  });

  test.each([
    [['ADMIN'], '"admin"'],
    [['DEPLOYER'], '"deployer"'],
    [['VIEWER'], '"viewer"'],
    [['VIEWER', 'ADMIN', 'DEPLOYER'], '"admin","deployer","viewer"'],
  ])('has those shared with one, with the roles: %j', async (given, roles) => {
    const { me, one } = await estate();
    const guest = await member();
    await share(app, me.token, one.id, guest.id, given);
    expectText(await guest.client.call('GET', path()), `{"values":[${shape({ ...one, email: me.name, roles })}]}`);
    const found = await guest.client.call('GET', `/v1/apps/${one.appId}/envs/env`);
    expect(found.text).toContain(`"ownerAccountId":"${me.id}","revision":0,"rolesFromActiveShares":[${roles}],`);
  });

  test('is narrowed by email or name, application and environment', async () => {
    const { me, one } = await estate();
    const email = `${me.name}+x@example.com`;
    await setEmail(me.id, email);
    const text = `{"values":[${shape({ ...one, email, roles: '' })}]}`;
    for (const query of [
      { account_email: email, app_name: one.app, env_name: 'env' },
      { account_email: me.name, app_name: one.app, env_name: 'env' },
      { account_email: email.toUpperCase() },
      { app_name: one.app },
      { env_name: 'env' },
      { account_email: '', app_name: '', env_name: '' },
      `account_email=${email.replace('+', '%2B')}&app_name&env_name`,
      { other: 'x' },
    ]) {
      expectText(await me.client.call('GET', path(query)), text);
    }
    for (const query of [
      { account_email: 'nobody@example.com' },
      { account_email: `${email} ` },
      { app_name: one.app, env_name: 'ENV' },
      { app_name: '%', env_name: 'env' },
      { env_name: 'env\0' },
      { env_name: '\u{1f4a9}' },
      'env_name=%FF',
      `account_email=${email}`,
    ]) {
      expectText(await me.client.call('GET', path(query)), '{"values":[]}');
    }
  });

  test('is worked for no longer than its client is there', { timeout: 60_000 }, async () => {
    const { me, one } = await estate();
    await app.services.db.script(`insert into environments (id, application_id, account_id, name, head_hash, created_at, updated_at)
      select overlay(gen_random_uuid()::text placing 'ffff' || lpad(to_hex(n), 4, '0') from 1 for 8)::uuid,
        '${one.appId}', '${me.id}', 'n' || n, '', now(), now() from generate_series(1, 2000) n`);
    const gone = new AbortController();
    const left = new Promise((resolve) => {
      app.server.once('request', (_, answer) => answer.once('close', resolve));
    });
    const requestId = randomUUID();
    const headers = { authorization: `Bearer ${me.token}`, 'x-request-id': requestId };
    const { pages } = await pagesReadBy(
      async () => {
        await fetch(`${addressOf(app.server)}${path()}`, { headers, signal: gone.signal }).catch(() => undefined);
        // The last that is told of a request.
        await until('it is over', async () =>
          app.logs.some((line) => line.includes(requestId) && line.includes('"status"')),
        );
      },
      async (nth) => {
        if (nth !== 2) return;
        gone.abort();
        await left;
      },
    );
    expect(pages).toBe(2);
  });

  test('takes each parameter once', async () => {
    for (const name of ['account_email', 'app_name', 'env_name']) {
      const answer = await owner.call('GET', path(`${name}=a&${name}=a`));
      expectRefusal(answer, 400, 'INVALID_REQUEST', `${name}: expected once`);
    }
  });

  test('has all of many in one answer, oldest first, up to 10,000; more have to be narrowed', {
    timeout: 120_000,
  }, async () => {
    const { me, one } = await estate();
    // Thousands of environments, which nobody would make one by one.
    const more = (from: number, to: number) =>
      app.services.db.script(`insert into environments (id, application_id, account_id, name, head_hash, created_at, updated_at)
        select overlay(gen_random_uuid()::text placing 'ffff' || lpad(to_hex(n), 4, '0') from 1 for 8)::uuid,
          '${one.appId}', '${me.id}', 'n' || n, '', now(), now() from generate_series(${from}, ${to}) n`);
    await more(1, 1_000);
    const names = ['env', ...Array.from({ length: 1_000 }, (_, n) => `n${n + 1}`)];
    const { body } = await me.client.call('GET', path());
    expect(body.values.map(({ environment }: any) => environment.name)).toEqual(names);
    await more(1_001, 9_999);
    expect((await me.client.call('GET', path())).body.values).toHaveLength(10_000);
    await more(10_000, 10_000);
    const { answer, pages } = await pagesReadBy(() => me.client.call('GET', path()));
    expectRefusal(answer, 400, 'INVALID_REQUEST', /^More than 10000 .* account_email, app_name or env_name$/);
    expect(pages).toBe(50);
    expect((await me.client.call('GET', path({ env_name: 'n10000' }))).body.values).toHaveLength(1);
  });
});
