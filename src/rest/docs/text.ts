// Building blocks of the page at /docs: formatted prose, coloured JSON, types of schemas in words, curl commands.
import { html } from 'hono/html';
import { EXAMPLE_IDS, type Example } from '../openapi/examples.js';
import { layOut } from '../openapi/layout.js';

/** The result of `html`: escaped text that is safe to insert into a page. */
export type Html = ReturnType<typeof html>;

/** The subset of JSON Schema that our OpenAPI document uses. */
export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  description?: string;
  required?: readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  items?: Schema;
  oneOf?: readonly Schema[];
  anyOf?: readonly Schema[];
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  examples?: readonly unknown[];
}

/** Renders the subset of CommonMark that our descriptions use: code and strong. */
export function prose(text: string): Html[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith('`')) return html`<code>${part.slice(1, -1)}</code>`;
    if (part.startsWith('**')) return html`<strong>${part.slice(2, -2)}</strong>`;
    return html`${part}`;
  });
}

export function paragraphs(text: string): Html[] {
  return text.split('\n\n').map((paragraph) => html`<p>${prose(paragraph)}</p>`);
}

/** A block of JSON, formatted for a narrow column. */
export function json(value: unknown): Html {
  return html`<pre tabindex="0"><code>${coloured(layOut(value, { width: 76, indent: '', taken: 0 }))}</code></pre>`;
}

/** JSON on one line, for a cell of a table. */
export function inlineJson(value: unknown): Html {
  return html`<code>${coloured(layOut(value, { width: Number.POSITIVE_INFINITY, indent: '', taken: 0 }))}</code>`;
}

const TOKENS = /("(?:\\.|[^"\\])*"(?=:))|("(?:\\.|[^"\\])*")|(-?\d[\d.eE+-]*|true|false|null)/;

function coloured(text: string): Html[] {
  // `split` inserts the three groups of each match between the parts; two of them are undefined.
  return text.split(TOKENS).flatMap((part, index) => {
    if (part === undefined || part === '') return [];
    const kind = [undefined, 'key', 'text', 'word'][index % 4];
    return [kind ? html`<span class="${kind}">${part}</span>` : html`${part}`];
  });
}

/** The type of a schema in words, with links to the schemas it refers to. */
export function typeOf(schema: Schema): Html | Html[] {
  if (schema.$ref) return reference(schema.$ref);
  if (schema.anyOf)
    return schema.anyOf.flatMap((part, index) => [index > 0 ? html` or ` : html``, typeOf(part)].flat());
  if (schema.type === 'array' && schema.items) return html`array of ${typeOf(schema.items)}${itemCount(schema)}`;
  if (schema.enum?.length === 1) return html`<code>"${schema.enum[0]}"</code>`;
  if (schema.type === undefined) return html`any JSON`;
  return html`${schema.format ?? schema.type}${range(schema)}`;
}

function reference(ref: string): Html {
  const name = ref.slice(ref.lastIndexOf('/') + 1);
  return html`<a href="#${name}">${name}</a>`;
}

function itemCount({ minItems, maxItems }: Schema): string {
  if (maxItems !== undefined) return `, ${minItems ?? 0} to ${maxItems}`;
  return minItems === undefined ? '' : `, ${minItems} or more`;
}

function range({ minimum, maximum }: Schema): string {
  return maximum === undefined ? '' : `, ${minimum} to ${maximum}`;
}

/** A curl command for a shell in which the variables of the page's first block are set. */
export function curl(method: string, path: string, { request, query, response }: Example): Html {
  const target = path.replace(/\{(\w+)\}/g, (_, name: string) => `$${name.toUpperCase()}`);
  const search = query ? `?${new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)]))}` : '';
  const lines = [
    `curl ${typeof response === 'string' ? '-N ' : ''}${method === 'GET' ? '' : `-X ${method} `}"$URL${target}${search}"`,
    '-H "authorization: Bearer $TOKEN"',
    ...(request
      ? ["-H 'content-type: application/json'", `-d '${layOut(request, { width: 72, indent: '  ', taken: 6 })}'`]
      : []),
  ];
  return shell(lines.join(' \\\n  '));
}

/** A block of text as in a terminal. */
export function shell(text: string): Html {
  return html`<pre class="shell" tabindex="0"><code>${text}</code></pre>`;
}

/** Shell commands that set the variables of the curl commands. */
export function variables(origin: string): Html {
  return shell(
    [
      `export URL=${origin}`,
      'export TOKEN=your-token',
      ...Object.entries(EXAMPLE_IDS).map(([name, id]) => `export ${name.toUpperCase()}=${id}`),
    ].join('\n'),
  );
}
