// The contract's order of checks: a request that breaks two rules hears of the earlier one.
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { ask } from '../../support/graphql/client.js';
import { clientOf, expectRefusal, place } from '../../support/rest/app.js';
import { createLimitedEnvironment } from '../../support/rest/plan.js';
import { restSuite } from '../../support/suites.js';

const MAX_BODY_BYTES = 8_192;

const { app, owner, environmentId } = await restSuite({ maxBodyBytes: MAX_BODY_BYTES });
const viewer = app.as('viewer');
const stranger = app.as('stranger');

const wrongValue = () => ({ path: [place()], secretType: { type: 'U8' }, secretValue: canary() });
const wrongSet = (currentRevision: number) => ({ currentRevision, secretValue: { op: 'set', value: canary() } });
const oversized = () => `{"secretValue":"${canary().padEnd(MAX_BODY_BYTES, 'x')}`;

describe('route and method, before the rate limit', () => {
  let exhausted: Server;
  beforeAll(async () => {
    exhausted = await app.variant({ rateLimit: 1 });
    for (let attempt = 0; attempt < 2; attempt += 1) await clientOf(exhausted, undefined).get(randomUUID());
  });

  test('an unknown route is 404 even to those who have asked too often', async () => {
    expectRefusal(await clientOf(exhausted, undefined).call('GET', '/v1/unknown'), 404, 'NOT_FOUND');
  });

  test('a wrong method is 405 even to those who have asked too often', async () => {
    const answer = await clientOf(exhausted, undefined).call('PUT', `/v1/agent-secrets/${randomUUID()}`);
    expectRefusal(answer, 405, 'METHOD_NOT_ALLOWED');
  });

  test('the rate limit comes before the credential', async () => {
    expectRefusal(await clientOf(exhausted, undefined).get(randomUUID()), 429, 'RATE_LIMITED');
    expectRefusal(await clientOf(exhausted, 'an-unknown-token-of-valid-form').get('x'), 429, 'RATE_LIMITED');
  });
});

describe('route and method, before the credential', () => {
  test('an unknown route is 404 to anybody', async () => {
    expectRefusal(await app.anonymous.call('GET', '/v1/unknown'), 404, 'NOT_FOUND');
  });

  test('a wrong method is 405 to anybody', async () => {
    expectRefusal(await app.anonymous.call('PUT', '/v1/agent-secrets/x'), 405, 'METHOD_NOT_ALLOWED');
  });
});

describe('the credential, before anything the request says', () => {
  const unauthorized = [401, 'AUTH_UNAUTHORIZED', 'Could not authenticate user using token'] as const;

  test('a bad path id', async () => {
    for (const answer of [
      await app.anonymous.list('x'),
      await app.anonymous.create('x', wrongValue()),
      await app.anonymous.get('x'),
      await app.anonymous.update('x', wrongSet(0)),
      await app.anonymous.remove('x', 0),
    ]) {
      expectRefusal(answer, ...unauthorized);
    }
  });

  test('a bad query', async () => {
    expectRefusal(await app.anonymous.remove(randomUUID(), 'x'), ...unauthorized);
    expectRefusal(await app.anonymous.call('DELETE', `/v1/agent-secret/${randomUUID()}`), ...unauthorized);
  });

  test.each([
    ['a wrong content type', { body: 'c4n4ry', contentType: 'text/plain' }],
    ['no content type', { body: 'c4n4ry', contentType: null }],
    ['no body', {}],
    ['an oversized body', { body: oversized() }],
    ['malformed JSON', { body: '{"c4n4ry' }],
    ['a body of the wrong shape', { body: '["c4n4ry"]' }],
    ['missing fields', { body: {} }],
  ])('%s', async (_, sent) => {
    const { id } = await owner.made(environmentId);
    for (const token of [undefined, 'an-unknown-token-of-valid-form']) {
      const client = clientOf(app.server, token);
      expectRefusal(await client.call('POST', `/v1/envs/${environmentId}/agent-secrets`, sent), ...unauthorized);
      expectRefusal(await client.call('PATCH', `/v1/agent-secrets/${id}`, sent), ...unauthorized);
    }
  });
});

describe('within the request: path id, content type, size, shape', () => {
  const onBoth = async (id: string, sent: { body: string; contentType?: string }) => [
    await owner.call('POST', `/v1/envs/${id}/agent-secrets`, sent),
    await owner.call('PATCH', `/v1/agent-secrets/${id}`, sent),
  ];

  test('a bad path id before a wrong content type', async () => {
    for (const answer of await onBoth('x', { body: canary(), contentType: 'text/plain' })) {
      expectRefusal(answer, 400, 'INVALID_REQUEST', /_id: /);
    }
  });

  test('a bad path id before a bad query', async () => {
    expectRefusal(await owner.remove('x', 'y'), 400, 'INVALID_REQUEST', /^agent_secret_id: /);
  });

  test('a wrong content type before an oversized body', async () => {
    for (const answer of await onBoth(randomUUID(), { body: oversized(), contentType: 'text/plain' })) {
      expectRefusal(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
    }
  });

  test('an oversized body before a malformed one', async () => {
    for (const answer of await onBoth(randomUUID(), { body: oversized() })) {
      expectRefusal(answer, 413, 'PAYLOAD_TOO_LARGE');
    }
  });
});

describe('the request’s shape, before what it is about can be seen', () => {
  test.each([
    [415, 'UNSUPPORTED_MEDIA_TYPE', { body: 'c4n4ry', contentType: 'text/plain' }],
    [413, 'PAYLOAD_TOO_LARGE', { body: oversized() }],
    [400, 'INVALID_REQUEST', { body: '{"c4n4ry' }],
    [400, 'INVALID_REQUEST', { body: {} }],
    [400, 'INVALID_REQUEST', { body: { path: [], secretType: { type: 'Str' }, currentRevision: 'c4n4ry' } }],
    [400, 'INVALID_REQUEST', { body: { path: ['🔑'], secretType: { type: 'Str' }, currentRevision: -1 } }],
    [
      400,
      'INVALID_REQUEST',
      { body: { path: ['a'], secretType: { type: 'c4n4ry' }, currentRevision: 0, secretValue: 1 } },
    ],
  ] as const)('%d %s to a stranger and for an unknown id', async (status, code, sent) => {
    const { id } = await owner.made(environmentId);
    for (const client of [stranger, owner]) {
      const [environment, secret] = client === owner ? [randomUUID(), randomUUID()] : [environmentId, id];
      // The last body is a bad type document to a create, a bad change of value to an update.
      expectRefusal(await client.call('POST', `/v1/envs/${environment}/agent-secrets`, sent), status, code);
      expectRefusal(await client.call('PATCH', `/v1/agent-secrets/${secret}`, sent), status, code);
    }
  });

  test('a bad revision of a secret nobody sees is 400', async () => {
    expectRefusal(await stranger.remove(randomUUID(), 'x'), 400, 'INVALID_REQUEST');
  });
});

describe('visible, before allowed', () => {
  test('what a viewer cannot see is 404, though the viewer might not do it either', async () => {
    const { id } = await owner.made(environmentId);
    expectRefusal(await viewer.update(id, wrongSet(0)), 404, 'AGENT_SECRET_NOT_FOUND');
    expectRefusal(await viewer.remove(id, 0), 404, 'AGENT_SECRET_NOT_FOUND');
    expectRefusal(await viewer.list(randomUUID()), 404, 'ENVIRONMENT_NOT_FOUND');
  });
});

describe('visible and allowed, before revision, value and path', () => {
  test('a stale revision or a wrong value of an invisible secret is 404', async () => {
    const { id } = await owner.made(environmentId, { secretType: { type: 'U8' }, secretValue: 1 });
    for (const client of [stranger, viewer]) {
      expectRefusal(await client.update(id, wrongSet(7)), 404, 'AGENT_SECRET_NOT_FOUND');
      expectRefusal(await client.update(id, wrongSet(0)), 404, 'AGENT_SECRET_NOT_FOUND');
      expectRefusal(await client.remove(id, 7), 404, 'AGENT_SECRET_NOT_FOUND');
    }
  });

  test('a wrong value or a taken path in an environment one may not write is 404 or 403', async () => {
    const { path } = await owner.made(environmentId);
    for (const body of [wrongValue(), { path, secretType: { type: 'Str' }, secretValue: canary() }]) {
      expectRefusal(await stranger.create(environmentId, body), 404, 'ENVIRONMENT_NOT_FOUND');
      expectRefusal(await viewer.create(environmentId, body), 403, 'AUTH_FORBIDDEN');
    }
  });
});

describe('revision, value, path, plan', () => {
  test('on update a stale revision before a wrong value', async () => {
    const { id } = await owner.made(environmentId, { secretType: { type: 'U8' }, secretValue: 1 });
    expectRefusal(await owner.update(id, wrongSet(1)), 409, 'CONCURRENT_UPDATE');
    expectRefusal(await owner.update(id, wrongSet(0)), 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
  });

  test('on create a wrong value before a taken path', async () => {
    const { path } = await owner.made(environmentId);
    expectRefusal(
      await owner.create(environmentId, { ...wrongValue(), path }),
      400,
      'AGENT_SECRET_VALUE_TYPE_MISMATCH',
    );
  });

  test('on create a wrong value before a full environment', async () => {
    const full = await createLimitedEnvironment(app, { secrets: 0 });
    const answer = await full.owner.create(full.environmentId, wrongValue());
    expectRefusal(answer, 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
  });

  test('on create a taken path before a full environment and before a value too large', async () => {
    const full = await createLimitedEnvironment(app, { secrets: 1, valueBytes: 32 });
    const { path } = await full.owner.made(full.environmentId);
    const taken = { path, secretType: { type: 'Str' } };
    const large = canary().padEnd(100, 'x');
    expectRefusal(await full.owner.create(full.environmentId, taken), 409, 'AGENT_SECRET_ALREADY_EXISTS');
    const answer = await full.owner.create(full.environmentId, { ...taken, secretValue: large });
    expectRefusal(answer, 409, 'AGENT_SECRET_ALREADY_EXISTS');
  });

  test('on update a stale revision and a wrong value before a value too large', async () => {
    const limited = await createLimitedEnvironment(app, { valueBytes: 32 });
    const list = { secretType: { type: 'List', inner: { type: 'U8' } }, secretValue: [] };
    const { id } = await limited.owner.made(limited.environmentId, list);
    const large = (items: unknown[]) => ({ op: 'set', value: [...Array(100).fill(1), ...items] });
    const update = (currentRevision: number, items: unknown[]) =>
      limited.owner.update(id, { currentRevision, secretValue: large(items) });
    expectRefusal(await update(1, []), 409, 'CONCURRENT_UPDATE');
    expectRefusal(await update(0, [canary()]), 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
    expectRefusal(await update(0, []), 422, 'LIMIT_EXCEEDED');
  });

  test('a refusal leaves no gap in the environment’s revision', async () => {
    const revision = async () => {
      const query = `{ environment(id: "${environmentId}") { revision } }`;
      return (await ask(app, app.world.people.owner.token, query)).environment.revision;
    };
    const { id, path } = await owner.made(environmentId, { secretType: { type: 'U8' }, secretValue: 1 });
    const before = await revision();
    await owner.update(id, wrongSet(1));
    await owner.update(id, wrongSet(0));
    await owner.create(environmentId, { path, secretType: { type: 'Str' } });
    await owner.create(environmentId, wrongValue());
    await owner.remove(id, 1);
    expect(await revision()).toBe(before);
    await owner.remove(id, 0);
    expect(await revision()).toBe(before + 1);
  });
});
