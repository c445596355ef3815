// Secrets through the REST door with the master key in a Transit engine: sealed and opened, and what an outage costs.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTransitKeyProvider } from '../../../src/crypto/transit-key-provider.js';
import type { Services } from '../../../src/domain/request/services.js';
import { createApp } from '../../../src/server/app.js';
import { servicesOn } from '../../../src/start/services.js';
import type { TestApp } from '../../support/app.js';
import { startTransitServer, type TransitServer } from '../../support/external/transit-server.js';
import { type Client, clientOf, expectRefusal } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app } = await restSuite();
let transit: TransitServer;
let owner: Client;
let environmentId: string;

/** A process of its own, as far as keys are concerned: nothing is cached yet. */
async function instance(): Promise<Services> {
  const token = async () => transit.token;
  const options = { url: transit.url, mount: 'transit', key: 'agent-secrets', token, pauseMs: 1 };
  return servicesOn(app.services.db, await openTransitKeyProvider(options), app.services.log);
}

async function clientOn(services: Services): Promise<Client> {
  return clientOf(await app.variant({}, services), app.world.people.owner.token);
}

beforeAll(async () => {
  transit = await startTransitServer();
  await transit.admin('keys/agent-secrets');
  const services = await instance();
  const door = createApp({ services, config: app.config });
  const { applicationId, people } = app.world;
  const fetch = async (request: Request) => door.fetch(request);
  environmentId = await createEnvironment({ fetch } as TestApp, people.owner.token, applicationId);
  owner = await clientOn(services);
});
afterAll(() => transit?.close());

test('a secret is created, read, updated and listed; another instance reads the same', async () => {
  const { id } = await owner.made(environmentId, { secretValue: 'first' });
  expect((await owner.get(id)).body.secretValue).toBe('first');
  const update = { currentRevision: 0, secretValue: { op: 'set', value: 'second' } };
  expect((await owner.update(id, update)).body.secretValue).toBe('second');
  const other = await clientOn(await instance());
  expect((await other.get(id)).body.secretValue).toBe('second');
  expect((await other.list(environmentId)).body.values).toEqual([
    expect.objectContaining({ id, secretValue: 'second' }),
  ]);
  expect((await owner.remove(id, 1)).status).toBe(200);
});

test('an environment made under a local key is nothing Transit knows: its values are unreadable, and the log names the key', async () => {
  const { id } = await app.as('owner').made(app.world.environmentId);
  const requestId = randomUUID();
  const answer = await owner.call('GET', `/v1/agent-secrets/${id}`, { headers: { 'x-request-id': requestId } });
  expectRefusal(answer, 500, 'AGENT_SECRET_VALUE_UNREADABLE', `The value of agent secret ${id} cannot be opened`);
  expect(app.logs.filter((line) => line.includes(requestId)).join()).toMatch(
    /master key \\"k-[0-9a-f]{8}\\": it is not in Transit/,
  );
});

test('while Transit is sealed, warm instances go on, cold ones answer UNAVAILABLE and come back by themselves', async () => {
  const { id } = await owner.made(environmentId, { secretValue: 'kept' });
  const cold = await clientOn(await instance());
  transit.seal(true);
  expect((await owner.get(id)).body.secretValue).toBe('kept');
  const refused = await cold.get(id);
  expectRefusal(refused, 503, 'UNAVAILABLE', 'The key service is not reachable, try again later');
  expect(refused.headers['retry-after']).toMatch(/^[1-9]\d*$/);
  transit.seal(false);
  expect((await cold.get(id)).body.secretValue).toBe('kept');
});

test('a token that is refused is UNAVAILABLE to callers, and for the operator a line that says what it lacks', async () => {
  const { id } = await owner.made(environmentId);
  const cold = await clientOn(await instance());
  transit.revoke(transit.token);
  const requestId = randomUUID();
  const answer = await cold.call('GET', `/v1/agent-secrets/${id}`, { headers: { 'x-request-id': requestId } });
  const created = await cold.create(environmentId, { path: ['later'], secretType: { type: 'Str' }, secretValue: 'x' });
  const query = `{ agentSecret(id: "${id}") { revision secretValueText } }`;
  const asked = await cold.call('POST', '/graphql', { body: { query } });
  transit.allow(transit.token);
  for (const refused of [answer, created]) {
    expectRefusal(refused, 503, 'UNAVAILABLE', 'The key service refuses this service, try again later');
    expect(refused.headers['retry-after']).toBe('5');
  }
  expect([asked.status, asked.headers['retry-after']]).toEqual([503, '5']);
  expect(asked.body.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE', retryAfter: 5 } }]);
  expect((await cold.get(id)).status).toBe(200);
  const logged = app.logs.filter((line) => line.includes(requestId)).join();
  expect(logged).toContain('permission denied; give a token that may update transit/encrypt/agent-secrets');
  expect(app.logs.join()).not.toContain(transit.token);
});

test('a key that the service does not know any more is UNAVAILABLE, until it is back', async () => {
  const { id } = await owner.made(environmentId);
  const cold = await clientOn(await instance());
  const restore = transit.forget('agent-secrets');
  expectRefusal(await cold.get(id), 503, 'UNAVAILABLE', 'The key service does not know its key, try again later');
  restore();
  expect((await cold.get(id)).status).toBe(200);
});

test('a key service that is frozen is UNAVAILABLE within seconds', async () => {
  const { id } = await owner.made(environmentId);
  const cold = await clientOn(await instance());
  transit.disturb('hang', 100);
  const began = performance.now();
  expectRefusal(await cold.get(id), 503, 'UNAVAILABLE', 'The key service is not reachable, try again later');
  expect(performance.now() - began).toBeLessThan(5_000);
  transit.disturb('hang', 0);
  expect((await cold.get(id)).status).toBe(200);
});
