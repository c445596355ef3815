// GraphiQL beside the GraphQL door: a small page at /graphql and its assets below it, nothing from other origins.
import { Hono } from 'hono';
import { type Asset, type Assets, packagedConstants, readAssets } from './assets.js';
import { PAGE_POLICY, renderPage } from './page.js';

export interface GraphiqlOptions {
  /** Headers that the page sends along, for example a development token. Decide by the request: it may come from afar. */
  headers(request: Request): Record<string, string>;
  /** Opened for a newcomer; the first one should answer something when it is run as it is. */
  tabs(request: Request): Promise<{ query: string; variables?: string }[]>;
  title?: string;
}

const ASSETS = '/graphql/assets';

/** Mount these before the GraphQL endpoint: they take what asks for HTML and leave the rest. */
export function createGraphiqlRoutes(options: GraphiqlOptions): Hono {
  let reading: Promise<Assets> | undefined;
  function assets(): Promise<Assets> {
    reading ??= readAssets(packagedConstants()).catch((error: unknown) => {
      reading = undefined;
      throw error;
    });
    return reading;
  }

  const routes = new Hono();

  routes.get('/graphql', async (c, next) => {
    if (!c.req.header('accept')?.includes('text/html')) return next();
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
    const compressed = acceptsGzip(c.req.header('accept-encoding'));
    const etag = `"${asset.hash}${compressed ? '.gzip' : ''}"`;
    const headers = {
      'cache-control': 'public, max-age=31536000, immutable',
      etag,
      vary: 'accept-encoding',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      // A worker lives by the policy it came with, not by the page's.
      'content-security-policy': "default-src 'none'",
    };
    if (c.req.header('if-none-match')?.includes(etag)) return c.body(null, 304, headers);
    const described = { ...headers, 'content-type': asset.contentType };
    if (!compressed) return c.body(asset.plain(), 200, described);
    return c.body(await asset.gzipped(), 200, { ...described, 'content-encoding': 'gzip' });
  });

  return routes;
}

function url(asset: Asset): string {
  return `${ASSETS}/${asset.file}`;
}

/**
 * Where CORS is open, another site's script could read this page and the token in it. Browsers mark such requests: only a
 * page that a person opens, in a tab of its own, gets the headers.
 */
function isNavigation(request: Request): boolean {
  const destination = request.headers.get('sec-fetch-dest');
  return !request.headers.has('origin') && (destination === null || destination === 'document');
}

function acceptsGzip(accepted: string | undefined): boolean {
  return /(^|,)\s*gzip\s*(,|$|;\s*q=(?!0(\.0*)?\s*(,|$)))/i.test(accepted ?? '');
}
