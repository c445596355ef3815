// Whoever may write to the database gives a secret another's path or type: its value is then shown to nobody.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LogFinding } from '../../../src/domain/log/log-finding.js';
import { verifyLog } from '../../../src/domain/log/log-verification.js';
import { canary } from '../../support/canary.js';
import { firstEvent, graphql } from '../../support/graphql/client.js';
import { tokenWith } from '../../support/graphql/token-scopes.js';
import { type Client, clientOf, createRestApp, expectRefusal, type RestApp } from '../../support/rest/app.js';
import { createEnvironment } from '../../support/world.js';

let app: RestApp;
let owner: string;
let limited: string;
beforeAll(async () => {
  app = await createRestApp();
  owner = app.world.people.owner.token;
  limited = await tokenWith(app, owner, { pathPrefixes: ['db'] });
});
afterAll(() => app.close());

const FEED = `subscription ($environmentId: UUID!) {
  agentSecretChanges(environmentId: $environmentId, after: 0) { changes { secretValue } }
}`;

let environmentId: string;
let ids: { db: string; pay: string };
let values: { db: string; pay: string };
beforeEach(async () => {
  environmentId = await createEnvironment(app, owner, app.world.applicationId);
  values = { db: canary(), pay: canary() };
  const made = async (path: string[], secret: object) => {
    const { id } = await app.as('owner').made(environmentId, { path, ...secret });
    return id;
  };
  ids = {
    db: await made(['db', 'key'], { secretValue: values.db }),
    pay: await made(['pay', 'key'], {
      secretValue: values.pay,
      secretType: { type: 'Option', inner: { type: 'Str' } },
    }),
  };
});

/** Swaps columns of the environment's two secrets, past the service. */
const swap = (...columns: string[]) =>
  app.services.db.script(`
    drop index agent_secrets_path;
    update agent_secrets s set ${columns.map((column) => `${column} = o.${column}`).join()} from agent_secrets o
    where s.environment_id = '${environmentId}' and o.environment_id = s.environment_id and o.id <> s.id;
    create unique index agent_secrets_path on agent_secrets (environment_id, path) where deleted_at is null;
  `);

async function expectHidden(client: Client, token: string, seen: string[]): Promise<void> {
  for (const id of seen) expectRefusal(await client.get(id), 500, 'AGENT_SECRET_VALUE_UNREADABLE');
  expectRefusal(await client.list(environmentId), 500, 'AGENT_SECRET_VALUE_UNREADABLE');
  const inEnvironment = [
    'allAgentSecrets { secretValue }',
    'allAgentSecrets { document }',
    'agentSecrets { edges { node { secretValueText } } }',
    'agentSecretDocuments',
    'agentSecret(pathText: "db.key") { secretValue }',
  ].flatMap((selection) => [
    `environment(id: "${environmentId}") { ${selection} }`,
    `environment(id: "${environmentId}") { snapshot(revision: 2) { ${selection} } }`,
  ]);
  const bySecret = seen.flatMap((id) => [
    `agentSecret(id: "${id}") { secretValue }`,
    `agentSecret(id: "${id}") { revisions { edges { node { secretValue } } } }`,
  ]);
  for (const selection of [...inEnvironment, ...bySecret]) {
    const answer = await graphql(app, token, `{ ${selection} }`);
    expect(
      answer.errors?.map(({ extensions }) => extensions.code),
      `${selection}: ${answer.errors?.[0]?.message}`,
    ).toContain('AGENT_SECRET_VALUE_UNREADABLE');
    for (const value of Object.values(values)) expect(JSON.stringify(answer), selection).not.toContain(value);
  }
  const event = await firstEvent(app, token, FEED, { environmentId });
  expect(event.errors?.[0]?.extensions.code).toBe('AGENT_SECRET_VALUE_UNREADABLE');
}

describe.each([
  ['path', ['path']],
  ['type', ['secret_type', 'type_kind']],
  ['path and type', ['path', 'secret_type', 'type_kind']],
])('two secrets whose %s was swapped', (_, columns) => {
  test('show no value, at either door', async () => {
    const client = clientOf(app.server, owner);
    expect((await client.get(ids.pay)).body.secretValue).toBe(values.pay);
    await swap(...columns);
    await expectHidden(client, owner, [ids.db, ids.pay]);
  });

  test('are found by verify-log', async () => {
    await swap(...columns);
    const finding = await verifyLog(app.services.db, environmentId, { keyProvider: app.services.keyProvider });
    expect(finding).toBeInstanceOf(LogFinding);
    expect((finding as LogFinding).message).toContain(`the path or secret_type of the secret ${ids.db}`);
  });
});

test('a token for the paths below db is not shown the value of pay.key, whose path now says db.key', async () => {
  const client = clientOf(app.server, limited);
  expect((await client.get(ids.db)).body.secretValue).toBe(values.db);
  expectRefusal(await client.get(ids.pay), 404, 'AGENT_SECRET_NOT_FOUND');
  await swap('path');
  await expectHidden(client, limited, [ids.pay]);
});
