// Every row of the contract's error table, over HTTP: status, code, body and message.
import { describe, expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { expectRefusal, place } from '../../support/rest/app.js';
import { createLimitedEnvironment } from '../../support/rest/plan.js';
import { restSuite } from '../../support/suites.js';

const { app, owner, environmentId } = await restSuite();

const NOBODY = '01890000-0000-7000-8000-000000000000';

describe('400', () => {
  test('a request of the wrong shape is INVALID_REQUEST, one entry per problem', async () => {
    const secretType = { type: 'Record', fields: [{ name: 'a' }, { typ: { type: canary() } }] };
    const answer = await owner.create(environmentId, { path: [place()], secretType, secretValue: canary() });
    expectRefusal(answer, 400, 'INVALID_REQUEST');
    expect(answer.body.errors.length).toBe(3);
    expect(answer.body.errors).toContainEqual(expect.stringContaining('fields[0].typ'));
    expect(answer.body.errors).toContainEqual(expect.stringContaining('fields[1].name'));
    expect(answer.body.errors).toContainEqual(expect.stringContaining('fields[1].typ'));
  });

  test('a value that does not fit is AGENT_SECRET_VALUE_TYPE_MISMATCH, one entry per problem, each naming its place', async () => {
    const field = (name: string, type: string) => ({ name, typ: { type } });
    const secretType = {
      type: 'Record',
      fields: [{ name: 'db', typ: { type: 'Record', fields: [field('host', 'Str'), field('port', 'U16')] } }],
    };
    const secretValue = { db: { host: 4242424242424242, port: canary() } };
    const answer = await owner.create(environmentId, { path: [place()], secretType, secretValue });
    expectRefusal(answer, 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
    expect(answer.body.errors).toHaveLength(2);
    expect(answer.body.errors).toEqual(
      expect.arrayContaining([expect.stringMatching(/^\$\.db\.host: /), '$.db.port: expected u16']),
    );
  });

  test('an unknown key of a value is reported at its parent, unnamed', async () => {
    const secretType = { type: 'Record', fields: [] };
    const answer = await owner.create(environmentId, {
      path: [place()],
      secretType,
      secretValue: { [canary()]: true },
    });
    expectRefusal(answer, 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH', /^\$: /);
  });
});

describe('401', () => {
  test.each([
    ['GET', '/v1/envs/ID/agent-secrets'],
    ['POST', '/v1/envs/ID/agent-secrets'],
    ['GET', '/v1/agent-secrets/ID'],
    ['PATCH', '/v1/agent-secrets/ID'],
    ['DELETE', '/v1/agent-secret/ID?current_revision=0'],
  ])('%s %s without a credential is AUTH_UNAUTHORIZED', async (method, path) => {
    const answer = await app.anonymous.call(method, path.replace('ID', NOBODY));
    expectRefusal(answer, 401, 'AUTH_UNAUTHORIZED', 'Could not authenticate user using token');
  });
});

describe('403', () => {
  test('a viewer may not list: the message names the action', async () => {
    const answer = await app.as('viewer').list(environmentId);
    expectRefusal(answer, 403, 'AUTH_FORBIDDEN', 'The environment action ViewAgentSecret is not allowed');
  });

  test('a viewer may not create: the message names the action', async () => {
    const body = { path: [place()], secretType: { type: 'Str' }, secretValue: canary() };
    const answer = await app.as('viewer').create(environmentId, body);
    expectRefusal(answer, 403, 'AUTH_FORBIDDEN', 'The environment action CreateAgentSecret is not allowed');
  });
});

describe('404', () => {
  test('an unknown environment: the message names the id', async () => {
    const body = { path: [place()], secretType: { type: 'Str' }, secretValue: canary() };
    for (const answer of [await owner.list(NOBODY), await owner.create(NOBODY, body)]) {
      expectRefusal(answer, 404, 'ENVIRONMENT_NOT_FOUND', `Environment ${NOBODY} not found`);
    }
  });

  test('an unknown secret: the message names the id', async () => {
    const change = { currentRevision: 0, secretValue: { op: 'set', value: canary() } };
    for (const answer of [await owner.get(NOBODY), await owner.update(NOBODY, change), await owner.remove(NOBODY, 0)]) {
      expectRefusal(answer, 404, 'AGENT_SECRET_NOT_FOUND', `Agent secret ${NOBODY} not found`);
    }
  });

  test('ids are told in lower case', async () => {
    const answer = await owner.get('01890000-ABCD-7000-8000-00000000000A');
    expectRefusal(answer, 404, 'AGENT_SECRET_NOT_FOUND', 'Agent secret 01890000-abcd-7000-8000-00000000000a not found');
  });

  test.each([
    '/v1',
    '/v1/',
    '/v2/agent-secrets/ID',
    '/V1/agent-secrets/ID',
    '/v1/agent-secrets',
    '/v1/agent-secrets/',
    '/v1/agent-secrets/ID/',
    '/v1/agent-secrets/ID/more',
    '/v1/agent-secret',
    '/v1/envs',
    '/v1/envs/ID',
    '/v1/envs//agent-secrets',
    '/v1/envs/ID/agent-secret',
    '/v1/envs/ID/agent-secrets/ID',
    '/v1//agent-secrets/ID',
    '/v1/c4n4ry',
    '/favicon.ico',
  ])('%s is an unknown route, with and without a credential, for every method', async (path) => {
    for (const client of [owner, app.anonymous]) {
      for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
        const answer = await client.call(method, path.replaceAll('ID', NOBODY));
        expectRefusal(answer, 404, 'NOT_FOUND');
      }
    }
  });
});

describe('405', () => {
  test.each([
    { path: '/v1/envs/ID/agent-secrets', allowed: ['GET', 'HEAD', 'POST'] },
    { path: '/v1/agent-secrets/ID', allowed: ['GET', 'HEAD', 'PATCH'] },
    { path: '/v1/agent-secret/ID', allowed: ['DELETE'] },
  ])('$path answers other methods with METHOD_NOT_ALLOWED and Allow: $allowed', async ({ path, allowed }) => {
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'PURGE'];
    for (const method of methods.filter((name) => !allowed.includes(name))) {
      for (const client of [owner, app.anonymous]) {
        const answer = await client.call(method, path.replace('ID', NOBODY));
        expectRefusal(answer, 405, 'METHOD_NOT_ALLOWED');
        expect(answer.headers.allow?.split(/\s*,\s*/).sort(), method).toEqual(allowed);
      }
    }
  });

  test('HEAD is no method of the singular path either', async () => {
    const answer = await owner.call('HEAD', `/v1/agent-secret/${NOBODY}`);
    expect([answer.status, answer.headers.allow]).toEqual([405, 'DELETE']);
  });
});

describe('409', () => {
  test('a revision that is not the current one is CONCURRENT_UPDATE', async () => {
    const { id } = await owner.made(environmentId);
    const change = (currentRevision: number) => ({ currentRevision, secretValue: { op: 'set', value: canary() } });
    for (const answer of [
      await owner.update(id, change(1)),
      await owner.remove(id, 1),
      await owner.remove(id, 2n ** 64n - 1n),
    ]) {
      expectRefusal(answer, 409, 'CONCURRENT_UPDATE', 'Concurrent update attempt');
    }
    expect((await owner.get(id)).body.revision).toBe(0);
  });

  test('a taken path is AGENT_SECRET_ALREADY_EXISTS: the message shows the canonical path', async () => {
    const name = place();
    await owner.made(environmentId, { path: ['some_Thing', name] });
    const answer = await owner.create(environmentId, {
      path: ['Some-thing', name.toUpperCase()],
      secretType: { type: 'Str' },
      secretValue: canary(),
    });
    expectRefusal(
      answer,
      409,
      'AGENT_SECRET_ALREADY_EXISTS',
      `Agent secret for path someThing.${name} already exists in environment`,
    );
  });
});

describe('422', () => {
  test('one secret more than the plan allows is LIMIT_EXCEEDED, until one is deleted', async () => {
    const limited = await createLimitedEnvironment(app, { secrets: 2 });
    const first = await limited.owner.made(limited.environmentId);
    await limited.owner.made(limited.environmentId, { secretValue: null });
    const another = { path: [place()], secretType: { type: 'Str' }, secretValue: canary() };
    expectRefusal(await limited.owner.create(limited.environmentId, another), 422, 'LIMIT_EXCEEDED');
    await limited.owner.remove(first.id, 0);
    await limited.owner.made(limited.environmentId, another);
  });

  test('a value of more bytes than the plan allows is LIMIT_EXCEEDED, created or set, and nothing changes', async () => {
    const { environmentId: id, owner: client } = await createLimitedEnvironment(app, { valueBytes: 64 });
    const large = canary().padEnd(63, 'é');
    const secret = { path: [place()], secretType: { type: 'Str' } };
    expectRefusal(await client.create(id, { ...secret, secretValue: large }), 422, 'LIMIT_EXCEEDED');
    const fits = await client.made(id, { ...secret, secretValue: 'x'.repeat(62) });
    const change = { currentRevision: 0, secretValue: { op: 'set', value: large } };
    expectRefusal(await client.update(fits.id, change), 422, 'LIMIT_EXCEEDED');
    expect((await client.get(fits.id)).body).toEqual(fits);
  });

  test('a value that grows out of all proportion once its missing fields are written out is LIMIT_EXCEEDED', async () => {
    const fields = Array.from({ length: 900 }, (_, index) => ({
      name: `field${index}`,
      typ: { type: 'Option', inner: { type: 'Str' } },
    }));
    const answer = await owner.create(environmentId, {
      path: [place()],
      secretType: { type: 'List', inner: { type: 'Record', fields } },
      secretValue: Array.from({ length: 10_000 }, () => ({})),
    });
    expectRefusal(answer, 422, 'LIMIT_EXCEEDED');
  });
});
