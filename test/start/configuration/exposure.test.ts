// Development conveniences are for this machine only: not on a public address, and not for a foreign Host header.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from '../../server/process/client.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, startServer } from '../../support/server.js';

/** Any development token at all; the page itself is too long for a failed test's message. */
const hasToken = (page: string) => page.includes('asg_');

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

describe('GraphiQL of a development service', () => {
  let server: RunningServer;
  let port: number;
  beforeAll(async () => {
    server = await startServer({ env: { DATABASE_URL: database.url } });
    port = Number(new URL(server.url).port);
  });
  afterAll(() => server?.kill9());

  /** The page as a browser gets it that believes to be at `host`. */
  async function pageAt(host: string, headers: Record<string, string> = {}): Promise<string> {
    const sent = request({
      host: '127.0.0.1',
      port,
      path: '/graphql',
      headers: { accept: 'text/html', host, ...headers },
    }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const part of response.setEncoding('utf8')) text += part;
    return text;
  }

  test.each(['localhost', '127.0.0.1', '[::1]', 'LocalHost'])('brings the token along at %s', async (name) => {
    expect(hasToken(await pageAt(`${name}:${port}`))).toBe(true);
  });

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1.nip.io',
    'evil.example:80@localhost',
    'localhost@evil.example',
    '0.0.0.0',
    '192.168.0.1',
    '[::ffff:192.168.0.1]',
  ])('has no token for a page at %s, whose name may lead here by DNS', async (name) => {
    expect(hasToken(await pageAt(`${name}:${port}`))).toBe(false);
  });

  test('does not take a name from headers that a proxy or a page may set', async () => {
    for (const header of ['x-forwarded-host', 'x-host', 'forwarded', 'x-original-host']) {
      const value = header === 'forwarded' ? 'host=localhost' : 'localhost';
      expect(hasToken(await pageAt('evil.example', { [header]: value }))).toBe(false);
    }
  });

  test.each([
    ['x-forwarded-for', '192.0.2.7'],
    ['x-forwarded-host', 'secrets.example'],
    ['x-forwarded-proto', 'https'],
    ['forwarded', 'for=192.0.2.7'],
    ['x-real-ip', '192.0.2.7'],
    ['via', '1.1 proxy'],
  ])('has no token for a request that a proxy on this machine has passed on (%s)', async (header, value) => {
    expect(hasToken(await pageAt(`localhost:${port}`, { [header]: value }))).toBe(false);
  });

  test('has no token for a request that does not say which host it means', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.end('GET /graphql HTTP/1.0\r\naccept: text/html\r\n\r\n');
    let page = '';
    for await (const part of socket.setEncoding('utf8')) page += part;
    expect(page).toContain('<html');
    expect(hasToken(page)).toBe(false);
  });

  test('has no token for another site that frames or fetches it', async () => {
    for (const headers of [
      { origin: 'https://evil.example' },
      { 'sec-fetch-dest': 'iframe' },
      { 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[]) {
      expect(hasToken(await pageAt(`localhost:${port}`, headers))).toBe(false);
    }
  });
});

describe.each(['0.0.0.0', '::'])('a service on HOST=%s', (host) => {
  let server: RunningServer;
  let fresh: TestDatabase;
  beforeAll(async () => {
    fresh = await createTestDatabase();
    server = await startServer({ env: { HOST: host, DATABASE_URL: fresh.url } });
  });
  afterAll(async () => {
    await server?.stop();
    await fresh?.drop();
  });

  test('seeds nothing, prints no token, writes no development.json and gives none to GraphiQL', async () => {
    const url = `http://127.0.0.1:${new URL(server.url).port}`;
    expect((await call({ url }, 'GET', '/readyz')).status).toBe(200);
    expect(server.stdout()).not.toMatch(/asg_|Bearer/);
    expect(() => server.facts()).toThrow('ENOENT');
    const page = await fetch(`${url}/graphql`, { headers: { accept: 'text/html' } });
    expect(await page.text()).not.toMatch(/asg_/);
  });
});
