// The GraphiQL page: a few KB of HTML around its assets, and a content security policy that allows only our own origin.
import { createHash } from 'node:crypto';

export interface Page {
  title: string;
  style: string;
  script: string;
  /** URLs of the web workers, by the labels that the Monaco editor uses for them. */
  workers: Record<'editorWorkerService' | 'json' | 'graphql', string>;
  tabs: { query: string; variables?: string }[];
  /** Sent with every operation, unless the user enters the same header in the headers editor. */
  headers: Record<string, string>;
}

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#7c5cff" stroke-width="2.2" ' +
  'stroke-linecap="round" stroke-linejoin="round"><circle cx="8" cy="15.5" r="4.5"/><path d="m11.4 12.1 8.1-8.1M16 7.5l3 3"/></svg>';

/*
 * Differences from the package's own start script, and the reasons:
 * - additionalHeaders: GraphiQL merges them with the user's headers by exact name, and `fetch` then joins `authorization`
 *   and `Authorization` into one wrong value. Here the user's header wins, in any letter case.
 * - storage: variables contain secret values and headers contain tokens. The default, localStorage, would store them on
 *   disk.
 * - onEditQuery: the default writes the query into the URL, and thus into the browser history and access logs.
 * - method: with the default, subscriptions would put their variables into the URL, too.
 * - widen: GraphiQL marks every object that is given for a custom scalar as an error, and thus every record and every
 *   type document.
 * - current: with several default tabs, GraphiQL shows the first one without its variables, and an empty tab after a
 *   reload.
 */
const START = `{
  const root = document.getElementById('root');
  const config = JSON.parse(document.getElementById('config').textContent);
  const additionalHeaders = ({ extensions }) => {
    const typed = new Set(Object.keys(extensions?.headers ?? {}).map((name) => name.toLowerCase()));
    return Object.fromEntries(Object.entries(config.headers).filter(([name]) => !typed.has(name.toLowerCase())));
  };
  let storage = null;
  let stored;
  try {
    storage = sessionStorage;
    const { tabs, activeTabIndex } = JSON.parse(storage.getItem('graphiql:tabState'));
    stored = tabs[activeTabIndex];
  } catch {}
  const link = new URLSearchParams(location.search);
  const linked = link.get('query') ? { query: link.get('query'), variables: link.get('variables') } : undefined;
  const tabs = linked ? [linked, ...config.tabs] : config.tabs;
  const current = linked ?? stored ?? tabs[0];
  const widen = (node) => {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node.type) && node.type.includes('string') && node.type.includes('number')) {
      node.type.push('object', 'array');
    }
    Object.values(node).forEach(widen);
  };
  self.MonacoEnvironment = {
    getWorker(_, label) {
      const worker = new Worker(config.workers[label], { name: label, type: 'module' });
      worker.addEventListener('message', ({ data }) => {
        if (data?.res?.title === 'GraphQL Variables') widen(data.res);
      });
      return worker;
    },
  };
  if (self.YogaGraphiQL) {
    YogaGraphiQL.renderYogaGraphiQL(root, {
      title: config.title, logo: config.logo, method: 'POST', additionalHeaders, storage, onEditQuery() {},
      defaultTabs: tabs, query: current?.query ?? '', variables: current?.variables ?? '',
    });
  } else {
    root.textContent = 'GraphiQL could not be loaded. Please reload the page.';
  }
}`;

/** Without the last rule, tabs move away under the pointer after the window was resized, and the click is lost. */
const STYLE =
  'html,body,#root{height:100%;margin:0}' +
  '.notice{font:16px system-ui,sans-serif;padding:2rem}' +
  '.graphiql-logo{white-space:nowrap}' +
  '.graphiql-tab{transform:none!important}';

/**
 * Styles need 'unsafe-inline' because Monaco creates style elements. Scripts must come from our origin, except for the
 * inline START script, which is allowed by its hash.
 */
export const PAGE_POLICY = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${createHash('sha256').update(START).digest('base64')}'`,
  "style-src 'self' 'unsafe-inline'",
  "worker-src 'self'",
  "connect-src 'self'",
  'font-src data:',
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function renderPage({ title, style, script, ...page }: Page): string {
  const name = escapeHtml(title);
  // GraphiQL inserts title and logo as HTML, so the title must be escaped here, too.
  const config = toScriptJson({ ...page, title: name, logo: ICON });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${name} · GraphiQL</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<link rel="stylesheet" href="${style}">
<style>${STYLE}</style>
</head>
<body class="no-focus-outline">
<noscript><p class="notice">GraphiQL needs JavaScript.</p></noscript>
<div id="root"><p class="notice">Loading GraphiQL …</p></div>
<script type="application/json" id="config">${config}</script>
<script src="${script}"></script>
<script>${START}</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JSON in which no HTML parser can find the end of the surrounding script element. */
function toScriptJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
