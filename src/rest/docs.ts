// The OpenAPI document at /openapi.json and a page for people at /docs: made once, then the same bytes for everyone.
import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { renderDocs } from './docs-page.js';
import { STYLE } from './docs-style.js';
import { printOpenApi } from './openapi.js';
import { JSON_TYPE, methodNotAllowed, problem } from './problem.js';

/** The page runs no script and loads nothing: its style sheet, by its hash, and its icon are in it. */
const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${hashOf(STYLE, 'base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function createDocsRoutes(): Hono {
  const routes = new Hono();
  const serve = (path: string, print: () => string, headers: Record<string, string>) => {
    let made: { body: string; etag: string } | undefined;
    routes.get(path, (c) => {
      made ??= withTag(print());
      const described = {
        ...headers,
        etag: made.etag,
        'cache-control': 'no-cache',
        'x-content-type-options': 'nosniff',
      };
      if (isKnown(c.req.header('if-none-match'), made.etag)) return c.body(null, 304, described);
      return c.body(made.body, 200, described);
    });
    routes.all(path, () => problem(methodNotAllowed(), { allow: 'GET, HEAD' }));
  };
  serve('/openapi.json', printOpenApi, { 'content-type': JSON_TYPE });
  serve('/docs', renderDocs, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': PAGE_POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
  });
  return routes;
}

function withTag(body: string): { body: string; etag: string } {
  return { body, etag: `"${hashOf(body, 'base64url').slice(0, 22)}"` };
}

function hashOf(text: string, encoding: 'base64' | 'base64url'): string {
  return createHash('sha256').update(text).digest(encoding);
}

/** Weak comparison, as RFC 9110 has it for If-None-Match: a proxy that compresses makes tags weak. */
function isKnown(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags?.some((tag) => tag === '*' || tag === etag) ?? false;
}
