// Reads of a long log on real Postgres: by index, whatever they ask, and quick with 20,000 rows behind 1,000 secrets.
import { beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../support/graphql/client.js';
import { environmentAt, rowsOf } from '../../support/graphql/log.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const SECRETS = 1_000;
const DELETED = 200;
const REVISIONS = 20;

const { app, world, token } = await graphqlSuite();
let environmentId: string;
beforeAll(async () => {
  environmentId = await createEnvironment(app, token, world.applicationId);
  await fill(environmentId);
  // Others' logs, so that an environment is not the whole table.
  for (let other = 0; other < 3; other += 1) {
    await fill(await createEnvironment(app, token, world.applicationId));
  }
  await app.services.db.script('analyze');
});

/** Past the service: what thousands of writes would leave, as far as reads go. Its hashes are none. */
async function fill(id: string): Promise<void> {
  const owner = world.people.owner.id;
  const all = SECRETS + DELETED;
  const last = REVISIONS - 1;
  await app.services.db.script(`
    with made as (
      insert into agent_secrets (id, environment_id, path, secret_type, type_kind, revision, created_at, created_by,
        updated_at, updated_by, deleted_at)
      select gen_random_uuid(), '${id}', 'p' || n, '{"type":"Str"}', 'Str', ${last}, now(), '${owner}', now(), '${owner}',
        case when n > ${SECRETS} then now() end
      from generate_series(1, ${all}) n
      returning id, substr(path, 2)::int as n, deleted_at
    )
    insert into agent_secret_revisions (environment_id, environment_revision, agent_secret_id, revision, change,
      deleted_at, at, account_id, hash)
    select '${id}', r * ${all} + n, made.id, r,
      case when r = 0 then 'created' when r = ${last} and deleted_at is not null then 'deleted' else 'updated' end,
      case when r = ${last} then deleted_at end, now(), '${owner}', '\\x00'
    from made, generate_series(0, ${last}) r;
    update environments set revision = ${all * REVISIONS}, secret_count = ${SECRETS} where id = '${id}'`);
}

/** Every statement that a request runs, with its plan. */
async function plansOf(document: string, variables: object): Promise<{ text: string; plan: string }[]> {
  const ran: { text: string; parameters: unknown[] }[] = [];
  const services = app.services as { db: typeof app.services.db };
  const { db } = services;
  const note = (statement: { text: string; parameters(input: never): unknown[] }, input: object) =>
    ran.push({ text: statement.text, parameters: statement.parameters(input as never) });
  services.db = {
    ...db,
    row(statement, input) {
      note(statement, input);
      return db.row(statement, input);
    },
    rows(statement, input) {
      note(statement, input);
      return db.rows(statement, input);
    },
  };
  try {
    await ask(app, token, document, variables);
  } finally {
    services.db = db;
  }
  const explained = ran.map(async ({ text, parameters }) => {
    const lines = await rowsOf(app, `explain (analyze) ${text}`, parameters);
    return { text, plan: lines.map((line) => line['QUERY PLAN']).join('\n') };
  });
  return Promise.all(explained);
}

const AT = 12_345;
const READS: Record<string, [document: string, variables?: object]> = {
  'a page of the past': ['agentSecrets(first: 50) { edges { node { pathText secretValue } } }', { at: AT }],
  'a later page of the past': [
    'agentSecrets(first: 50, filter: { pathPrefix: "p5" }) { totalCount edges { node { pathText } } }',
    { at: AT },
  ],
  'the past by the latest write': [
    'agentSecrets(first: 50, orderBy: { field: UPDATED_AT, direction: DESC }) { edges { node { pathText } } }',
    { at: AT },
  ],
  'one secret of the past': ['agentSecret(pathText: "p7") { revision valueState }', { at: AT }],
  'all of the past': ['allAgentSecrets { pathText secretValue }', { at: AT }],
  'deleted ones': ['agentSecrets(first: 50, filter: { deleted: true }) { edges { node { pathText deletedAt } } }'],
  'a page of now': ['agentSecrets(first: 50) { edges { node { pathText } } }'],
  'a history': [
    'agentSecret(pathText: "p7") { revisions(first: 10) { edges { node { revision change valueState } } } }',
  ],
};

describe('read by index:', () => {
  test.each(Object.entries(READS))('%s', async (_, [selection, { at = null } = {} as any]) => {
    const shown = at === null ? selection : `snapshot(revision: ${at}) { ${selection} }`;
    const plans = await plansOf(`query ($id: UUID) { environment(id: $id) { ${shown} } }`, { id: environmentId });
    const aboutSecrets = plans.filter(({ text }) => text.includes('agent_secret'));
    expect(aboutSecrets).not.toEqual([]);
    for (const { text, plan } of aboutSecrets) {
      expect(plan, text).not.toMatch(/Seq Scan on (agent_secrets|agent_secret_revisions)/);
      expect(plan, text).toMatch(/Index/);
    }
  });
});

test(`all ${SECRETS} secrets of the past are read in a fraction of a second`, async () => {
  const selection = 'allAgentSecrets { id pathText revision valueState secretValue }';
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const began = performance.now();
    const past = await environmentAt(app, token, environmentId, selection, 20 * SECRETS);
    times.push(performance.now() - began);
    expect(past.allAgentSecrets.length).toBe(SECRETS + DELETED);
  }
  console.info(`as of: ${times.map((time) => `${time.toFixed(0)} ms`).join(', ')}`);
  expect(Math.min(...times)).toBeLessThan(300);
});
