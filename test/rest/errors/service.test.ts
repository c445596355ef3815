// Refusals that are nobody's mistake: too many requests, an unreachable database, a bug; and what they never tell.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { servicesOn } from '../../../src/start/services.js';
import { openPostgres } from '../../../src/store/engine/client.js';
import { canary } from '../../support/canary.js';
import { type Client, clientOf, createRestApp, expectRefusal, place } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';

const { app, owner, environmentId } = await restSuite();

/** One request of each operation, all of them valid. */
function everyOperation(client: Client, id: string, environment = environmentId) {
  return Promise.all([
    client.list(environment),
    client.create(environment, { path: [place()], secretType: { type: 'Str' }, secretValue: canary() }),
    client.get(id),
    client.update(id, { currentRevision: 0, secretValue: { op: 'set', value: canary() } }),
    client.remove(id, 0),
  ]);
}

describe('429', () => {
  test('more requests a minute than configured are RATE_LIMITED, with Retry-After in seconds', async () => {
    const client = clientOf(await app.variant({ rateLimit: 5 }), app.world.people.owner.token);
    const { id } = await owner.made(environmentId);
    for (const answer of await Promise.all(Array.from({ length: 5 }, () => client.get(id)))) {
      expect(answer.status).toBe(200);
    }
    for (const answer of await everyOperation(client, id)) {
      expectRefusal(answer, 429, 'RATE_LIMITED');
      expect(answer.headers['retry-after']).toMatch(/^([1-9]|[1-5]\d|60)$/);
    }
    expect((await owner.get(id)).body.revision).toBe(0);
  });

  const asFrom = (client: Client, forwarded: string) =>
    client.call('GET', '/v1/agent-secrets/x', { headers: { 'x-forwarded-for': forwarded } });

  test('a client cannot make itself another by x-forwarded-for', async () => {
    const client = clientOf(await app.variant({ rateLimit: 1 }), undefined);
    expectRefusal(await asFrom(client, '192.0.2.1'), 401, 'AUTH_UNAUTHORIZED');
    expectRefusal(await asFrom(client, '192.0.2.2'), 429, 'RATE_LIMITED');
  });

  test('behind a trusted proxy, clients are told apart by the address the proxy has added', async () => {
    const client = clientOf(await app.variant({ rateLimit: 1, trustProxy: true }), undefined);
    expectRefusal(await asFrom(client, '203.0.113.9, 192.0.2.1'), 401, 'AUTH_UNAUTHORIZED');
    expectRefusal(await asFrom(client, '203.0.113.9, 192.0.2.2'), 401, 'AUTH_UNAUTHORIZED');
    expectRefusal(await asFrom(client, '203.0.113.7, 192.0.2.1'), 429, 'RATE_LIMITED');
  });
});

describe('503', () => {
  test('while the database cannot be reached every operation is UNAVAILABLE, with Retry-After', async () => {
    const nowhere = openPostgres({
      url: 'postgres://nobody@127.0.0.1:1/nothing',
      poolSize: 1,
      statementTimeout: 1_000,
      connectTimeout: 1,
      prepare: true,
    });
    const services = servicesOn(nowhere, app.services.keyProvider, app.services.log);
    const server = await app.variant({}, services);
    const answers = await everyOperation(clientOf(server, app.world.people.owner.token), randomUUID());
    for (const answer of [...answers, await clientOf(server, undefined).call('GET', '/readyz')]) {
      expectRefusal(answer, 503, 'UNAVAILABLE');
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      expect(answer.text).not.toMatch(/127\.0\.0\.1|nobody|postgres/);
    }
    expectRefusal(await clientOf(server, undefined).get(randomUUID()), 401, 'AUTH_UNAUTHORIZED');
    await nowhere.close();
  });

  test('a database that is lost while the service runs is UNAVAILABLE, also to callers whose token is trusted', async () => {
    // Records of opened values cannot be written any more, either.
    const lost = await createRestApp({ readAudit: 'off' });
    try {
      const client = lost.as('owner');
      const { id } = await client.made(lost.world.environmentId);
      await client.get(id);
      // What waits to be recorded is not what is lost here.
      await lost.services.reads.flush();
      await lost.services.db.close();
      for (const answer of await everyOperation(client, id, lost.world.environmentId)) {
        expectRefusal(answer, 503, 'UNAVAILABLE');
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      }
    } finally {
      // The embedded database cannot be closed twice; everything else of the app is closed all the same.
      await lost.close().catch((error: unknown) => expect(String(error)).toContain('PGlite is closed'));
    }
  });
});

describe('500', () => {
  async function tampered(): Promise<string> {
    const { id } = await owner.made(environmentId, { secretValue: canary() });
    await app.services.db.script(
      `update agent_secrets set sealed_value = set_byte(sealed_value, 20, get_byte(sealed_value, 20) # 1) where id = '${id}'`,
    );
    return id;
  }

  test('stored bytes that are not what was sealed are a fault of their own, and the caller learns no more', async () => {
    const id = await tampered();
    for (const answer of [await owner.get(id), await owner.list(environmentId)]) {
      expectRefusal(answer, 500, 'AGENT_SECRET_VALUE_UNREADABLE', `The value of agent secret ${id} cannot be opened`);
    }
    expect((await owner.remove(id, 0)).status).toBe(200);
  });

  test('a value moved to another secret by SQL does not open there', async () => {
    const [from, to] = [await owner.made(environmentId), await owner.made(environmentId)];
    await app.services.db.script(
      `update agent_secrets set sealed_value = (select sealed_value from agent_secrets where id = '${from.id}') where id = '${to.id}'`,
    );
    expectRefusal(await owner.get(to.id), 500, 'AGENT_SECRET_VALUE_UNREADABLE');
    expect((await owner.remove(to.id, 0)).status).toBe(200);
  });

  const loggedFor = (requestId: string) =>
    app.logs
      .map((line) => JSON.parse(line))
      .filter((line) => line.requestId === requestId && /warn|error|fatal/.test(line.level));

  test('a bug is logged once, with the request’s id and without the caller’s token', async () => {
    const id = await tampered();
    const requestId = randomUUID();
    await owner.call('GET', `/v1/agent-secrets/${id}`, { headers: { 'x-request-id': requestId } });
    expect(loggedFor(requestId)).toEqual([
      expect.objectContaining({ level: 'error', requestId, err: expect.anything() }),
    ]);
    expect(app.logs.join('')).not.toContain(app.world.people.owner.token);
    expect((await owner.remove(id, 0)).status).toBe(200);
  });

  test('a database error is logged by its code, not in its own words, which may quote a value', async () => {
    const { id } = await owner.made(environmentId);
    const requestId = randomUUID();
    await app.services.db.script('alter table agent_secrets rename to moved');
    const answer = await owner.call('GET', `/v1/agent-secrets/${id}`, { headers: { 'x-request-id': requestId } });
    await app.services.db.script('alter table moved rename to agent_secrets');
    expectRefusal(answer, 500, 'INTERNAL_UNKNOWN', 'Internal error');
    const lines = loggedFor(requestId);
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('does not exist');
    expect(JSON.stringify(lines)).toContain('"42P01"');
  });
});
