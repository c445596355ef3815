// GraphiQL: routes for a small page at /graphql and its assets. Nothing is loaded from other origins.
import { Hono, type Context as HonoContext } from 'hono';
import { matchesTag } from '../../http/entity-tag.js';
import { type Asset, type Assets, packagedConstants, readAssets } from './assets.js';
import { PAGE_POLICY, renderPage } from './page.js';

export interface GraphiqlOptions {
  /** Headers that the page adds to every operation, such as a development token. Check that the request is local. */
  headers(request: Request): Record<string, string>;
  /** Tabs that are open on the first visit; the first one should be runnable without any edits. */
  tabs(request: Request): Promise<{ query: string; variables?: string }[]>;
  title?: string;
  /** Rejects clients that send too many requests. */
  guard?(c: HonoContext): Promise<void>;
}

const ASSETS = '/graphql/assets';

/** Mount these routes before the GraphQL endpoint: they handle requests that accept HTML and pass on all others. */
export function createGraphiqlRoutes(options: GraphiqlOptions): Hono {
  let pendingAssets: Promise<Assets> | undefined;
  function assets(): Promise<Assets> {
    pendingAssets ??= readAssets(packagedConstants()).catch((error: unknown) => {
      pendingAssets = undefined;
      throw error;
    });
    return pendingAssets;
  }

  const routes = new Hono();

  routes.get('/graphql', async (c, next) => {
    if (!c.req.header('accept')?.includes('text/html')) return next();
    await options.guard?.(c);
    const { js, css, editorWorkerService, jsonWorker, graphqlWorker } = await assets();
    const page = renderPage({
      title: options.title ?? 'Agent secrets',
      style: url(css),
      script: url(js),
      workers: { editorWorkerService: url(editorWorkerService), json: url(jsonWorker), graphql: url(graphqlWorker) },
      tabs: await options.tabs(c.req.raw),
      headers: isNavigation(c.req.raw) ? options.headers(c.req.raw) : {},
    });
    return c.body(page, 200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      vary: 'accept',
      'content-security-policy': PAGE_POLICY,
      'cross-origin-opener-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
  });

  routes.get(`${ASSETS}/:file`, async (c, next) => {
    const asset = Object.values(await assets()).find(({ file }) => file === c.req.param('file'));
    if (!asset) return next();
    await options.guard?.(c);
    const compressed = acceptsGzip(c.req.header('accept-encoding'));
    const etag = `"${asset.hash}${compressed ? '.gzip' : ''}"`;
    const headers = {
      'cache-control': 'public, max-age=31536000, immutable',
      etag,
      vary: 'accept-encoding',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      // A worker is subject to the policy of its own response, not to that of the page.
      'content-security-policy': "default-src 'none'",
    };
    if (matchesTag(c.req.header('if-none-match') ?? '', etag)) return c.body(null, 304, headers);
    const headersWithType = { ...headers, 'content-type': asset.contentType };
    if (!compressed) return c.body(asset.plain(), 200, headersWithType);
    return c.body(await asset.gzipped(), 200, { ...headersWithType, 'content-encoding': 'gzip' });
  });

  return routes;
}

function url(asset: Asset): string {
  return `${ASSETS}/${asset.file}`;
}

/**
 * Whether the page is opened as a document in a browser tab; only then may it contain the headers. If CORS is open,
 * scripts of other sites can fetch this page and read the token in it, but browsers mark such requests.
 */
function isNavigation(request: Request): boolean {
  const destination = request.headers.get('sec-fetch-dest');
  return !request.headers.has('origin') && (destination === null || destination === 'document');
}

function acceptsGzip(accepted: string | undefined): boolean {
  return /(^|,)\s*gzip\s*(,|$|;\s*q=(?!0(\.0*)?\s*(,|$)))/i.test(accepted ?? '');
}
