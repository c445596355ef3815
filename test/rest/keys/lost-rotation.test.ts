// A database that goes back behind a rotation of data keys, by a failover or a restore, while instances live on that still
// have the lost keys in their caches: what they acknowledge afterwards is readable for everybody.
import { expect, test } from 'vitest';
import { rotateDataKeys } from '../../../src/domain/keys/data-key.js';
import { servicesOn } from '../../../src/start/services.js';
import { ask } from '../../support/graphql/client.js';
import { type Client, clientOf, place } from '../../support/rest/app.js';
import { takeBackup } from '../../support/restore.js';
import { storedValues } from '../../support/sealed-values.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, owner, token } = await restSuite();

const environment = () => createEnvironment(app, token, app.world.applicationId);
const set = (value: string) => ({ op: 'set', value });

/** A process of its own, as far as keys are concerned. */
async function anotherInstance() {
  const services = servicesOn(app.services.db, app.services.keyProvider, app.services.log);
  return { services, client: clientOf(await app.variant({}, services), token) };
}

/** Every way to write a value; answers what must be readable from now on, by the secret's id. */
async function writeInEveryWay(client: Client, environmentId: string, ids: readonly string[]) {
  const expected = new Map<string, string>();
  const created = await client.made(environmentId, { secretValue: 'created' });
  expected.set(created.id, 'created');
  const [first, second, third, fourth] = ids as [string, string, string, string];
  for (const id of [first, second]) {
    const updated = await client.update(id, { currentRevision: 0, secretValue: set(`updated ${id}`) });
    expect(updated.status, updated.text).toBe(200);
    expected.set(id, `updated ${id}`);
  }
  const keyed = await client.call('PATCH', `/v1/agent-secrets/${third}`, {
    body: { currentRevision: 0, secretValue: set('with a key') },
    headers: { 'idempotency-key': place() },
  });
  expect(keyed.status, keyed.text).toBe(200);
  expected.set(third, 'with a key');
  const answer = await client.call('POST', '/graphql', {
    body: {
      query: `mutation ($input: ApplyAgentSecretChangesInput!) {
        applyAgentSecretChanges(input: $input) {
          ... on ApplyAgentSecretChangesPayload { applied results { ... on AgentSecretRevision { id: agentSecretId } } } ... on Refusal { message }
        }
      }`,
      variables: {
        input: {
          environmentId,
          changes: [
            { create: { path: [place()], secretType: { type: 'Str' }, secretValue: 'in a set' } },
            { update: { id: fourth, currentRevision: 0, secretValue: { op: 'SET', value: 'updated in a set' } } },
          ],
        },
      },
    },
  });
  const { applied, results } = answer.body.data.applyAgentSecretChanges;
  expect(applied).toBe(true);
  expected.set(results[0].id, 'in a set');
  expected.set(fourth, 'updated in a set');
  return expected;
}

async function expectReadable(client: Client, environmentId: string, expected: ReadonlyMap<string, string>) {
  const { status, body, text } = await client.list(environmentId);
  expect(status, text).toBe(200);
  const seen = new Map(body.values.map(({ id, secretValue }: any) => [id, secretValue]));
  for (const [id, value] of expected) expect(seen.get(id)).toBe(value);
  for (const [id, value] of expected) expect((await client.get(id)).body.secretValue).toBe(value);
}

/** How many statements it takes, apart from what runs in the background now and then. */
async function fewestStatements(work: (nth: number) => Promise<unknown>): Promise<number> {
  const counts: number[] = [];
  for (let nth = 0; nth < 4; nth += 1) {
    const before = app.queries();
    await work(nth);
    counts.push(app.queries() - before);
  }
  return Math.min(...counts);
}

async function prepared() {
  const environmentId = await environment();
  const ids: string[] = [];
  for (let count = 0; count < 4; count += 1) ids.push((await owner.made(environmentId)).id);
  return { environmentId, ids, backup: await takeBackup(app.services.db) };
}

test('a rotation that the database has lost: live instances seal under the key that is there now', async () => {
  const { environmentId, ids, backup } = await prepared();
  await rotateDataKeys(app.services, { environmentId });
  const live = await anotherInstance();
  await live.client.made(environmentId, { secretValue: 'under the key that will be lost' });
  await backup.restore();
  const expected = await writeInEveryWay(live.client, environmentId, ids);
  await expectReadable((await anotherInstance()).client, environmentId, expected);
  await expectReadable(live.client, environmentId, expected);
  expect((await storedValues(app.services, environmentId)).versions).toEqual({ 1: 4 + expected.size });
});

test('a rotation that was lost and made anew: the same version is another key, and nobody takes it for the old one', async () => {
  const { environmentId, ids, backup } = await prepared();
  await rotateDataKeys(app.services, { environmentId });
  const live = await anotherInstance();
  await live.client.made(environmentId, { secretValue: 'under the key that will be lost' });
  await backup.restore();
  const operator = await anotherInstance();
  await rotateDataKeys(operator.services, { environmentId });
  const expected = await writeInEveryWay(live.client, environmentId, ids);
  await expectReadable((await anotherInstance()).client, environmentId, expected);
  await expectReadable(operator.client, environmentId, expected);
  await expectReadable(live.client, environmentId, expected);
});

test('a value under another key of the same version is read with that key, in a list and by id', async () => {
  const { environmentId, ids, backup } = await prepared();
  const live = await anotherInstance();
  await rotateDataKeys(app.services, { environmentId });
  await live.client.list(environmentId);
  await backup.restore();
  const operator = await anotherInstance();
  await rotateDataKeys(operator.services, { environmentId });
  // This instance has a key of this version, which opens none of them.
  expect((await live.client.get(ids[0] as string)).body.secretValue).toBe('some');
  const cold = await anotherInstance();
  await cold.client.list(environmentId);
  await backup.restore();
  await rotateDataKeys(operator.services, { environmentId });
  await expectReadable(cold.client, environmentId, new Map(ids.map((id) => [id, 'some'])));
});

test('a list of values that no key opens looks for other keys once, not for each of them', async () => {
  const { environmentId, ids } = await prepared();
  const live = await anotherInstance();
  const statements = () => fewestStatements(() => live.client.list(environmentId));
  const usual = await statements();
  await app.services.db.script(
    `update agent_secrets set sealed_value = set_byte(sealed_value, 40, get_byte(sealed_value, 40) # 1) where id in ('${ids.join("','")}')`,
  );
  // The keys, and with what is opened now there is nothing to record.
  expect(await statements()).toBeLessThanOrEqual(usual + 1);
});

test('a rotation under way while the database goes back: no value is sealed under the key that was lost', async () => {
  const { environmentId, ids, backup } = await prepared();
  const before = await storedValues(app.services, environmentId);
  // The database goes back when the rotation has just loaded the new key.
  const keys = {
    ...app.services.keys,
    async reload(id: string) {
      const loaded = await app.services.keys.reload(id);
      await backup.restore();
      return loaded;
    },
  };
  const rotation = await rotateDataKeys({ ...app.services, keys }, { environmentId });
  expect(rotation).toMatchObject({ newKeys: 1, resealed: 0, left: ids.length, failures: [] });
  const { services } = await anotherInstance();
  expect(await storedValues(services, environmentId)).toEqual(before);
  expect(await rotateDataKeys(services, { environmentId })).toMatchObject({ resealed: ids.length, left: 0 });
});

test('an environment whose row does not name its keys, or old ones, is written to, and named anew', async () => {
  const { environmentId, ids } = await prepared();
  const named = async (keysId: string) => {
    await app.services.db.script(`update environments set keys_id = ${keysId} where id = '${environmentId}'`);
    return app.queries();
  };
  const live = await anotherInstance();
  const expected = new Map<string, string>();
  // Before the upgrade to a version that names them; after a rotation by an instance of an earlier version.
  for (const [index, keysId] of ['null', "'\\x00'"].entries()) {
    await named(keysId);
    const id = ids[index] as string;
    const { status } = await live.client.update(id, { currentRevision: 0, secretValue: set(`set ${index}`) });
    expect(status).toBe(200);
    expected.set(id, `set ${index}`);
  }
  await expectReadable((await anotherInstance()).client, environmentId, expected);
  await ask(app, token, 'query ($id: UUID!) { environment(id: $id) { revision } }', { id: environmentId });
  await live.client.get(ids[2] as string);
  const id = ids[2] as string;
  const statements = await fewestStatements((currentRevision) =>
    live.client.update(id, { currentRevision, secretValue: set('once more') }),
  );
  expect(statements, 'the row names the keys again').toBe(1);
});
