// A database as npm run bench:seed leaves it: as good as one that the service has filled, and read by index only.
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateKeyring, localKeyProvider, parseKeyring } from '../../../src/crypto/local-keyring.js';
import type { Services } from '../../../src/domain/request/services.js';
import { createLogger } from '../../../src/logging/logger.js';
import { servicesOn } from '../../../src/start/services.js';
import { openPostgres } from '../../../src/store/engine/client.js';
import type { Place } from '../../bench/scale/operations.js';
import { findPlace } from '../../bench/scale/place.js';
import { addNeighbours, describeScan, findScans } from '../../bench/scale/plans.js';
import { createOwners, type FilledEnvironment, fillEnvironments, settle } from '../../bench/scale/seed.js';
import { type Sent, statementsOf } from '../../bench/scale/statements.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { inVain } from '../../support/postgres/in-vain.js';
import { runToEnd } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const SECRETS = 20_000;
const ENVIRONMENTS = 20;

let database: TestDatabase;
let sql: postgres.Sql;
let services: Services;
let filled: FilledEnvironment[];
/** What the service runs for one operation of every kind. */
let sent: Sent[];
/** Where secrets were before these operations. */
let place: Place;
let pages: Map<string, number>;
const keyring = generateKeyring();
beforeAll(async () => {
  database = await createTestDatabase();
  const { url: databaseUrl } = database;
  sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  const db = openPostgres({
    url: databaseUrl,
    poolSize: 3,
    statementTimeout: 30_000,
    connectTimeout: 5,
    prepare: true,
  });
  const keyProvider = localKeyProvider(parseKeyring(keyring));
  services = servicesOn(db, keyProvider, createLogger('silent'));
  const share = { databaseUrl, owners: await createOwners(services), secrets: SECRETS, shares: 2 };
  filled = [];
  for (const index of [0, 1]) {
    await fillEnvironments(services, { ...share, index }, (environment) => filled.push(environment));
  }
  await settle(databaseUrl);
  place = await findPlace(sql);
  pages = await pagesOf(place);
  sent = await statementsOf(databaseUrl, keyProvider, place);
});
afterAll(async () => {
  await services?.db.close();
  await sql?.end({ timeout: 5 });
  await database?.drop();
});

test('the operator command finds nothing: every log, every current secret and every value is in order', async () => {
  const env = { DATABASE_URL: database.url, MASTER_KEYS: keyring };
  const { code, stdout, stderr } = await runToEnd({ script: 'cli/verify-log.js', env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.match(/: ok, revision \d+, 1000 secrets, 1120 values opened/g)).toHaveLength(ENVIRONMENTS - 2);
  expect(filled).toEqual(Array.from({ length: ENVIRONMENTS }, () => ({ secrets: 1_000, logRows: 1_140 })));
});

test('a database that has environments is not filled', async () => {
  await expect(createOwners(services)).rejects.toThrow('the database has environments already');
});

/** The page of the table that each of the secrets is on. */
async function pagesOf({ secrets }: Place): Promise<Map<string, number>> {
  const rows = await sql<{ id: string; page: number }[]>`
    select id, (ctid::text::point)[0]::int as page from agent_secrets where id = any(${secrets.map(({ id }) => id)})`;
  return new Map(rows.map(({ id, page }) => [id, page]));
}

test('a secret stays on its page when it is updated, however full the table: so no index has to be changed', async () => {
  const updated = await sql<{ id: string }[]>`
    select id from agent_secrets where id = any(${[...pages.keys()]}) and deleted_at is null
      and updated_at > (select max(created_at) from agent_secrets where path like 'current.%')`;
  expect(updated.length).toBeGreaterThanOrEqual(3);
  const now = await pagesOf(place);
  expect(updated.filter(({ id }) => now.get(id) !== pages.get(id))).toEqual([]);
});

test('among the statements are those of requests that go together', () => {
  const together = sent.filter(
    ({ text }) => /with ordinality as asked/.test(text) && !/for update(?! of "environments" skip locked)/.test(text),
  );
  expect(new Set(together.map(({ text }) => text)).size).toBeGreaterThanOrEqual(5);
});

test('no statement reads a table or an index from end to end', async () => {
  const scans = await inVain(sql, async (tx) => {
    await addNeighbours(tx);
    return findScans(tx, sent);
  });
  expect(scans.map(describeScan)).toEqual([]);
});

/** Indexes without which a request still reads by another one, if more of it, or which only a command needs. */
const STOOD_IN_FOR = [
  // No two accounts have one email; an admin who gives one is told by it.
  'accounts_email',
  // Either serves for the other: then a lookup reads all revisions of its secret.
  'agent_secret_revisions_as_of',
  'agent_secret_revisions_secret',
  // Each start takes a few keys of every master key by it.
  'environment_keys_master_key',
  // Old records go by it, with npm run prune-reads.
  'secret_reads_at',
  // Without it the records of the secret's whole environment are read.
  'secret_reads_secret',
  // The descendants of a token are found by it, when they are revoked with the token.
  'tokens_parent',
];

test('whichever other index is missing, a statement is found that needs it', async () => {
  const unmissed = await inVain(sql, async (tx) => {
    await addNeighbours(tx);
    const indexes = await tx<{ name: string; table: string; constraint: string | null }[]>`
      select index.relname as name, indrelid::regclass::text as table, conname as constraint
      from pg_index join pg_class index on index.oid = indexrelid
        left join pg_constraint on conindid = indexrelid and contype in ('p', 'u')
      where index.relnamespace = 'public'::regnamespace and indrelid::regclass::text not in ('plans', 'schema_compatibility')
      order by name`;
    expect(indexes.length).toBeGreaterThan(20);
    const names: string[] = [];
    for (const { name, table, constraint } of indexes) {
      const about = sent.filter(({ text }) => text.includes(`"${table}"`));
      await tx`savepoint whole`;
      await tx.unsafe(constraint ? `alter table ${table} drop constraint ${constraint} cascade` : `drop index ${name}`);
      if (!(await isMissed(tx, about))) names.push(name);
      await tx`rollback to savepoint whole`;
    }
    return names;
  });
  expect(unmissed).toEqual(STOOD_IN_FOR);
});

async function isMissed(tx: postgres.TransactionSql, statements: readonly Sent[]): Promise<boolean> {
  try {
    return (await findScans(tx, statements)).length > 0;
  } catch (error) {
    if (/no unique or exclusion constraint/.test(String(error))) return true;
    throw error;
  }
}
