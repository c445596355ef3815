// Routes for the OpenAPI document at /openapi.json and the HTML documentation at /docs. Both are rendered once; only
// the origin in the page depends on the request.
import { createHash } from 'node:crypto';
import { Hono, type Context as HonoContext } from 'hono';
import { matchesTag } from '../../http/entity-tag.js';
import { printOpenApi } from '../openapi/openapi.js';
import { printOpenApi30 } from '../openapi/openapi-3-0.js';
import { JSON_TYPE, methodNotAllowed, problem } from '../problem.js';
import { renderDocs } from './page.js';
import { STYLE } from './style.js';

/** The page runs no scripts and loads nothing. Its style sheet (allowed by its hash) and its icon are inline. */
const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${hashOf(STYLE, 'base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export interface DocsOptions {
  /** Whether the page links to GraphiQL. */
  graphiql: boolean;
  /** Whether `X-Forwarded-Proto` determines the scheme that clients use. */
  trustProxy: boolean;
  /** The text of the GraphQL schema, where clients may learn it. */
  graphqlSchema?: (() => string) | undefined;
  /** Rejects clients that send too many requests. */
  guard?(c: HonoContext): Promise<void>;
}

export function createDocsRoutes(options: DocsOptions): Hono {
  const { graphiql, trustProxy, guard } = options;
  const routes = new Hono();
  const serve = (path: string, print: (c: HonoContext) => string, headers: Record<string, string>) => {
    routes.get(path, async (c) => {
      await guard?.(c);
      const body = print(c);
      const etag = `"${hashOf(body, 'base64url').slice(0, 22)}"`;
      const headersWithTag = { ...headers, etag, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' };
      if (matchesTag(c.req.header('if-none-match') ?? '', etag)) return c.body(null, 304, headersWithTag);
      return c.body(body, 200, headersWithTag);
    });
    routes.all(path, () => problem(methodNotAllowed(), { allow: 'GET, HEAD' }));
  };
  let page: string | undefined;
  const docs = (c: HonoContext) => {
    page ??= renderDocs({ origin: DEFAULT_ORIGIN, graphiql });
    return page.replaceAll(DEFAULT_ORIGIN, originOf(c.req.raw, trustProxy));
  };
  serve('/openapi.json', printedOnce(printOpenApi), { 'content-type': JSON_TYPE });
  serve('/openapi-3.0.json', printedOnce(printOpenApi30), { 'content-type': JSON_TYPE });
  const { graphqlSchema } = options;
  if (graphqlSchema) serve('/schema.graphql', graphqlSchema, { 'content-type': 'text/plain; charset=utf-8' });
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

function printedOnce(print: () => string): () => string {
  let text: string | undefined;
  return () => {
    text ??= print();
    return text;
  };
}

/**
 * Host names, IP addresses and ports. The Host header may contain more, such as `$(reboot)`, and readers paste commands
 * from the page into a shell.
 */
const PLAIN_HOST = /^([a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(:\d+)?$/;

/** The origin under which the client reached this service. */
function originOf({ url, headers }: Request, trustProxy: boolean): string {
  const { protocol, host } = new URL(url);
  if (!PLAIN_HOST.test(host)) return DEFAULT_ORIGIN;
  const isSecure = protocol === 'https:' || (trustProxy && headers.get('x-forwarded-proto') === 'https');
  return new URL(`${isSecure ? 'https' : 'http'}://${host}`).origin;
}

function hashOf(text: string, encoding: 'base64' | 'base64url'): string {
  return createHash('sha256').update(text).digest(encoding);
}
