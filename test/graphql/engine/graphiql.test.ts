// GraphiQL at the door: a small page, its assets, and what may and may not leave with them.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as packaged from '@graphql-yoga/render-graphiql/graphiql';
import { buildSchema, parse, validate } from 'graphql';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { readAssets } from '../../../src/graphql/graphiql/assets.js';
import { exampleTabs } from '../../../src/graphql/graphiql/examples.js';
import { createGraphiqlRoutes, type GraphiqlOptions } from '../../../src/graphql/graphiql/graphiql.js';

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'sec-fetch-dest': 'document' };

function door(options: Partial<GraphiqlOptions> = {}): Hono {
  const app = new Hono();
  app.route(
    '/',
    createGraphiqlRoutes({ headers: () => ({}), tabs: async () => [{ query: '{ viewer { id } }' }], ...options }),
  );
  app.all('/graphql', (c) => c.text('the GraphQL endpoint'));
  return app;
}

const shared = door();

async function config(html: string): Promise<Record<string, unknown>> {
  return JSON.parse(/<script type="application\/json" id="config">(.*?)<\/script>/s.exec(html)?.[1] ?? 'missing');
}

async function assetPaths(): Promise<string[]> {
  const html = await (await shared.request('/graphql', { headers: BROWSER })).text();
  return [...new Set(html.match(/\/graphql\/assets\/[\w.]+/g))];
}

function assetPath(paths: string[], pattern: RegExp): string {
  const found = paths.filter((path) => pattern.test(path));
  expect(found).toHaveLength(1);
  return found[0] as string;
}

describe('the page', () => {
  it('is a few KB that nobody stores', async () => {
    const response = await shared.request('/graphql', { headers: BROWSER });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect((await response.text()).length).toBeLessThan(10_000);
  });

  it('leaves everything that does not ask for HTML to the GraphQL endpoint', async () => {
    for (const init of [{}, { headers: { accept: 'application/json' } }, { method: 'POST', headers: BROWSER }]) {
      expect(await (await shared.request('/graphql?query={viewer{id}}', init)).text()).toBe('the GraphQL endpoint');
    }
  });

  it('allows no foreign origin, no frame, and no inline script but its own', async () => {
    const response = await shared.request('/graphql', { headers: BROWSER });
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
    const html = await response.text();
    const inline = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map((match) => match[1] ?? '');
    expect(inline).toHaveLength(1);
    const hashes = inline.map((script) => createHash('sha256').update(script).digest('base64'));
    expect(/script-src ([^;]*)/.exec(policy)?.[1]).toBe(`'self' 'sha256-${hashes[0]}'`);
    expect(html).not.toMatch(/(?:src|href)="(?!\/graphql\/assets\/|data:)/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(response.headers.get('x-frame-options')).toBe('DENY');
  });

  it('shows titles and examples as text, whatever is in them', async () => {
    const nasty = '</script><script>alert(1)</script><!-- & \u2028\u2029';
    const app = door({ title: nasty, tabs: async () => [{ query: nasty, variables: nasty }] });
    const html = await (await app.request('/graphql', { headers: BROWSER })).text();
    expect(html).not.toContain('alert(1)</script>');
    expect(/<script type="application\/json"[^\n]*/.exec(html)?.[0]).not.toMatch(/[\u2028\u2029]|<!--/);
    expect(html.match(/<script/g)).toHaveLength(3);
    const { tabs, title } = await config(html);
    expect(tabs).toEqual([{ query: nasty, variables: nasty }]);
    expect(title).not.toContain('<');
  });

  it('carries headers only if there are some, and only to a page that a person opens', async () => {
    const app = door({ headers: () => ({ authorization: 'Bearer development' }) });
    const headersFor = async (server: Hono, headers: Record<string, string>) =>
      (await config(await (await server.request('/graphql', { headers })).text())).headers;
    expect(await headersFor(shared, BROWSER)).toEqual({});
    expect(await headersFor(app, BROWSER)).toEqual({ authorization: 'Bearer development' });
    expect(await headersFor(app, { accept: 'text/html' })).toEqual({ authorization: 'Bearer development' });
    for (const destination of ['empty', 'iframe', 'script']) {
      expect(await headersFor(app, { ...BROWSER, 'sec-fetch-dest': destination })).toEqual({});
    }
    expect(await headersFor(app, { accept: 'text/html', origin: 'https://elsewhere.example' })).toEqual({});
  });

  it('asks for its headers with the request at hand', async () => {
    const app = door({ headers: (request) => ({ seen: new URL(request.url).host }) });
    const response = await app.request('http://localhost:8080/graphql', { headers: BROWSER });
    expect((await config(await response.text())).headers).toEqual({ seen: 'localhost:8080' });
  });
});

describe('its assets', () => {
  it('are the installed package, byte for byte, compressed and cacheable for good', async () => {
    const paths = await assetPaths();
    expect(paths).toHaveLength(5);
    const expected: [RegExp, string, string][] = [
      [/graphiql\.\w+\.js$/, packaged.js, 'text/javascript; charset=utf-8'],
      [/graphiql\.\w+\.css$/, packaged.css, 'text/css; charset=utf-8'],
      [/editor\.worker\.\w+\.js$/, packaged.editorWorkerService, 'text/javascript; charset=utf-8'],
      [/json\.worker\.\w+\.js$/, packaged.jsonWorker, 'text/javascript; charset=utf-8'],
      [/graphql\.worker\.\w+\.js$/, packaged.graphqlWorker, 'text/javascript; charset=utf-8'],
    ];
    for (const [pattern, content, type] of expected) {
      const response = await shared.request(assetPath(paths, pattern), {
        headers: { 'accept-encoding': 'gzip, deflate, br, zstd' },
      });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-encoding')).toBe('gzip');
      expect(response.headers.get('content-type')).toBe(type);
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(response.headers.get('vary')).toBe('accept-encoding');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      const body = Buffer.from(await response.arrayBuffer());
      expect(body.length).toBeLessThan(content.length * 0.6);
      expect(gunzipSync(body).toString() === content).toBe(true);
    }
  });

  it('come plain to a client that takes no compression', async () => {
    const path = assetPath(await assetPaths(), /\.css$/);
    for (const accepted of ['', 'br', 'gzip;q=0', 'gzip; q=0.0, br', 'x-gzip']) {
      const response = await shared.request(path, { headers: { 'accept-encoding': accepted } });
      expect(response.headers.get('content-encoding')).toBeNull();
      expect((await response.text()) === packaged.css).toBe(true);
    }
    for (const accepted of ['gzip', 'br, gzip', 'gzip;q=0.5', 'gzip;q=1.0, identity', 'deflate, gzip ; q=0.01']) {
      const response = await shared.request(path, { headers: { 'accept-encoding': accepted } });
      expect(response.headers.get('content-encoding')).toBe('gzip');
    }
  });

  it('answer 304 to a client that has them, told apart by encoding', async () => {
    const path = assetPath(await assetPaths(), /\.css$/);
    const first = await shared.request(path, { headers: { 'accept-encoding': 'gzip' } });
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w.]+"$/);
    const again = (encoding: string) =>
      shared.request(path, { headers: { 'accept-encoding': encoding, 'if-none-match': `"other", ${etag}` } });
    expect((await again('gzip')).status).toBe(304);
    expect((await again('gzip')).headers.get('etag')).toBe(etag);
    expect((await again('identity')).status).toBe(200);
  });

  it('are not found under any other name, and that answer is not cached', async () => {
    const path = assetPath(await assetPaths(), /\.css$/);
    for (const wrong of [path.replace(/\.\w{16}\./, '.0123456789abcdef.'), '/graphql/assets/..%2f..%2fpackage.json']) {
      const response = await shared.request(wrong);
      expect(response.status).toBe(404);
      expect(response.headers.get('cache-control')).toBeNull();
    }
  });

  it('fail with one clear error if the package is not laid out as expected', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'graphiql-'));
    try {
      const file = join(folder, 'graphiql.js');
      for (const source of [
        '',
        'export const js = "a";\n',
        'export const js = `a`;\n',
        'export const js = "a" + "b"\n',
      ]) {
        await writeFile(file, source);
        await expect(readAssets(file)).rejects.toThrow(
          /^GraphiQL cannot be served: .*graphiql\.js does not have the line/,
        );
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('its examples', () => {
  it('are operations of the schema, named for their tabs and explained to a newcomer', async () => {
    const schema = buildSchema(await readFile(new URL('../../../schema/schema.graphql', import.meta.url), 'utf8'));
    for (const { query, variables } of exampleTabs()) {
      expect(validate(schema, parse(query))).toEqual([]);
      // What a window of 1280 pixels shows.
      for (const line of query.split('\n')) expect(line.length, line).toBeLessThanOrEqual(44);
      expect(query).toMatch(/^# .+\n(#.*\n)*(query|mutation|subscription) [A-Z]\w+\(/);
      expect(JSON.parse(variables ?? '')).toBeTypeOf('object');
    }
  });
});
