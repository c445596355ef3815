// What a service remembers of GraphQL documents stays small, whoever sends them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../support/server.js';
import { call } from './client.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ env: { NODE_OPTIONS: '--max-old-space-size=160' } });
});
afterAll(() => server?.stop());

/** As many names as a document may have, each document with others. */
function document(n: number): string {
  const names = Array.from({ length: 1_900 }, (_, index) => `f${(n * 2_000 + index).toString(36)}`);
  return `{${names.join(' ')}}`.slice(0, 8_000).replace(/\w+}?$/, '}');
}

test('hundreds of large documents of nobody in particular do not fill the memory', { timeout: 60_000 }, async () => {
  for (let n = 0; n < 400; n += 20) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => call(server, 'POST', '/graphql', { query: document(n + index) })),
    );
    for (const { body } of answers) expect(body.errors[0].extensions.code).toBe('INVALID_REQUEST');
  }
  expect((await call(server, 'GET', '/readyz')).status).toBe(200);
});
