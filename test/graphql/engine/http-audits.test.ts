// The GraphQL-over-HTTP specification, by the audits of its reference implementation, over a real socket.
import { serverAudits } from 'graphql-http';
import { expect, test } from 'vitest';
import { addressOf } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';

const { app } = await restSuite();
const url = `${addressOf(app.server)}/graphql`;

const audits = serverAudits({ url: () => url, fetchFn: fetch });

test('all audits are there', () => {
  expect(audits).toHaveLength(61);
});

test.each(audits.map((audit) => [audit.id, audit.name, audit] as const))('%s: %s', async (_, __, audit) => {
  const result = await audit.fn();
  const reason = 'reason' in result ? result.reason : '';
  expect(`${result.status} ${reason}`.trim()).toBe('ok');
});
