// Answers of the calls for Golem's tools with every status, against our OpenAPI document.
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { GOLEM_ROUTES } from '../../../src/rest/golem-routes.js';
import { servicesOn } from '../../../src/start/services.js';
import { openPostgres } from '../../../src/store/engine/client.js';
import { oidcConfig, startIssuer } from '../../support/external/issuer.js';
import { ask } from '../../support/graphql/client.js';
import { tokenWith } from '../../support/graphql/token-scopes.js';
import { type Answer, type Client, clientOf, expectRefusal } from '../../support/rest/app.js';
import { type OpenApi, openApiChecker } from '../../support/rest/openapi.js';
import { createLimitedEnvironment } from '../../support/rest/plan.js';
import { restSuite } from '../../support/suites.js';
import { unique } from '../../support/world.js';

const { app, owner, token, environmentId } = await restSuite({ maxBodyBytes: 2_000 });
const { people, applicationId } = app.world;
const names = (
  await ask(app, token, 'query ($id: UUID) { environment(id: $id) { name application { name } } }', {
    id: environmentId,
  })
).environment;

const seen: { operationId: string; answer: Answer }[] = [];
const see = async (operationId: string, answer: Promise<Answer>) => seen.push({ operationId, answer: await answer });

const SETTINGS = { compatibilityCheck: false, versionCheck: false, securityOverrides: false };

interface Place {
  accountId?: string;
  applicationId?: string;
  application?: string;
  environment?: string;
  name?: string;
  more?: { contentType?: string };
}

async function seeAll(client: Client, place: Place = {}) {
  const at = {
    accountId: people.owner.id,
    applicationId,
    application: names.application.name,
    environment: names.name,
    ...place,
  };
  const post = (path: string, more: object) =>
    client.call('POST', path, { body: { name: place.name ?? unique('n'), ...more }, ...place.more });
  await see('current_login_token', client.call('GET', '/v1/me/token'));
  await see('list_visible_environments', client.call('GET', '/v1/me/visible-environments'));
  await see('get_account_application', client.call('GET', `/v1/accounts/${at.accountId}/apps/${at.application}`));
  await see('create_application', post(`/v1/accounts/${at.accountId}/apps`, {}));
  await see('get_application_environment', client.call('GET', `/v1/apps/${at.applicationId}/envs/${at.environment}`));
  await see('create_environment', post(`/v1/apps/${at.applicationId}/envs`, SETTINGS));
}

beforeAll(async () => {
  await seeAll(owner);
  await seeAll(app.as('viewer'));
  await seeAll(app.anonymous);
  await seeAll(owner, { accountId: 'x', applicationId: 'x' });
  await seeAll(owner, { accountId: environmentId, applicationId: environmentId });
  await seeAll(clientOf(app.server, await tokenWith(app, token, { scopes: ['METADATA'] })));
  await seeAll(owner, { name: names.name });
  await seeAll(owner, { name: names.name });
  await seeAll(owner, { name: 'x'.repeat(3_000) });
  await seeAll(owner, { more: { contentType: 'text/plain' } });
  await see('list_visible_environments', owner.call('GET', '/v1/me/visible-environments?app_name=a&app_name=a'));
  await seeLimits();
  await seeFailures();
});

async function seeLimits() {
  const full = await createLimitedEnvironment(app, { environments: 1 });
  const { body } = await full.owner.call('GET', '/v1/me/visible-environments');
  const [{ account, application }] = body.values;
  await app.services.db.script(`insert into applications (id, account_id, name, created_at)
    select gen_random_uuid(), '${account.id}', 'n' || n, now() from generate_series(1, 999) n`);
  await seeAll(full.owner, { accountId: account.id, applicationId: application.id });
}

async function seeFailures() {
  const exhausted = clientOf(await app.variant({ rateLimit: 1 }), token);
  await exhausted.call('GET', '/v1/me/token');
  await seeAll(exhausted);
  const url = 'postgres://nobody@127.0.0.1:1/nothing';
  const nowhere = openPostgres({ url, poolSize: 1, statementTimeout: 1_000, connectTimeout: 1, prepare: true });
  const server = await app.variant({}, servicesOn(nowhere, app.services.keyProvider, app.services.log));
  await seeAll(clientOf(server, token));
  await nowhere.close();
  // What no operator would do: every statement about applications and tokens fails.
  await owner.call('GET', '/v1/me/token');
  await app.services.db.script('alter table applications rename to lost; alter table tokens rename to lost_tokens');
  await seeAll(owner);
  await app.services.db.script('alter table lost rename to applications; alter table lost_tokens rename to tokens');
}

test('a login has no token, which is said', async () => {
  const issuer = await startIssuer();
  try {
    const server = await app.variant(oidcConfig(issuer));
    const client = clientOf(server, await issuer.sign({ sub: people.owner.id }));
    const answer = await client.call('GET', '/v1/me/token');
    expectRefusal(answer, 404, 'TOKEN_NOT_FOUND', 'A login has no token: make one with createToken');
    seen.push({ operationId: 'current_login_token', answer });
    const visible = await client.call('GET', `/v1/me/visible-environments?env_name=${names.name}`);
    expect(visible.body.values).toMatchObject([{ environment: { id: environmentId } }]);
  } finally {
    await issuer.close();
  }
});

test('our document declares every answer, and no status that no request gets', () => {
  const document = JSON.parse(
    readFileSync(new URL('../../../schema/openapi.json', import.meta.url), 'utf8'),
  ) as OpenApi;
  const checker = openApiChecker(document);
  expect([...new Set(seen.flatMap(({ operationId, answer }) => checker.problems(operationId, answer)))]).toEqual([]);
  for (const { operationId } of GOLEM_ROUTES) {
    const statuses = seen.filter((one) => one.operationId === operationId).map(({ answer }) => String(answer.status));
    expect([operationId, [...new Set(statuses)].sort()]).toEqual([operationId, checker.statuses[operationId]]);
  }
});
