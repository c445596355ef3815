// Renders the OpenAPI document as the HTML page at /docs, without scripts and without external resources.

import { STATUS_CODES } from 'node:http';
import { html, raw } from 'hono/html';
import { meaningOf, REST_CODES } from '../openapi/errors.js';
import { type Operation, openApi } from '../openapi/openapi.js';
import { exampleFor } from '../openapi/operations.js';
import { STATUS } from '../problem.js';
import { STYLE } from './style.js';
import { curl, type Html, inlineJson, json, paragraphs, prose, type Schema, shell, typeOf, variables } from './text.js';

const SCHEMAS = openApi.components.schemas as Readonly<Record<string, Schema>>;
const KIND = 'AnalysedType_Type';

const ALL_OPERATIONS = Object.entries(openApi.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);
const isForGolem = ({ operation }: { operation: Operation }) => operation.tags.includes('GolemTools');
const OPERATIONS = ALL_OPERATIONS.filter((one) => !isForGolem(one));
const GOLEM_OPERATIONS = ALL_OPERATIONS.filter(isForGolem);

export function renderDocs({ origin, graphiql }: { origin: string; graphiql: boolean }): string {
  const { title, version, description } = openApi.info;
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<style>${raw(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
${navigation(title, version)}
<main id="main">
<header>
<h1>${title} <small>${version}</small></h1>
${paragraphs(description)}
<p><a href="/openapi.json">The same as an OpenAPI ${openApi.openapi} document</a>, for generators of clients.</p>
${graphiql ? html`<p>The same secrets over GraphQL: <a href="/graphql">explore them in GraphiQL</a>.</p>` : ''}
</header>
<section aria-labelledby="try">
<h2 id="try">Try it</h2>
<p>Set these once, and every <code>curl</code> below works when pasted. In development, <code>npm start</code> prints a token and an
environment’s id; creating and listing secrets tells theirs.</p>
${variables(origin)}
</section>
<section aria-labelledby="operations">
<h2 id="operations">Operations</h2>
${OPERATIONS.map(({ path, method, operation }) => operationArticle(path, method, operation))}
</section>
<section aria-labelledby="golem">
<h2 id="golem">For Golem’s tools</h2>
${paragraphs(openApi.tags.find(({ name }) => name === 'GolemTools')?.description ?? '')}
${GOLEM_OPERATIONS.map(({ path, method, operation }) => operationArticle(path, method, operation))}
</section>
<section aria-labelledby="errors">
<h2 id="errors">Errors</h2>
${table(['Code', 'Status', 'When'], REST_CODES.map(refusalRow))}
</section>
<section aria-labelledby="types">
<h2 id="types">Types and values</h2>
${typeSection()}
</section>
<section aria-labelledby="bodies">
<h2 id="bodies">Bodies</h2>
${Object.keys(SCHEMAS)
  .filter((name) => !isType(name))
  .map(schemaArticle)}
</section>
</main>
</body>
</html>
`);
}

function navigation(title: string, version: string): Html {
  const link = (id: string, text: Html | string) => html`<li><a href="#${id}">${text}</a></li>`;
  return html`<nav aria-label="Contents">
<p><a href="#main">${raw(ICON)}<span>${title}<br><small>${version}</small></span></a></p>
<ul>
${link('try', 'Try it')}
<li><a href="#operations">Operations</a>
<ul>${OPERATIONS.map(({ method, operation }) =>
    link(operation.operationId, html`${badge(method)} ${firstWord(operation)}`),
  )}</ul></li>
<li><a href="#golem">For Golem’s tools</a>
<ul>${GOLEM_OPERATIONS.map(({ method, operation }) =>
    link(operation.operationId, html`${badge(method)} ${lastWord(operation)}`),
  )}</ul></li>
${link('errors', 'Errors')}
${link('types', 'Types and values')}
<li><a href="#bodies">Bodies</a>
<ul>${Object.keys(SCHEMAS)
    .filter((name) => !isType(name))
    .map((name) => link(name, name))}</ul></li>
</ul>
</nav>`;
}

const firstWord = ({ operationId }: Operation): string => operationId.split('_')[0] ?? operationId;
const lastWord = ({ operationId }: Operation): string => operationId.split('_').at(-1) ?? operationId;

function badge(method: string): Html {
  return html`<span class="method ${method.toLowerCase()}">${method}</span>`;
}

function operationArticle(path: string, method: string, operation: Operation): Html {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const example = exampleFor(operationId);
  const { '200': success, '304': unchanged, ...refusals } = responses;
  return html`<article aria-labelledby="${operationId}">
<h3 id="${operationId}"><a href="#${operationId}">${summary.replace(/\.$/, '')}</a></h3>
<p class="path">${badge(method)} <code>${path}</code></p>
${paragraphs(description)}
<h4>Request</h4>
${table(
  ['Parameter', 'In', 'Type', 'Meaning'],
  [
    ...parameters.map(
      (parameter) => html`<tr><th scope="row"><code>${parameter.name}</code></th><td>${parameter.in}</td>
<td>${typeOf(parameter.schema)}</td><td>${prose(parameter.description)}</td></tr>`,
    ),
    requestBody
      ? html`<tr><th scope="row">body</th><td></td><td>${typeOf(requestBody.content['application/json'].schema)}</td>
<td>As <code>application/json</code>.</td></tr>`
      : '',
  ],
)}
${curl(method, path, example)}
<h4>Response</h4>
<p><strong>200</strong> ${typeOf(schemaIn(success.content))}: ${prose(success.description)}</p>
${unchanged ? html`<p><strong>304</strong> ${prose(unchanged.description)}</p>` : ''}
<details><summary>Example</summary>${typeof example.response === 'string' ? shell(example.response) : json(example.response)}</details>
<h4>Errors</h4>
<ul class="codes">${Object.entries(refusals).map(
    ([status, refusal]) =>
      'content' in refusal && html`<li><strong>${status}</strong> ${codesOf(Object.values(refusal.content)[0])}</li>`,
  )}</ul>
</article>`;
}

function schemaIn(content: object): Schema {
  return (Object.values(content)[0] as { schema: Schema }).schema;
}

function codesOf(content: object): Html[] {
  const codes = 'examples' in content ? Object.keys(content.examples as object) : [];
  return codes.map((code) => html` <a href="#${code}"><code>${code}</code></a>`);
}

function refusalRow(code: (typeof REST_CODES)[number]): Html {
  const status = STATUS[code];
  return html`<tr id="${code}"><th scope="row"><code>${code}</code></th>
<td><span title="${STATUS_CODES[status]}">${status}</span></td><td>${prose(meaningOf(code))}</td></tr>`;
}

function isType(name: string): boolean {
  return (
    name === 'AnalysedType' ||
    name.startsWith(KIND) ||
    name.startsWith('AnalysedTypeName_') ||
    name.endsWith('TypePair') ||
    name === 'AnalysedResourceMode'
  );
}

function typeSection(): Html {
  const kinds = Object.entries(SCHEMAS).filter(([name]) => name.startsWith(KIND));
  return html`<div id="AnalysedType">${paragraphs(SCHEMAS.AnalysedType?.description ?? '')}</div>
${table(
  ['Kind', 'Its values', 'Type document'],
  kinds.map(
    ([name, schema]) => html`<tr id="${name}"><th scope="row">${name.slice(KIND.length)}</th>
<td>${prose(schema.description ?? '')}</td>
<td>${inlineJson(schema.examples?.[0])}${optionalKeys(schema)}</td></tr>`,
  ),
)}`;
}

function optionalKeys({ properties = {}, required = [] }: Schema): Html | '' {
  const optional = Object.keys(properties).filter((key) => !required.includes(key));
  if (optional.length === 0) return '';
  return html`<br><small>optional: ${optional.map((key) => html`<code>${key}</code> `)}</small>`;
}

function schemaArticle(name: string): Html {
  const { description = '', properties, required = [], oneOf, examples } = SCHEMAS[name] as Schema;
  return html`<article aria-labelledby="${name}">
<h3 id="${name}"><a href="#${name}">${name}</a></h3>
${paragraphs(description)}
${oneOf ? html`<p>One of ${oneOf.map((part, index) => html`${index > 0 ? ', ' : ''}${typeOf(part)}`)}.</p>` : ''}
${
  properties
    ? table(
        ['Key', 'Type', 'Meaning'],
        Object.entries(properties).map(
          ([
            key,
            schema,
          ]) => html`<tr><th scope="row"><code>${key}</code>${required.includes(key) ? '' : html` <small>optional</small>`}</th>
<td>${typeOf(schema)}</td><td>${prose(schema.description ?? '')}</td></tr>`,
        ),
      )
    : ''
}
${examples?.[0] ? json(examples[0]) : ''}
</article>`;
}

function table(columns: readonly string[], rows: readonly (Html | '')[]): Html {
  return html`<div class="table"><table>
<thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>
${rows}
</tbody></table></div>`;
}

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="#7c5cff" ' +
  'stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><circle cx="8" cy="15.5" r="4.5"/>' +
  '<path d="m11.4 12.1 8.1-8.1M16 7.5l3 3"/></svg>';
