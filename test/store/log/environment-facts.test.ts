// The facts about an environment beside its log: what the service changes stays in order, what SQL changes is found.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rotateDataKeys } from '../../../src/domain/keys/data-key.js';
import { sealAllFacts, sealFactsOf } from '../../../src/domain/keys/facts-sealing.js';
import { LogFinding } from '../../../src/domain/log/log-finding.js';
import { type LogHead, parseLogHeads, printLogHeads } from '../../../src/domain/log/log-head.js';
import { type VerifiedLog, verifyLog } from '../../../src/domain/log/log-verification.js';
import { createTestApp, type TestApp } from '../../support/app.js';
import { remove } from '../../support/graphql/accounts.js';
import { ask } from '../../support/graphql/client.js';
import { createAccount, createApplication, createEnvironment, type Person, unique } from '../../support/world.js';
import { literal, readTables, update } from './tables-as-text.js';

let app: TestApp;
let owner: Person;
let applicationId: string;
let environmentId: string;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());
beforeEach(async () => {
  owner = await createAccount(app, unique('owner'));
  applicationId = await createApplication(app, owner.token);
  environmentId = await createEnvironment(app, owner.token, applicationId);
});

const rename = (name = unique('env')) =>
  ask(
    app,
    owner.token,
    'mutation ($input: UpdateEnvironmentInput!) { updateEnvironment(input: $input) { ... on UpdateEnvironmentPayload { environment { name } } } }',
    { input: { id: environmentId, name } },
  );
const bySql = (columns: object) => app.services.db.script(update('environments', { id: environmentId }, columns));
const row = async () => (await readTables(app.services.db)).environments.find(({ id }) => id === environmentId)!;

async function verified(head?: LogHead): Promise<VerifiedLog | LogFinding> {
  const { db, keyProvider } = app.services;
  return (await verifyLog(db, environmentId, { keyProvider, head }))!;
}
async function exported(): Promise<LogHead> {
  const result = await verified();
  if (result instanceof LogFinding) throw result;
  return parseLogHeads(printLogHeads([result], new Date())).get(environmentId)!;
}
const SEALED = { isIntact: true, facts: { isSealed: true } };
const FINDING = { isIntact: false, kind: 'facts', environmentRevision: null };

describe('what the service does is found in order, before and behind an export', () => {
  const CHANGES: Record<string, () => Promise<unknown>> = {
    'a new environment': async () => undefined,
    'a renamed one': () => rename(),
    'one with a new data key': () => rotateDataKeys(app.services, { environmentId }),
    'a deleted one': () => remove(app, owner.token, 'deleteEnvironment', environmentId),
    'one of a deleted application': () => remove(app, owner.token, 'deleteApplication', applicationId),
    'one of a deleted account': () => remove(app, app.operatorToken, 'deleteAccount', owner.id),
    'a deleted one with a new data key': async () => {
      await remove(app, owner.token, 'deleteEnvironment', environmentId);
      await rotateDataKeys(app.services, { environmentId });
    },
  };
  test.each(Object.entries(CHANGES))('%s', async (_, change) => {
    const head = await exported();
    await change();
    expect(await verified(head)).toMatchObject(SEALED);
    expect(await verified(await exported())).toMatchObject(SEALED);
  });

  test('a refused rename changes neither facts nor seal', async () => {
    const other = unique('env');
    await createEnvironment(app, owner.token, applicationId, other);
    const before = await row();
    expect(await rename(other)).toEqual({ updateEnvironment: {} });
    expect(await row()).toEqual(before);
  });
});

describe('a deleted environment', () => {
  beforeEach(() => remove(app, owner.token, 'deleteEnvironment', environmentId));

  test('that was brought back by SQL is found, with keys', async () => {
    await bySql({ deleted_at: null });
    expect(await verified()).toMatchObject(FINDING);
  });

  test('whose deletion was moved in time is found, with keys', async () => {
    await bySql({ deleted_at: new Date().toISOString().replace('20', '21') });
    expect(await verified()).toMatchObject(FINDING);
  });
});

test('an environment that was brought back with the seal from before its deletion is found by an exported head', async () => {
  const { deleted_at, facts_version, facts_mac } = await row();
  await remove(app, owner.token, 'deleteEnvironment', environmentId);
  const head = await exported();
  await bySql({ deleted_at, facts_version, facts_mac });
  expect(await verified()).toMatchObject(SEALED);
  expect(await verified(head)).toMatchObject(FINDING);
});

describe('a change by SQL stays found, whatever the service writes behind it', () => {
  const WRITES: Record<string, () => Promise<unknown>> = {
    'a rename': () => rename(),
    'a new data key': () => rotateDataKeys(app.services, { environmentId }),
    'a deletion': () => remove(app, owner.token, 'deleteEnvironment', environmentId),
    'a deletion of its application': () => remove(app, owner.token, 'deleteApplication', applicationId),
  };
  test.each(Object.entries(WRITES))('%s', async (_, write) => {
    await bySql({ name: unique('forged') });
    await write();
    expect(await verified()).toMatchObject(FINDING);
    const warnings = app.logs.filter((line) => line.includes(environmentId) && line.includes('verify-log'));
    expect(warnings).toHaveLength(1);
  });

  test('until an operator has looked and seals it', async () => {
    await bySql({ name: unique('known') });
    expect(await sealAllFacts(app.services)).toEqual({ sealed: 0, failures: [] });
    expect(await verified()).toMatchObject(FINDING);
    expect(await sealFactsOf(app.services, environmentId)).toBe(true);
    expect(await verified()).toMatchObject(SEALED);
  });
});

describe('an environment from before there were seals', () => {
  beforeEach(() => bySql({ facts_version: 0, facts_mac: null }));
  afterEach(() => app.services.db.script("update environments set facts_mac = '\\x00' where facts_mac is null"));

  test('is in order, and said to have no seal, also behind writes: only an operator vouches for what nobody sealed', async () => {
    expect(await verified()).toMatchObject({ isIntact: true, facts: { isSealed: false } });
    await rename();
    await rotateDataKeys(app.services, { environmentId });
    expect(await verified()).toMatchObject({ isIntact: true, facts: { isSealed: false } });
  });

  test('is sealed once by the command, deleted ones too, and then like any other', async () => {
    await remove(app, owner.token, 'deleteEnvironment', environmentId);
    const head = await exported();
    expect(await sealAllFacts(app.services)).toEqual({ sealed: 1, failures: [] });
    expect(await sealAllFacts(app.services)).toEqual({ sealed: 0, failures: [] });
    expect(await verified(head)).toMatchObject(SEALED);
    await bySql({ deleted_at: null });
    expect(await verified()).toMatchObject(FINDING);
  });

  test('whose keys do not open stays without one, and is named', async () => {
    const where = `where environment_id = ${literal(environmentId)}`;
    await app.services.db.script(`update environment_keys set wrapped = '\\x00' ${where}`);
    app.services.keys.forget(environmentId);
    const { sealed, failures } = await sealAllFacts(app.services);
    expect(sealed).toBe(0);
    expect(failures).toEqual([expect.stringContaining(environmentId)]);
  });
});

test('an environment whose keys do not open can still be deleted', async () => {
  await app.services.db.script(
    `update environment_keys set wrapped = '\\x00' where environment_id = ${literal(environmentId)}`,
  );
  app.services.keys.forget(environmentId);
  await remove(app, owner.token, 'deleteEnvironment', environmentId);
  expect(await verified()).toMatchObject({ isIntact: false, kind: 'keys' });
});
