// The documentation: an OpenAPI document that is valid and true, and a page that tells the same to people.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TYPE_KINDS } from '../../../src/domain/types/analysed-type.js';
import { ERROR_CODES, type ErrorCode } from '../../../src/errors/errors.js';
import { createDocsRoutes } from '../../../src/rest/docs/docs.js';
import { GOLEM_ROUTES } from '../../../src/rest/golem-routes.js';
import { CHANGES, EXAMPLE_IDS, EXAMPLES } from '../../../src/rest/openapi/examples.js';
import { GOLEM_EXAMPLES } from '../../../src/rest/openapi/golem-examples.js';
import { STATUS } from '../../../src/rest/problem.js';
import { ROUTES } from '../../../src/rest/routes.js';
import { STREAMS } from '../../../src/rest/streams.js';
import { createTestApp, type TestApp } from '../../support/app.js';
import { ask } from '../../support/graphql/client.js';
import { createWorld } from '../../support/world.js';

const GRAPHQL_ONLY =
  /^(PLAN|ENVIRONMENT_SHARE|AGENT_SECRET_REVISION)_NOT_FOUND$|^RESPONSE_TOO_LARGE$|^PERSISTED_QUERY_NOT_/;
const REST_CODES = ERROR_CODES.filter((code) => !GRAPHQL_ONLY.test(code)).sort();

const docs = createDocsRoutes({ graphiql: true, trustProxy: false });
const textOf = async (path: string) => (await docs.request(path)).text();
const text = await textOf('/openapi.json');
const html = await textOf('/docs');
const document = JSON.parse(text);
const { schemas } = document.components;

interface Documented {
  path: string;
  method: string;
  operation: any;
}

const operations: Documented[] = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

/** Every object in the document that has the key. */
function all(key: string, node: unknown = document): any[] {
  if (typeof node !== 'object' || node === null) return [];
  const below = Object.values(node).flatMap((member) => all(key, member));
  return Object.hasOwn(node, key) ? [node, ...below] : below;
}

describe('the document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(document)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('is what is committed, for the version in package.json', () => {
    expect(readFileSync('schema/openapi.json', 'utf8')).toBe(text);
    expect(document.info.version).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version);
  });

  it('has every route of the table and nothing else, with its parameters and credentials', () => {
    const inTable = [...ROUTES, ...STREAMS, ...GOLEM_ROUTES].map((route) => [
      route.method,
      route.path.replace(/:(\w+)/g, '{$1}'),
      route.operationId,
    ]);
    const inDocument = operations.map(({ method, path, operation }) => [method, path, operation.operationId]);
    expect(inDocument.sort()).toEqual(inTable.sort());
    for (const { path, operation } of operations) {
      const inPath = operation.parameters.filter((parameter: any) => parameter.in === 'path');
      expect(inPath.map(({ name }: any) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(operation.security).toEqual([{ Token: [] }, { Cookie: [] }]);
    }
  });

  it('has those for Golem’s tools in a group of their own', () => {
    const groups = operations.map(({ operation }) => [operation.operationId, ...operation.tags]);
    const inTable = [
      ...[...ROUTES, ...STREAMS].map(({ operationId }) => [operationId, 'AgentSecrets']),
      ...GOLEM_ROUTES.map(({ operationId }) => [operationId, 'GolemTools']),
    ];
    expect(groups.sort()).toEqual(inTable.sort());
    expect(document.tags.map(({ name }: any) => name)).toEqual(['AgentSecrets', 'GolemTools']);
    expect(document.tags[1].description).toMatch(/^For Golem’s tools: /);
  });

  it('resolves every reference', () => {
    const mapped = all('mapping').flatMap(({ mapping }) => Object.values<string>(mapping));
    for (const ref of [...all('$ref').map(({ $ref }) => $ref as string), ...mapped]) {
      const [, ...keys] = ref.split('/');
      expect(
        keys.reduce((node, key) => node?.[key], document),
        ref,
      ).toBeTypeOf('object');
    }
  });

  it('has no bound that generators would compute wrongly with', () => {
    for (const { minimum, maximum } of [...all('minimum'), ...all('maximum')]) {
      for (const bound of [minimum ?? 0, maximum ?? 0]) expect(bound).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
    }
    expect(all('format').filter(({ format }) => format === 'int64').length).toBeGreaterThan(5);
  });

  it('knows every kind of type, and no other', () => {
    const { discriminator, oneOf } = schemas.AnalysedType;
    expect(Object.keys(discriminator.mapping).sort()).toEqual([...TYPE_KINDS].sort());
    expect(oneOf.map(({ $ref }: any) => $ref)).toEqual(Object.values(discriminator.mapping));
  });

  it('has examples that fit their own schemas', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { int64: true } });
    addFormats.default(ajv);
    ajv.addSchema(JSON.parse(text), 'doc');
    const fits = (ref: string, value: unknown) => {
      expect(ajv.validate({ $ref: `doc${ref}` }, value), `${ref}: ${ajv.errorsText()}`).toBe(true);
    };
    for (const { schema, example, examples } of all('schema')) {
      if (example) fits(schema.$ref, example);
      for (const { value } of Object.values<any>(examples ?? {})) fits(schema.$ref, value);
    }
    for (const [name, schema] of Object.entries<any>(schemas)) {
      for (const example of schema.examples ?? []) fits(`#/components/schemas/${name}`, example);
    }
  });
});

describe('its errors', () => {
  it('are all that REST can answer, each with its status and body', () => {
    const responses = [
      ...operations.flatMap(({ operation }) => Object.entries<any>(operation.responses)),
      ...Object.entries<any>(document.components.responses),
    ];
    const documented = responses.flatMap(([place, response]) =>
      Object.entries<any>(response.content?.['application/json']?.examples ?? {}).map(([code, { value }]) => {
        const status = STATUS[code as ErrorCode];
        expect([String(status), code]).toContain(place);
        expect(Object.keys(value)).toEqual(['code', status === 400 ? 'errors' : 'error']);
        expect(value.code).toBe(code);
        return code;
      }),
    );
    expect([...new Set(documented)].sort()).toEqual(REST_CODES);
  });

  it('are closed lists in the schemas of their bodies', () => {
    const listed = (schema: any): ErrorCode[] => [...schema.properties.code.enum].sort();
    expect(listed(schemas.ErrorsBody)).toEqual(REST_CODES.filter((code) => STATUS[code] === 400));
    expect(listed(schemas.ErrorBody)).toEqual(REST_CODES.filter((code) => STATUS[code] !== 400));
  });

  it('belong to their operations', () => {
    const common = ['200', '400', '401', '403', '404', '429', '500', '503'];
    const writes = [...common, '409', '413', '415', '422'].sort();
    const statuses = operations.map(({ operation }) => [operation.operationId, Object.keys(operation.responses)]);
    expect(Object.fromEntries(statuses)).toEqual({
      list_environment_agent_secrets: [...common, '304'].sort(),
      create_agent_secret: writes,
      watch_environment_agent_secrets: [...common, '409'].sort(),
      get_agent_secret: common,
      update_agent_secret: writes,
      delete_agent_secret: [...common, '409', '422'].sort(),
      current_login_token: common.filter((status) => !['400', '403'].includes(status)),
      list_visible_environments: common.filter((status) => !['403', '404'].includes(status)),
      get_account_application: common.filter((status) => status !== '403'),
      create_application: writes,
      get_application_environment: common.filter((status) => status !== '403'),
      create_environment: writes,
    });
  });
});

describe('its examples', () => {
  let app: TestApp;
  let send: (method: string, path: string, body?: object) => Promise<{ status: number; body: any }>;
  let environmentId: string;
  let headers: Record<string, string>;
  /** What the example cannot know. */
  let told: object;

  beforeAll(async () => {
    app = await createTestApp();
    const { people, ...world } = await createWorld(app);
    environmentId = world.environmentId;
    headers = { authorization: `Bearer ${people.deployer.token}`, 'content-type': 'application/json' };
    told = { by: people.deployer.id, at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) };
    send = async (method, path, body) => {
      const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
      const response = await app.fetch(new Request(`http://localhost${path}`, init));
      return { status: response.status, body: await response.json() };
    };
  });

  afterAll(() => app.close());

  /** Of a stream that goes on. */
  async function firstEvent(path: string): Promise<{ id: string; data: any }> {
    const { body } = await app.fetch(new Request(`http://localhost${path}`, { headers }));
    let seen = '';
    for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) {
      seen += new TextDecoder().decode(bytes);
      const [, id = '', data = ''] = /^id: (\d+-[0-9a-f]{16})\ndata: (.*)\n\n/m.exec(seen) ?? [];
      if (id) return { id, data: JSON.parse(data) };
    }
    throw new Error(`no event: ${seen}`);
  }

  it('are a secret’s life as the service plays it', async () => {
    const secrets = `/v1/envs/${environmentId}/agent-secrets`;
    const created = await send('POST', secrets, EXAMPLES.create_agent_secret.request);
    const { id } = created.body;
    const shown = ({ response }: { response: object }) => {
      const { id: shownId, environmentId: shownEnvironment } = EXAMPLES.get_agent_secret.response;
      const body = JSON.stringify(response).replaceAll(shownId, id).replaceAll(shownEnvironment, environmentId);
      return { status: 200, body: JSON.parse(body) };
    };
    expect(created).toEqual(shown(EXAMPLES.create_agent_secret));
    expect(await send('GET', secrets)).toEqual(shown(EXAMPLES.list_environment_agent_secrets));
    expect(await send('GET', `/v1/agent-secrets/${id}`)).toEqual(shown(EXAMPLES.get_agent_secret));
    const { request } = EXAMPLES.update_agent_secret;
    expect(await send('PATCH', `/v1/agent-secrets/${id}`, request)).toEqual(shown(EXAMPLES.update_agent_secret));
    const { after } = EXAMPLES.watch_environment_agent_secrets.query;
    expect(await firstEvent(`${secrets}/changes?after=${after}`)).toEqual({
      id: expect.stringMatching(`^${CHANGES.environmentRevision}-`),
      data: { ...CHANGES, changes: CHANGES.changes.map((change) => ({ ...change, ...told, id })) },
    });
    const deletion = `/v1/agent-secret/${id}?current_revision=${EXAMPLES.delete_agent_secret.query.current_revision}`;
    expect(await send('DELETE', deletion)).toEqual(shown(EXAMPLES.delete_agent_secret));
  });

  it('are what Golem’s tools are answered', async () => {
    const document = `mutation { createAccount(input: { name: "ada", email: "ada@example.com" }) {
      ... on CreateAccountPayload { secret account { id } } } }`;
    const { secret, account } = (await ask(app, app.operatorToken, document)).createAccount;
    const authorization = `Bearer ${secret}`;
    const call = async (method: string, path: string, body?: object) => {
      const init = { method, headers: { ...headers, authorization }, ...(body ? { body: JSON.stringify(body) } : {}) };
      const response = await app.fetch(new Request(`http://localhost${path}`, init));
      return { status: response.status, text: await response.text() };
    };
    const own: Record<string, string> = { [EXAMPLE_IDS.account_id]: account.id };
    const shown = ({ response }: { response: object }) => {
      const text = JSON.stringify(response);
      return { status: 200, text: text.replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, (id) => own[id] ?? id) };
    };
    const idIn = ({ text }: { text: string }) => JSON.parse(text).id;

    const token = await call('GET', '/v1/me/token');
    const { id, createdAt } = JSON.parse(token.text);
    const { response } = GOLEM_EXAMPLES.current_login_token;
    own[response.id] = id;
    expect(token).toEqual(shown({ response: { ...response, createdAt } }));
    const apps = `/v1/accounts/${account.id}/apps`;
    const application = await call('POST', apps, GOLEM_EXAMPLES.create_application.request);
    own[EXAMPLE_IDS.application_id] = idIn(application);
    expect(application).toEqual(shown(GOLEM_EXAMPLES.create_application));
    const byName = await call('GET', `${apps}/${EXAMPLE_IDS.application_name}`);
    expect(byName).toEqual(shown(GOLEM_EXAMPLES.get_account_application));
    const envs = `/v1/apps/${idIn(application)}/envs`;
    const environment = await call('POST', envs, GOLEM_EXAMPLES.create_environment.request);
    own[EXAMPLE_IDS.environment_id] = idIn(environment);
    expect(environment).toEqual(shown(GOLEM_EXAMPLES.create_environment));
    const found = await call('GET', `${envs}/${EXAMPLE_IDS.environment_name}`);
    expect(found).toEqual(shown(GOLEM_EXAMPLES.get_application_environment));
    const query = new URLSearchParams(GOLEM_EXAMPLES.list_visible_environments.query);
    const visible = await call('GET', `/v1/me/visible-environments?${query}`);
    expect(visible).toEqual(shown(GOLEM_EXAMPLES.list_visible_environments));
  });

  it('have a type document of every kind, which comes back as it is shown', async () => {
    for (const kind of TYPE_KINDS) {
      const [secretType] = schemas[`AnalysedType_Type${kind}`].examples;
      const created = await send('POST', `/v1/envs/${environmentId}/agent-secrets`, { path: [kind], secretType });
      expect(created).toMatchObject({ status: 200, body: { secretType } });
    }
  });
});

describe('the page', () => {
  it('has the operations for Golem’s tools under a heading of their own', () => {
    const [secrets = '', golem = ''] = html.split('<h2 id="golem">For Golem’s tools</h2>');
    const isForGolem = ({ operation }: Documented) => operation.tags[0] === 'GolemTools';
    for (const documented of operations) {
      expect(isForGolem(documented) ? golem : secrets).toContain(`<h3 id="${documented.operation.operationId}">`);
    }
  });

  it('tells every operation, error and kind of type', () => {
    for (const { path, method, operation } of operations) {
      expect(html).toContain(`id="${operation.operationId}"`);
      expect(html).toContain(`${method}</span> <code>${path}</code>`);
      const option = operation.operationId.startsWith('watch') ? '-N ' : method === 'GET' ? '' : `-X ${method} `;
      expect(html).toContain(`curl ${option}&quot;$URL${path.replace(/\{.*/, '$')}`);
    }
    for (const code of REST_CODES) expect(html).toContain(`<tr id="${code}">`);
    for (const kind of TYPE_KINDS) expect(html).toContain(`id="AnalysedType_Type${kind}"`);
    expect(html).not.toMatch(/\[object |undefined|&amp;(quot|lt|amp);/);
  });

  it('links only to what is on it', () => {
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target = ''] of html.matchAll(/ href="([^"]*)"/g)) {
      if (target.startsWith('#')) expect(ids).toContain(target.slice(1));
      else expect(target).toMatch(/^(\/openapi\.json$|\/graphql$|data:)/);
    }
    for (const [, id] of html.matchAll(/ aria-labelledby="([^"]*)"/g)) expect(ids).toContain(id);
  });

  it('runs no script, and its policy allows its own style sheet and nothing else', async () => {
    const { headers } = await docs.request('/docs');
    expect(html).not.toMatch(/<script|\son\w+=|\sstyle=|javascript:|<form|<iframe/);
    const styles = [...html.matchAll(/<style>(.*?)<\/style>/gs)].map(([, style = '']) => style);
    const hashes = styles.map((style) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src ${hashes}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });
});

describe.each([
  ['/openapi.json', 'application/json; charset=utf-8'],
  ['/docs', 'text/html; charset=utf-8'],
])('%s', (path, type) => {
  it('needs no credential, says what it is, and answers 304 to those who have it', async () => {
    const ask = (headers: Record<string, string> = {}, method = 'GET') => docs.request(path, { method, headers });
    const { status, headers } = await ask();
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([200, type, 'no-cache']);
    const etag = headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{20,}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const response = await ask({ 'if-none-match': known });
      expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([304, etag, '']);
    }
    for (const unknown of ['"other"', etag.slice(0, -2), '']) {
      expect((await ask({ 'if-none-match': unknown })).status).toBe(200);
    }
    const refusal = await ask({}, 'POST');
    expect([refusal.status, refusal.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});
