// Values that an earlier version of the service has sealed, in format 1: they stay what they are.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { rotateDataKeys } from '../../../src/domain/keys/data-key.js';
import { verifyLog } from '../../../src/domain/log/log-verification.js';
import { servicesOn } from '../../../src/start/services.js';
import { findOutdatedValues } from '../../../src/store/keys/outdated-value.js';
import { putIntoFormat1 } from '../../support/format-1.js';
import { ask } from '../../support/graphql/client.js';
import { type Client, createRestApp, expectRefusal, place, type RestApp } from '../../support/rest/app.js';
import { storedValues, valueRows } from '../../support/sealed-values.js';
import { createEnvironment } from '../../support/world.js';

let app: RestApp;
let owner: Client;
beforeAll(async () => {
  app = await createRestApp();
  owner = app.as('owner');
});
afterAll(() => app.close());

let environmentId: string;
let id: string;
beforeEach(async () => {
  const { token } = app.world.people.owner;
  environmentId = await createEnvironment(app, token, app.world.applicationId);
  ({ id } = await owner.made(environmentId, { path: [place()], secretValue: 'first' }));
  await owner.update(id, { currentRevision: 0, secretValue: { op: 'set', value: 'second' } });
  await putIntoFormat1(app.services, environmentId);
});

/** The first byte of each value, in the order of revisions. */
async function formats(): Promise<(number | undefined)[]> {
  const rows = await valueRows(app.services, environmentId);
  return rows.sort((a, b) => Number(a.revision - b.revision)).map(({ sealed }) => sealed[0]);
}

async function expectShown(): Promise<void> {
  expect((await owner.get(id)).body.secretValue).toBe('second');
  expect((await owner.list(environmentId)).body.values).toMatchObject([{ id, secretValue: 'second' }]);
  const { agentSecret } = await ask(
    app,
    app.world.people.owner.token,
    'query ($id: UUID!) { agentSecret(id: $id) { revisions { edges { node { secretValue } } } } }',
    { id },
  );
  expect(agentSecret.revisions.edges.map(({ node }: any) => node.secretValue)).toEqual(['second', 'first']);
  const verified = await verifyLog(app.services.db, environmentId, { keyProvider: app.services.keyProvider });
  expect(verified).toMatchObject({ isIntact: true, openedValues: (await formats()).length });
}

test('are shown at both doors, in the history and by verify-log; a new value is not sealed so', async () => {
  expect(await formats()).toEqual([1, 1]);
  await expectShown();
  await owner.update(id, { currentRevision: 1, secretValue: { op: 'set', value: 'third' } });
  expect(await formats()).toEqual([1, 1, 2]);
  expect((await owner.get(id)).body.secretValue).toBe('third');
});

test('are sealed anew by a rotation, and then bound to path and type', async () => {
  expect(await rotateDataKeys(app.services, { environmentId })).toMatchObject({ newKeys: 1, resealed: 2, left: 0 });
  expect(await formats()).toEqual([2, 2]);
  await expectShown();
  await app.services.db.script(`update agent_secrets set path = 'another' where id = '${id}'`);
  expectRefusal(await owner.get(id), 500, 'AGENT_SECRET_VALUE_UNREADABLE');
});

test('are sealed anew under the newest key, too, as an instance of an earlier version leaves them', async () => {
  await rotateDataKeys(app.services, { environmentId });
  await putIntoFormat1(app.services, environmentId);
  const rotation = await rotateDataKeys(app.services, { environmentId, madeBefore: new Date(0) });
  expect(rotation).toEqual({ environments: 1, newKeys: 0, resealed: 2, left: 0, failures: [] });
  expect(await formats()).toEqual([2, 2]);
  expect((await storedValues(app.services, environmentId)).versions).toEqual({ 2: 2 });
  await expectShown();
  expect(await rotateDataKeys(app.services, { environmentId, madeBefore: new Date(0) })).toMatchObject({ resealed: 0 });
});

test('get a new key all the same, when one is due', async () => {
  expect(await rotateDataKeys(app.services, { environmentId })).toMatchObject({ newKeys: 1, resealed: 2 });
  await putIntoFormat1(app.services, environmentId);
  expect(await rotateDataKeys(app.services, { environmentId })).toMatchObject({ newKeys: 1, resealed: 2 });
  expect((await storedValues(app.services, environmentId)).versions).toEqual({ 3: 2 });
});

test('a rotation with another algorithm moves everything to that one, and back', async () => {
  const { db, keyProvider, log } = app.services;
  const notDue = { environmentId, madeBefore: new Date(0) };
  const withAes = servicesOn(db, keyProvider, log, 'off', 'aes-256-gcm');
  expect(await rotateDataKeys(withAes, notDue)).toMatchObject({ newKeys: 0, resealed: 2, left: 0 });
  expect(await formats()).toEqual([3, 3]);
  await expectShown();
  expect(await rotateDataKeys(app.services, notDue)).toMatchObject({ newKeys: 0, resealed: 2, left: 0 });
  expect(await formats()).toEqual([2, 2]);
});

test('a rotation leaves values under a key that is newer than its own to whoever made that', async () => {
  await rotateDataKeys(app.services, { environmentId });
  await putIntoFormat1(app.services, environmentId);
  const page = { environmentId, version: 1, format: 2, after: 0n, limit: 10 };
  expect(await findOutdatedValues(app.services.db, page)).toEqual([]);
  expect(await findOutdatedValues(app.services.db, { ...page, version: 2 })).toHaveLength(2);
});
