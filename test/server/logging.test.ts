// What an operator can see afterwards: requests at debug, outages as warnings that do not flood, and never a value.
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../src/logging/logger.js';
import { createOutageLog } from '../../src/logging/outage-log.js';
import { createSecurityLog } from '../../src/logging/security-log.js';
import { createHttpServer } from '../../src/server/http-server.js';
import { servicesOn } from '../../src/start/services.js';
import { openPostgres } from '../../src/store/engine/client.js';
import { canary } from '../support/canary.js';
import { clientOf, closed, createRestApp, listening } from '../support/rest/app.js';
import { restSuite } from '../support/suites.js';

const { app } = await restSuite();

const parsed = (lines: string[]) => lines.map((line) => JSON.parse(line));
const linesSince = (count: number) => parsed(app.logs.slice(count));

describe('at debug, each request is one line', () => {
  const path = '/v1/agent-secrets/:agent_secret_id';
  const id = '019a1f6e-52aa-7c3f-9d04-1e8b6f2a4c02';

  test.each([
    ['GET', `/v1/agent-secrets/${id}?c4n4ry=${canary()}`, path, 404],
    ['PATCH', `/v1/agent-secrets/${id}`, path, 415],
    ['PUT', `/v1/agent-secrets/${id}`, path, 405],
    ['GET', '/healthz', '/healthz', 200],
    ['POST', '/graphql', '/graphql', 415],
    ['GET', '/c4n4ry', '/*', 404],
  ])('%s %s is told by its route', async (method, at, route, status) => {
    const before = app.logs.length;
    const answer = await app.as('owner').call(method, at, { headers: { 'x-c4n4ry': canary() } });
    const lines = linesSince(before);
    expect(lines).toEqual([
      {
        level: 'debug',
        time: expect.any(String),
        requestId: answer.headers['x-request-id'],
        method,
        route,
        status,
        ms: expect.any(Number),
        msg: 'request',
      },
    ]);
  });
});

describe('why the service was UNAVAILABLE', () => {
  test('is logged as a warning with the code of the driver and a request, once, however many meet it', async () => {
    const replaced: unknown[] = [];
    const nowhere = openPostgres({
      url: 'postgres://nobody@127.0.0.1:1/nothing',
      poolSize: 1,
      statementTimeout: 1_000,
      connectTimeout: 1,
      prepare: true,
      onReplaced: (error) => void replaced.push(error),
    });
    const server = await app.variant({}, servicesOn(nowhere, app.services.keyProvider, app.services.log));
    const client = clientOf(server, app.world.people.owner.token);
    const before = app.logs.length;
    const answers = [];
    for (let turn = 0; turn < 3; turn += 1) answers.push(await client.get(randomUUID()));
    for (const body of ['{ viewer { id } }', '{ viewer { name } }'].map((query) => ({ query }))) {
      answers.push(await client.call('POST', '/graphql', { body }));
    }
    await nowhere.close();
    const warnings = linesSince(before).filter(({ level }) => /warn|error|fatal/.test(level));
    expect(warnings).toEqual([
      {
        level: 'warn',
        time: expect.any(String),
        reason: 'The database is not reachable, try again later',
        code: 'ECONNREFUSED',
        requestId: answers[0]?.headers['x-request-id'],
        msg: 'answered UNAVAILABLE',
      },
    ]);
    expect(replaced).toContainEqual(expect.objectContaining({ code: 'ECONNREFUSED' }));
  });

  test('inside an operation, too', async () => {
    const lost = await createRestApp();
    try {
      const owner = lost.as('owner');
      const { id } = await owner.made(lost.world.environmentId);
      await lost.services.db.close();
      const before = lost.logs.length;
      const answer = await owner.get(id);
      expect(answer.status).toBe(503);
      const warnings = parsed(lost.logs.slice(before)).filter(({ level }) => /warn|error|fatal/.test(level));
      expect(warnings).toEqual([
        expect.objectContaining({ requestId: answer.headers['x-request-id'], msg: 'answered UNAVAILABLE' }),
      ]);
    } finally {
      // The embedded database cannot be closed twice; everything else of the app is closed all the same.
      await lost.close().catch((error: unknown) => expect(String(error)).toContain('PGlite is closed'));
    }
  });
});

describe('an outage', () => {
  afterEach(() => vi.useRealTimers());

  test('is told at once, then as a count of ten seconds, then at once again', () => {
    vi.useFakeTimers();
    const lines: string[] = [];
    const outage = createOutageLog(createLogger('warn', { to: { write: (line) => void lines.push(line) } }));
    const told = () => parsed(lines.splice(0)).map(({ code, again, requestId }) => ({ code, again, requestId }));
    for (const requestId of ['a', 'b', 'c']) outage('lost', { code: '57P01', requestId });
    outage('lost', { code: 'ECONNRESET', requestId: 'd' });
    expect(told()).toEqual([
      { code: '57P01', requestId: 'a' },
      { code: 'ECONNRESET', requestId: 'd' },
    ]);
    vi.advanceTimersByTime(10_000);
    expect(told()).toEqual([{ code: '57P01', again: 2 }]);
    outage('lost', { code: '57P01', requestId: 'e' });
    expect(told()).toEqual([{ code: '57P01', requestId: 'e' }]);
  });
});

describe('security events', () => {
  afterEach(() => vi.useRealTimers());

  test('are logged once a minute and source, and of any number of sources without any number of lines', () => {
    vi.useFakeTimers();
    const lines: string[] = [];
    const security = createSecurityLog(createLogger('warn', { to: { write: (line) => void lines.push(line) } }));
    const told = () => parsed(lines.splice(0)).map(({ address, again }) => ({ address, again }));
    for (let time = 0; time < 3; time += 1) security.note('failed_credential', { address: 'a' });
    expect(told()).toEqual([{ address: 'a' }]);
    for (let source = 0; source < 5_000; source += 1) security.note('failed_credential', { address: `${source}` });
    expect(told()).toHaveLength(1_000);
    vi.advanceTimersByTime(60_000);
    expect(told()).toEqual([{ address: 'a', again: 2 }, { again: 4_000 }]);
    expect(new Map(security.counts()).get('failed_credential')).toBe(5_003);
    security.note('failed_credential', { address: 'a' });
    expect(told()).toEqual([{ address: 'a' }]);
  });
});

describe('the server', () => {
  async function withServer(fetch: () => Response, work: (server: Server, lines: string[]) => Promise<void>) {
    const lines: string[] = [];
    const log = createLogger('info', { to: { write: (line) => void lines.push(line) } });
    const server = await listening(createHttpServer(fetch, { log }));
    try {
      await work(server, lines);
    } finally {
      await closed(server);
    }
  }

  test('says at info where it listens', () =>
    withServer(
      () => new Response(),
      async (server, lines) => {
        const { address, port } = server.address() as AddressInfo;
        expect(parsed(lines)).toEqual([{ level: 'info', time: expect.any(String), address, port, msg: 'listening' }]);
      },
    ));

  test('logs a bug that has got past the app, with the id of the request', () =>
    withServer(
      () => {
        throw new TypeError('of nobody’s making');
      },
      async (server, lines) => {
        const answer = await clientOf(server, undefined).call('GET', '/healthz');
        expect(answer.body).toEqual({ code: 'INTERNAL_UNKNOWN', error: 'Internal error' });
        const bugs = parsed(lines).filter(({ level }) => /error|fatal/.test(level));
        expect(bugs).toEqual([expect.objectContaining({ requestId: answer.headers['x-request-id'] })]);
        expect(bugs[0].err.type).toBe('TypeError');
      },
    ));
});
