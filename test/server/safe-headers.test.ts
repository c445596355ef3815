// What every answer says to browsers and caches, whatever it is about.
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { restSuite } from '../support/suites.js';

const { app, owner, environmentId } = await restSuite({ graphiql: true });
const secret = `/v1/agent-secrets/${(await owner.made(environmentId)).id}`;

const JSON_BODY = { 'content-type': 'application/json' };
const HTML = { accept: 'text/html' };

test.each<[number, string, string, RequestInit & { headers?: Record<string, string> }]>([
  [200, 'no-store', 'SECRET', {}],
  [400, 'no-store', '/v1/agent-secrets/x', {}],
  [401, 'no-store', 'SECRET', { headers: { authorization: '' } }],
  [404, 'no-store', '/nowhere', {}],
  [405, 'no-store', 'SECRET', { method: 'PUT' }],
  [415, 'no-store', 'SECRET', { method: 'PATCH', body: '{}', headers: { 'content-type': 'text/plain' } }],
  [200, 'no-store', '/graphql', { method: 'POST', body: '{"query":"{ viewer { id } }"}', headers: JSON_BODY }],
  [400, 'no-store', '/graphql', { method: 'POST', body: '[', headers: JSON_BODY }],
  [405, 'no-store', '/graphql', { method: 'DELETE' }],
  [415, 'no-store', '/graphql', { method: 'POST', body: 'query=x' }],
  [200, 'no-store', '/graphql', { headers: HTML }],
  [404, 'no-store', '/graphql/assets/none.js', {}],
  [200, 'no-store', '/healthz', {}],
  [200, 'no-store', '/readyz', {}],
  [200, 'no-cache', '/docs', {}],
  [405, 'no-store', '/docs', { method: 'POST' }],
  [200, 'no-cache', '/openapi.json', {}],
])('%i, %s: %s %o', async (status, caching, path, { headers, ...init }) => {
  const { port } = app.server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}${path.replace('SECRET', secret)}`, {
    ...init,
    headers: { authorization: `Bearer ${app.world.people.owner.token}`, ...headers },
  });
  expect(response.status, await response.text()).toBe(status);
  expect(response.headers.get('cache-control')).toBe(caching);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
});
