// Values that an earlier version of the service has sealed, in format 1: they stay what they are.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { verifyLog } from '../../../src/domain/log/log-verification.js';
import { putIntoFormat1 } from '../../support/format-1.js';
import { ask } from '../../support/graphql/client.js';
import { type Client, createRestApp, place, type RestApp } from '../../support/rest/app.js';
import { valueRows } from '../../support/sealed-values.js';
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
