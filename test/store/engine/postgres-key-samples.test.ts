// The keys by which a start proves its master keys: found by an index, however many environments there are.
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../../src/store/engine/client.js';
import { findEnvironmentKeySamples } from '../../../src/store/keys/environment-key.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  await sql.unsafe(`
    insert into accounts (id, name, roles, plan_id, created_at) select gen_random_uuid(), 'a', '{}', id, now() from plans;
    insert into applications (id, account_id, name, created_at) select gen_random_uuid(), id, 'a', now() from accounts;
    insert into environments (id, application_id, account_id, name, head_hash, created_at, updated_at, deleted_at)
      select gen_random_uuid(), applications.id, account_id, n, '', now(), now(), case when n % 100 = 0 then now() end
      from applications, generate_series(1, 30000) n;
    -- Most keys are under one master key, a few under the one before it, and one under a master key all of its own. Those
    -- under 'gone' belong to deleted environments only.
    insert into environment_keys (environment_id, purpose, version, master_key_id, wrapped, created_at)
      select id, purpose, 1, case when deleted_at is not null then 'gone' when name in ('7', '29999') then 'former'
        when name = '29998' and purpose = 'data' then 'alone' else 'current' end, name::bytea, now()
      from environments, unnest(array['data', 'digest']) purpose;
    analyze`);
});
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await database?.drop();
});

interface Node {
  'Node Type': string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Node[];
}
const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

test('every master key that environments depend on has samples, five at most, and few rows are read for them', async () => {
  let text = '';
  const session = {
    rows: async (statement: { text: string }) => {
      text = statement.text;
      return [...(await sql.unsafe(text))];
    },
  } as unknown as Session;
  const samples = await findEnvironmentKeySamples(session);
  const counts: Record<string, number> = {};
  for (const { masterKeyId } of samples) counts[masterKeyId] = (counts[masterKeyId] ?? 0) + 1;
  expect(counts).toEqual({ alone: 1, current: 5, former: 4 });

  const [row] = await sql.unsafe(`explain (analyze, format json) ${text}`);
  const nodes = nodesOf(row?.['QUERY PLAN'][0].Plan);
  expect(nodes.map((node) => node['Node Type']).filter((type) => /Seq Scan|Sort|WindowAgg/.test(type))).toEqual([]);
  const read = nodes
    .filter((node) => /^Index/.test(node['Node Type']))
    .map((node) => (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']);
  // Two for each of the 600 keys of deleted environments, and a few for all others.
  expect(read.reduce((sum, rows) => sum + rows, 0)).toBeLessThan(1_500);
});
