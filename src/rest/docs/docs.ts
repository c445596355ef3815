// The OpenAPI document at /openapi.json and a page for people at /docs: made once, then the same for everyone but for where they found us.
import { createHash } from 'node:crypto';
import { Hono, type Context as HonoContext } from 'hono';
import { printOpenApi } from '../openapi/openapi.js';
import { JSON_TYPE, methodNotAllowed, problem } from '../problem.js';
import { renderDocs } from './page.js';
import { STYLE } from './style.js';

/** The page runs no script and loads nothing: its style sheet, by its hash, and its icon are in it. */
const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${hashOf(STYLE, 'base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export interface DocsOptions {
  /** Whether there is a GraphiQL to point to. */
  graphiql: boolean;
  /** Take the scheme that clients see from `X-Forwarded-Proto`. */
  trustProxy: boolean;
}

export function createDocsRoutes({ graphiql, trustProxy }: DocsOptions): Hono {
  const routes = new Hono();
  const serve = (path: string, print: (c: HonoContext) => string, headers: Record<string, string>) => {
    routes.get(path, (c) => {
      const body = print(c);
      const etag = `"${hashOf(body, 'base64url').slice(0, 22)}"`;
      const described = { ...headers, etag, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' };
      if (isKnown(c.req.header('if-none-match'), etag)) return c.body(null, 304, described);
      return c.body(body, 200, described);
    });
    routes.all(path, () => problem(methodNotAllowed(), { allow: 'GET, HEAD' }));
  };
  let document: string | undefined;
  const openApi = () => {
    document ??= printOpenApi();
    return document;
  };
  let page: string | undefined;
  const docs = (c: HonoContext) => {
    page ??= renderDocs({ origin: DEFAULT_ORIGIN, graphiql });
    return page.replaceAll(DEFAULT_ORIGIN, originOf(c.req.raw, trustProxy));
  };
  serve('/openapi.json', openApi, { 'content-type': JSON_TYPE });
  serve('/docs', docs, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': PAGE_POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
  });
  return routes;
}

const DEFAULT_ORIGIN = 'http://127.0.0.1:4000';

/** Names, addresses and ports. A host may have more in it, `$(reboot)` for one, and people paste the page into a shell. */
const PLAIN_HOST = /^([a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(:\d+)?$/;

/** Where the reader has found us. */
function originOf({ url, headers }: Request, trustProxy: boolean): string {
  const { protocol, host } = new URL(url);
  if (!PLAIN_HOST.test(host)) return DEFAULT_ORIGIN;
  const isSecure = protocol === 'https:' || (trustProxy && headers.get('x-forwarded-proto') === 'https');
  return new URL(`${isSecure ? 'https' : 'http'}://${host}`).origin;
}

function hashOf(text: string, encoding: 'base64' | 'base64url'): string {
  return createHash('sha256').update(text).digest(encoding);
}

/** Weak comparison, as RFC 9110 has it for If-None-Match: a proxy that compresses makes tags weak. */
function isKnown(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags?.some((tag) => tag === '*' || tag === etag) ?? false;
}
