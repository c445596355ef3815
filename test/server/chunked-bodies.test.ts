// A body in chunks may become as long as any may be; once it is there, its memory counts as what it is.
import { type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../../src/server/app.js';
import { createHttpServer } from '../../src/server/http-server.js';
import { closed, listening } from '../support/rest/app.js';
import { graphqlSuite } from '../support/suites.js';

const { app, token, environmentId } = await graphqlSuite();
let server: Server;
beforeAll(async () => {
  const { services, config } = app;
  server = await listening(createHttpServer(createApp({ services, config }).fetch, { log: services.log }));
});
afterAll(() => closed(server));

/** A stream whose request came in chunks. It is open as long as its answer is. */
function streamBy(comment: string): Promise<IncomingMessage> {
  const query = `subscription { agentSecretChanges(environmentId: "${environmentId}") { environmentRevision } } # ${comment}`;
  const { port } = server.address() as AddressInfo;
  const headers = {
    accept: 'text/event-stream',
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'transfer-encoding': 'chunked',
  };
  return new Promise((resolve, reject) => {
    const sent = request({ port, path: '/graphql', method: 'POST', headers }, resolve).on('error', reject);
    sent.end(JSON.stringify({ query }));
  });
}

test.each([
  ['short', 1, 0],
  ['long', 100_000, 3 * 100_000],
])('of a %s one', async (_, length, atLeast) => {
  const answer = await streamBy('x'.repeat(length));
  expect(answer.statusCode).toBe(200);
  const held = app.services.memory.used;
  expect(held).toBeGreaterThanOrEqual(atLeast);
  expect(held).toBeLessThan(atLeast + 10_000);
  answer.destroy();
  await expect.poll(() => app.services.memory.used).toBe(0);
});
