// Which origins a browser may call from: the configured ones, on answers and refusals alike.
import type { Server } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { clientOf } from '../support/rest/app.js';
import { restSuite } from '../support/suites.js';

const FRONTEND = 'https://app.example.com';
const STRANGER = 'https://evil.example.com';

const { app, owner, environmentId } = await restSuite();
const id: string = (await owner.made(environmentId)).id;
const path = `/v1/agent-secrets/${id}`;

describe('a configured origin', () => {
  let server: Server;
  beforeAll(async () => {
    server = await app.variant({ corsOrigins: ['https://other.example.com', FRONTEND] });
  });
  const from = (origin: string, token?: string) => {
    const client = clientOf(server, token);
    return (method: string, at: string, headers: Record<string, string> = {}) =>
      client.call(method, at, { headers: { origin, ...headers } });
  };

  test('may read every answer, refusals of all kinds included', async () => {
    const [owner, nobody] = [from(FRONTEND, app.world.people.owner.token), from(FRONTEND)];
    for (const [answer, status] of [
      [await owner('GET', path), 200],
      [await owner('GET', '/v1/agent-secrets/x'), 400],
      [await nobody('GET', path), 401],
      [await owner('GET', '/v1/unknown'), 404],
      [await owner('PUT', path), 405],
    ] as const) {
      expect(answer.status).toBe(status);
      expect(answer.headers['access-control-allow-origin'], answer.text).toBe(FRONTEND);
      expect(answer.headers['access-control-allow-credentials']).toBe('true');
      expect(answer.headers.vary).toMatch(/\borigin\b/i);
    }
  });

  test.each(['PATCH', 'DELETE', 'POST'])('may ask before it sends %s, without a credential', async (method) => {
    const headers = {
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization, content-type',
    };
    const answer = await from(FRONTEND)('OPTIONS', path, headers);
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe(FRONTEND);
    expect(answer.headers['access-control-allow-methods']).toContain(method);
    expect(answer.headers['access-control-allow-headers']?.toLowerCase()).toMatch(/authorization.*content-type/);
  });

  test('may send whatever headers its clients and its tracing add', async () => {
    const asked = 'apollo-require-preflight,authorization,baggage,prefer,sentry-trace,traceparent,x-of-my-own';
    const headers = { 'access-control-request-method': 'POST', 'access-control-request-headers': asked };
    for (const at of [path, '/graphql']) {
      const answer = await from(FRONTEND)('OPTIONS', at, headers);
      expect([answer.status, answer.headers['access-control-allow-headers']]).toEqual([204, asked]);
      expect(answer.headers.vary).toMatch(/access-control-request-headers/i);
      const refused = await from(STRANGER)('OPTIONS', at, headers);
      expect(refused.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  test('is the only kind that may: others get no such header', async () => {
    for (const origin of [STRANGER, 'null', `${FRONTEND}.evil.com`, 'http://app.example.com', `${FRONTEND}:444`]) {
      const answer = await from(origin, app.world.people.owner.token)('GET', path);
      expect(answer.headers['access-control-allow-origin'], origin).toBeUndefined();
      const asked = await from(origin)('OPTIONS', path, { 'access-control-request-method': 'PATCH' });
      expect(asked.headers['access-control-allow-origin'], origin).toBeUndefined();
    }
  });
});

test('with no origin configured nobody is let in, and OPTIONS is no method', async () => {
  const headers = { origin: FRONTEND, 'access-control-request-method': 'PATCH' };
  const answer = await app.as('owner').call('GET', path, { headers });
  expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, undefined]);
  const asked = await app.anonymous.call('OPTIONS', path, { headers });
  expect([asked.status, asked.headers['access-control-allow-origin']]).toEqual([405, undefined]);
});

test('with every origin configured anybody may read, but cookies are not for them', async () => {
  const server = await app.variant({ corsOrigins: ['*'] });
  const answer = await clientOf(server, app.world.people.owner.token).call('GET', path, {
    headers: { origin: STRANGER },
  });
  expect(answer.headers['access-control-allow-origin']).toBe('*');
  expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
});
