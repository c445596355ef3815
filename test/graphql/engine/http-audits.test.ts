// The GraphQL-over-HTTP specification, by the audits of its reference implementation, over a real socket.
import type { AddressInfo } from 'node:net';
import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
let url: string;
beforeAll(async () => {
  app = await createTestApp();
  await new Promise<void>((listening) => app.server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/graphql`;
});
afterAll(async () => {
  app.server.closeAllConnections();
  await new Promise((closed) => app.server.close(closed));
  await app.close();
});

const audits = serverAudits({ url: () => url, fetchFn: fetch });

test('all audits are there', () => {
  expect(audits).toHaveLength(61);
});

test.each(audits.map((audit) => [audit.id, audit.name, audit] as const))('%s: %s', async (_, __, audit) => {
  const result = await audit.fn();
  const reason = 'reason' in result ? result.reason : '';
  expect(`${result.status} ${reason}`.trim()).toBe('ok');
});
