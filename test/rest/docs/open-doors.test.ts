// What anybody may ask for without a credential: where to begin, how it is, and the documentation.
import { once } from 'node:events';
import { type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { restSuite } from '../../support/suites.js';

const { app } = await restSuite({ graphiql: true });

interface Page {
  status: number | undefined;
  headers: IncomingMessage['headers'];
  text: string;
}

/** A page as a browser gets it that believes to be at `host`. */
async function get(path: string, headers: Record<string, string> = {}, server: Server = app.server): Promise<Page> {
  const { port } = server.address() as AddressInfo;
  const sent = request({ host: '127.0.0.1', port, path, headers: { host: `127.0.0.1:${port}`, ...headers } }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part;
  return { status: response.statusCode, headers: response.headers, text };
}

describe('GET /', () => {
  test('leads to the documentation, which leads to GraphiQL where that is on', async () => {
    const { status, headers } = await get('/');
    expect([status, headers.location]).toEqual([302, '/docs']);
    expect((await get('/docs')).text).toContain('href="/graphql"');
    expect((await get('/docs', {}, await app.variant({ graphiql: false }))).text).not.toContain('href="/graphql"');
  });

  test('is all there is at /', async () => {
    const answer = await app.anonymous.call('POST', '/', { body: {} });
    expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND']);
  });
});

describe('the curl lines of /docs go', () => {
  const urlIn = ({ text }: Page) => /export URL=(\S+)/.exec(text)?.[1];

  test.each(['127.0.0.1:4711', 'localhost:80', 'secrets.example.com', '[::1]:4000', 'Example.COM:8443'])(
    'to %s when that is where the page is from',
    async (host) => {
      const page = await get('/docs', { host });
      expect(urlIn(page)).toBe(new URL(`http://${host}`).origin);
      expect((await get('/docs', { host, 'if-none-match': page.headers.etag as string })).status).toBe(304);
      const elsewhere = await get('/docs', { host: 'other.example', 'if-none-match': page.headers.etag as string });
      expect([elsewhere.status, urlIn(elsewhere)]).toEqual([200, 'http://other.example']);
    },
  );

  test.each([
    '$(c4n4ry)',
    '`c4n4ry`',
    'a;c4n4ry',
    'a&c4n4ry',
    "a'c4n4ry",
    '"c4n4ry',
    'a{c4n4ry,b}',
    '<b>c4n4ry',
    'c4n4ry@evil.example',
    '-c4n4ry',
  ])('nowhere for a host of %j, which a shell or a page would read otherwise', async (host) => {
    const page = await get('/docs', { host });
    expect(page.text).not.toContain('c4n4ry');
    if (page.status === 200) expect(urlIn(page)).toBe('http://127.0.0.1:4000');
    else expect(page.status).toBe(400);
  });

  test('to https behind a proxy that says so and is trusted, and only then', async () => {
    const headers = { host: 'secrets.example.com', 'x-forwarded-proto': 'https' };
    expect(urlIn(await get('/docs', headers))).toBe('http://secrets.example.com');
    const trusting = await app.variant({ trustProxy: true });
    expect(urlIn(await get('/docs', headers, trusting))).toBe('https://secrets.example.com');
    const odd = { ...headers, 'x-forwarded-proto': 'javascript' };
    expect(urlIn(await get('/docs', odd, trusting))).toBe('http://secrets.example.com');
  });
});

test('however many ask whether it is ready, the database is asked once in a while', async () => {
  let pings = 0;
  const { db } = app.services;
  const ping = () => {
    pings += 1;
    return db.ping();
  };
  const server = await app.variant({}, { ...app.services, db: { ...db, ping } });
  const answers = await Promise.all(Array.from({ length: 50 }, () => get('/readyz', {}, server)));
  expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(
    new Set(['200 {"status":"ready","writable":true}']),
  );
  expect(pings).toBeLessThan(10);
});
