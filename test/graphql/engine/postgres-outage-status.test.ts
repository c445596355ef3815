// One outage has one status at /graphql, always with Retry-After, whatever this process knows already.
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Services } from '../../../src/domain/request/services.js';
import { servicesOn } from '../../../src/start/services.js';
import { type Database, openPostgres } from '../../../src/store/engine/client.js';
import { adminUrlOf } from '../../support/postgres/admin.js';
import { type Network, networkTo } from '../../support/postgres/network.js';
import { place } from '../../support/rest/app.js';
import { addressOf } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';

const { app, owner, token, environmentId } = await restSuite();
let admin: postgres.Sql;
let network: Network;
let db: Database;
/** Two doors on a database that can go away: one knows who the caller is, one has to ask the database. */
let doors: Record<'known' | 'unknown', string>;
let id: string;
beforeAll(async () => {
  const url = (await adminUrlOf(app)).href;
  admin = postgres(url, { max: 1, onnotice: () => {} });
  network = await networkTo(url);
  db = openPostgres({ url: network.url, poolSize: 2, statementTimeout: 2_000, connectTimeout: 1, prepare: true });
  const services = servicesOn(db, app.services.keyProvider, app.services.log);
  const known = { ...services, bearers: app.services.bearers };
  const addressOn = async (on: Services) => addressOf(await app.variant({}, on));
  doors = { known: await addressOn(known), unknown: await addressOn(services) };
  id = (await owner.made(environmentId)).id;
});
afterAll(async () => {
  network?.close();
  await db?.close();
  await admin?.end({ timeout: 5 });
});

const TYPES = ['application/json', 'application/graphql-response+json', '*/*'];
const QUERIES = [
  '{ agentSecret(id: "ID") { revision } }',
  '{ agentSecret(id: "ID") { revision secretValueText } }',
  // The first field needs no database.
  '{ __typename agentSecret(id: "ID") { revision } }',
  'mutation { deleteAgentSecret(input: { id: "ID", currentRevision: 0 }) { __typename } }',
];

function expectOutage(answer: Awaited<ReturnType<typeof ask>>, what: string): void {
  expect([answer.status, answer.retryAfter], what).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)]);
  expect(answer.body, what).toEqual({
    errors: [
      expect.objectContaining({
        message: expect.stringMatching(/^The database /),
        extensions: { code: 'UNAVAILABLE', retryAfter: Number(answer.retryAfter) },
      }),
    ],
  });
}

async function ask(door: string, query: string, { accept = '*/*', method = 'POST', variables = {} } = {}) {
  const response = await fetch(`${door}/graphql${method === 'GET' ? `?query=${encodeURIComponent(query)}` : ''}`, {
    method,
    headers: { accept, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(method === 'POST' ? { body: JSON.stringify({ query, variables }) } : {}),
  });
  const { status, headers } = response;
  return {
    status,
    type: headers.get('content-type'),
    retryAfter: headers.get('retry-after'),
    body: await response.json(),
  };
}

test.each(['known', 'unknown'] as const)('while the database is away, to a caller who is %s', async (who) => {
  network.close();
  for (const accept of TYPES) {
    for (const query of QUERIES.map((text) => text.replace('ID', id))) {
      for (const method of query.startsWith('mutation') ? ['POST'] : ['POST', 'GET']) {
        const answer = await ask(doors[who], query, { accept, method });
        expectOutage(answer, `${method} ${query} as ${accept}`);
        expect(answer.type).toBe(`${accept === '*/*' ? TYPES[0] : accept}; charset=utf-8`);
      }
    }
  }
});

test('a mutation that has done something before the outage says what: 200, with Retry-After', async () => {
  await admin.unsafe(`
    create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'made up' using errcode = '53100'; end $$;
    create trigger refuse before insert on agent_secrets for each row execute function refuse();`);
  try {
    const query = `mutation ($update: UpdateAgentSecretInput!, $create: CreateAgentSecretInput!) {
      first: updateAgentSecret(input: $update) { ... on AgentSecretPayload { agentSecret { revision } } }
      second: createAgentSecret(input: $create) { __typename }
    }`;
    const create = { environmentId, path: [place()], secretType: { type: 'Str' }, secretValueText: '"x"' };
    const variables = { update: { id, currentRevision: 0 }, create };
    const answer = await ask(addressOf(app.server), query, { variables });
    expect([answer.status, answer.retryAfter]).toEqual([200, '2']);
    expect(answer.body).toEqual({
      data: { first: { agentSecret: { revision: 1 } }, second: null },
      errors: [expect.objectContaining({ path: ['second'], extensions: { code: 'UNAVAILABLE', retryAfter: 2 } })],
    });
  } finally {
    await admin.unsafe('drop function refuse cascade');
  }
});
