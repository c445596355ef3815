// MIGRATE=false: the tables belong to another role, and the service has the rights that the manual lists and no others.
import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { RIGHTS } from '../../../src/store/engine/rights.js';
import { blocksOf } from '../../docs/pages.js';
import { createEmptyDatabase } from '../../races/support/empty-database.js';
import { ask, type Caller, call, until } from '../../server/process/client.js';
import { capitalized } from '../../support/graphql/accounts.js';
import type { TestDatabase } from '../../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 180_000 });

const suffix = randomBytes(4).toString('hex');
const owner = `owner_${suffix}`;
const service = `service_${suffix}`;
const keys = generateKeyring();
let database: TestDatabase;
let admin: postgres.Sql;
let server: RunningServer | undefined;
beforeAll(async () => {
  database = await createEmptyDatabase();
  admin = postgres(database.url, { max: 1, onnotice: () => undefined });
  for (const role of [owner, service]) await admin.unsafe(`create role ${role} login password 'local'`);
  const name = new URL(database.url).pathname.slice(1);
  await admin.unsafe(`grant create on database ${name} to ${owner}; grant create on schema public to ${owner}`);
});
afterAll(async () => {
  await server?.kill9();
  for (const role of [owner, service]) await admin?.unsafe(`drop owned by ${role}; drop role ${role}`);
  await admin?.end({ timeout: 5 });
  await database?.drop();
});

function envOf(role: string): Record<string, string> {
  const url = Object.assign(new URL(database.url), { username: role, password: 'local' }).href;
  return { NODE_ENV: 'production', MIGRATE: 'false', DATABASE_URL: url, MASTER_KEYS: keys };
}

function run(script: string, role: string, ...args: string[]) {
  return runToEnd({ script: `cli/${script}.js`, args, env: envOf(role) });
}

/** Why the service does not start, and what the operator reads. */
async function refusal(): Promise<string> {
  const { code, stdout, stderr } = await runToEnd({ env: envOf(service) });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^Cannot start: [^\n]+\n$/);
  return stderr.trimEnd();
}

test('the service says what is missing, from the first migration to the last right', async () => {
  expect(await refusal()).toContain('is not migrated to this version; it lacks');
  expect(await run('migrate', owner)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^\d+\n$/) });
  expect(await run('migrate', owner)).toEqual({ code: 0, stderr: '', stdout: '0\n' });
  expect(await refusal()).toMatch(/lacks a right \(42501\): permission denied for schema drizzle.*--grant-to/);
  await admin.unsafe(`grant usage on schema drizzle to ${service}`);
  expect(await refusal()).toMatch(
    /lacks a right \(42501\): permission denied for table __drizzle_migrations.*--grant-to/,
  );
});

test('the grants of the manual are those of the code, and each that is missing is named', async () => {
  const manual = blocksOf('docs/rollouts.md').find(({ language }) => language === 'sql')?.text ?? '';
  const granted = [...manual.matchAll(/^grant (.*) on (?!schema )([a-z_, ]+) to NAME;$/gm)].flatMap(
    ([, rights, tables]) => (tables as string).split(', ').map((table) => [table, rights]),
  );
  const listed = Object.entries(RIGHTS).map(([table, rights]) => [table, rights.join(', ')]);
  expect(granted.sort()).toEqual(listed.sort());
  await admin.unsafe(`set role ${owner}`);
  await admin.unsafe(manual.replaceAll('NAME', service));
  await admin.unsafe('reset role');
  await admin.unsafe(`revoke delete on plans from ${service}; revoke update (id) on secret_reads from ${service}`);
  expect(await refusal()).toContain(
    `grant delete on plans to ${service}; grant update (id) on secret_reads to ${service}`,
  );
  expect(await run('migrate', owner, '--grant-to', service)).toEqual({ code: 0, stderr: '', stdout: '0\n' });
  const rights =
    await admin`select table_name || ' ' || lower(privilege_type) as right from information_schema.role_table_grants
    where grantee = ${service} and table_schema = 'public' order by 1`;
  const tableRights = Object.entries(RIGHTS).flatMap(([table, all]) => all.map((right) => `${table} ${right}`));
  expect(rights.map(({ right }) => right)).toEqual(tableRights.filter((right) => !right.includes('(')).sort());
});

/** A mutation that must do its work; resolves to its payload, with the fields that are asked for. */
async function mutate(caller: Caller, field: string, input: string, fields = '__typename'): Promise<any> {
  const payload = `${capitalized(field)}Payload`;
  const answer = await ask(
    caller,
    `mutation { ${field}(input: {${input}}) { __typename ... on ${payload} { ${fields} } } }`,
  );
  expect(answer[field]?.__typename, field).toBe(payload);
  return answer[field];
}

test('with these rights everything works that the service and its commands do', async () => {
  const made = await run('create-token', service, '--account', 'operations', '--admin');
  expect(made.stderr).toBe('');
  server = await startServer({ env: envOf(service) });
  const caller = { url: server.url, token: made.stdout.trim() };
  const limits = 'maxEnvironments: 9, maxSecretsPerEnvironment: 9, maxValueBytes: 999';
  const { plan } = await mutate(caller, 'createPlan', `name: "p", ${limits}`, 'plan { id }');
  await mutate(caller, 'updatePlan', `id: "${plan.id}", maxValueBytes: 9999`);
  const { account } = await mutate(caller, 'createAccount', 'name: "other"', 'account { id }');
  await mutate(caller, 'updateAccount', `id: "${account.id}", roles: [ADMIN]`);
  await mutate(caller, 'deletePlan', `id: "${plan.id}"`);
  const { token } = await mutate(caller, 'createToken', 'name: "t"', 'token { id }');
  await mutate(caller, 'revokeToken', `id: "${token.id}"`);
  const { application } = await mutate(caller, 'createApplication', 'name: "a"', 'application { id }');
  await mutate(caller, 'updateApplication', `id: "${application.id}", name: "b"`);
  const inIt = `applicationId: "${application.id}", name: "e"`;
  const { environment } = await mutate(caller, 'createEnvironment', inIt, 'environment { id }');
  await mutate(caller, 'updateEnvironment', `id: "${environment.id}", name: "f"`);
  const withOther = `environmentId: "${environment.id}", accountName: "other", roles: [VIEWER]`;
  const shared = await mutate(caller, 'createEnvironmentShare', withOther, 'environmentShare { id }');
  const share = shared.environmentShare;
  await mutate(caller, 'updateEnvironmentShare', `id: "${share.id}", roles: [ADMIN]`);
  await mutate(caller, 'deleteEnvironmentShare', `id: "${share.id}"`);

  const path = `/v1/envs/${environment.id}/agent-secrets`;
  const body = { path: ['a'], secretType: { type: 'Str' }, secretValue: 'one' };
  const created = await call(caller, 'POST', path, body, { 'idempotency-key': 'once' });
  expect(created.status).toBe(200);
  const { id } = created.body;
  const change = { currentRevision: 0, secretValue: { op: 'set', value: 'two' } };
  expect((await call(caller, 'PATCH', `/v1/agent-secrets/${id}`, change)).status).toBe(200);
  expect((await call(caller, 'GET', path)).body.values[0].secretValue).toBe('two');
  await mutate(caller, 'destroyAgentSecretRevision', `id: "${id}", currentRevision: 1, revision: 0`);
  await mutate(caller, 'deleteAgentSecret', `id: "${id}", currentRevision: 2`);
  await mutate(caller, 'restoreAgentSecret', `id: "${id}", currentRevision: 3, toRevision: 1`);
  const deletion = `{delete: {id: "${id}", currentRevision: 4}}`;
  await mutate(caller, 'applyAgentSecretChanges', `environmentId: "${environment.id}", changes: [${deletion}]`);
  await until('the reading is recorded', async () => (await admin`select 1 from secret_reads`).length > 0);
  for (const [script, ...args] of [
    ['rotate', 'data-keys', '--all'],
    ['rotate', 'master-key'],
    ['rotate', 'retire'],
    ['rotate', 'facts'],
    ['rotate', 'status'],
    ['prune-reads', '--older-than-days', '0'],
    ['verify-log'],
  ] as const) {
    expect(await run(script, service, ...args), `${script} ${args[0]}`).toMatchObject({ code: 0, stderr: '' });
  }
  await mutate(caller, 'deleteEnvironment', `id: "${environment.id}"`);
  await mutate(caller, 'deleteApplication', `id: "${application.id}"`);
  await mutate(caller, 'deleteAccount', `id: "${account.id}"`);
  expect(server.complaints()).toBe('');
});
