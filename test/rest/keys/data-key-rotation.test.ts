// Rotating data keys under a running service: every value stays readable, is sealed anew once, and old keys go when unused.
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { retireDataKeys, rotateDataKeys } from '../../../src/domain/keys/data-key.js';
import { listDataKeyUsage } from '../../../src/domain/keys/key-usage.js';
import { servicesOn } from '../../../src/start/services.js';
import { computed, statement } from '../../../src/store/engine/statement.js';
import { resealValue } from '../../../src/store/keys/data-key.js';
import { findEnvironmentKeys } from '../../../src/store/keys/environment-key.js';
import { findOutdatedValues } from '../../../src/store/keys/outdated-value.js';
import { canary } from '../../support/canary.js';
import { type Client, clientOf, eachOf, expectRefusal, place } from '../../support/rest/app.js';
import { storedValues } from '../../support/sealed-values.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, owner } = await restSuite();

const environment = () => createEnvironment(app, app.world.people.owner.token, app.world.applicationId);
const set = (value: string) => ({ op: 'set', value });
/** At once: nothing else runs in this test's database. */
const AT_ONCE = { readWithinMs: 0 };

/** Secrets in every state that a value can be in, and what the log must hold of them, by `secret:revision`. */
async function furnish(environmentId: string, count: number) {
  const texts = new Map<string, string>();
  const current = new Map<string, string | null>();
  const secrets = await eachOf(Array.from({ length: count }), (_, index) =>
    owner.made(environmentId, { path: [place()], secretValue: `first ${index}` }),
  );
  await eachOf(secrets, async ({ id }, index) => {
    texts.set(`${id}:0`, JSON.stringify(`first ${index}`));
    current.set(id, `first ${index}`);
    if (index % 4 === 1) {
      await owner.update(id, { currentRevision: 0, secretValue: set(`second ${index}`) });
      texts.set(`${id}:1`, JSON.stringify(`second ${index}`));
      current.set(id, `second ${index}`);
      if (index % 8 === 5) await owner.update(id, { currentRevision: 1 });
    }
    if (index % 4 === 2) {
      await owner.update(id, { currentRevision: 0, secretValue: { op: 'unset' } });
      current.set(id, null);
    }
    if (index % 4 === 3) {
      await owner.remove(id, 0);
      current.delete(id);
    }
  });
  return { texts, current };
}

async function expectReadable(
  client: Client,
  environmentId: string,
  current: Map<string, string | null>,
): Promise<void> {
  const { values } = (await client.list(environmentId)).body;
  const seen = values.map(({ id, secretValue }: any) => [id, secretValue ?? null]);
  expect(new Map(seen)).toEqual(current);
}

/** A process of its own, as far as keys are concerned. */
async function anotherInstance(): Promise<Client> {
  const services = servicesOn(app.services.db, app.services.keyProvider, app.services.log);
  return clientOf(await app.variant({}, services), app.world.people.owner.token);
}

describe('a rotation', () => {
  test('seals every value anew, current and former, for instances that have not heard of it, too', async () => {
    const environmentId = await environment();
    const { texts, current } = await furnish(environmentId, 130);
    const elsewhere = await anotherInstance();
    await expectReadable(elsewhere, environmentId, current);
    const progress: number[] = [];
    const onProgress = ({ done, total }: { done: number; total: number }) => progress.push(done / total);
    const rotation = await rotateDataKeys(app.services, { environmentId, onProgress });
    expect(rotation).toEqual({ environments: 1, newKeys: 1, resealed: texts.size, left: 0, failures: [] });
    expect(progress[0]).toBe(0);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort());
    expect(await storedValues(app.services, environmentId)).toEqual({ texts, versions: { 2: texts.size } });
    await expectReadable(elsewhere, environmentId, current);
    await expectReadable(owner, environmentId, current);
    const made = await elsewhere.made(environmentId, { secretValue: 'later' });
    expect((await owner.get(made.id)).body.secretValue).toBe('later');
  });

  test('leaves revisions, hashes and times as they are: it is no write', async () => {
    const environmentId = await environment();
    await furnish(environmentId, 4);
    const seen = () =>
      app.services.db.rows(
        statement()(
          { row: computed(sql``, String) },
          sql`select (to_jsonb(r) - 'sealed_value')::text || (to_jsonb(s) - 'sealed_value')::text
              || (to_jsonb(e) - array['min_data_key_version', 'keys_id', 'facts_version', 'facts_mac'])::text as "row"
            from agent_secret_revisions r join agent_secrets s on s.id = r.agent_secret_id join environments e on e.id = r.environment_id
            where r.environment_id = ${environmentId} order by r.environment_revision`,
        ),
        {},
      );
    const before = await seen();
    await rotateDataKeys(app.services, { environmentId });
    expect(await seen()).toEqual(before);
    expect(before.length).toBeGreaterThan(0);
  });

  test('that is interrupted between batches is continued, without another key, and only where it stopped', async () => {
    const environmentId = await environment();
    const { texts, current } = await furnish(environmentId, 130);
    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }) => done > 0 && stop.abort(new Error('interrupted'));
    await expect(rotateDataKeys(app.services, { environmentId, onProgress, signal: stop.signal })).rejects.toThrow(
      'interrupted',
    );
    const half = await storedValues(app.services, environmentId);
    expect(half.versions).toEqual({ 1: texts.size - 100, 2: 100 });
    expect(half.texts).toEqual(texts);
    await expectReadable(await anotherInstance(), environmentId, current);
    expect(await rotateDataKeys(app.services, { environmentId })).toMatchObject({
      newKeys: 0,
      resealed: texts.size - 100,
    });
    expect(await storedValues(app.services, environmentId)).toEqual({ texts, versions: { 2: texts.size } });
  });

  test('of all gives every environment one new key, however often it is taken up', async () => {
    const environments = [await environment(), await environment(), await environment()];
    for (const environmentId of environments) await furnish(environmentId, 2);
    const newest = async () => {
      const keys = await Promise.all(environments.map((id) => app.services.keys.reload(id)));
      return keys.map(({ current }) => current.version);
    };
    const made = Date.now();
    while (Date.now() === made) await new Promise(setImmediate);
    const began = new Date();
    expect((await rotateDataKeys(app.services, { madeBefore: new Date(0) })).newKeys).toBe(0);
    expect(await newest()).toEqual([1, 1, 1]);
    // As far as a rotation of all had come when it was interrupted.
    await rotateDataKeys(app.services, { environmentId: environments[1], madeBefore: began });
    expect(await newest()).toEqual([1, 2, 1]);
    await rotateDataKeys(app.services, { madeBefore: began });
    expect(await newest()).toEqual([2, 2, 2]);
    expect((await rotateDataKeys(app.services, { madeBefore: began })).newKeys).toBe(0);
    expect(await newest()).toEqual([2, 2, 2]);
    expect((await rotateDataKeys(app.services)).newKeys).toBeGreaterThanOrEqual(3);
    expect(await newest()).toEqual([3, 3, 3]);
  });

  test('of deleted environments keeps their logs readable', async () => {
    const environmentId = await environment();
    const { texts } = await furnish(environmentId, 3);
    await app.services.db.script(`update environments set deleted_at = now() where id = '${environmentId}'`);
    await rotateDataKeys(app.services, { environmentId });
    expect(await storedValues(app.services, environmentId)).toEqual({ texts, versions: { 2: texts.size } });
  });

  test('names a value that does not open, goes on with the others, and its key is not removed', async () => {
    const environmentId = await environment();
    const { texts } = await furnish(environmentId, 6);
    const { id } = await owner.made(environmentId, { secretValue: canary() });
    const spoil = (table: string, key: string) =>
      app.services.db.script(
        `update ${table} set sealed_value = set_byte(sealed_value, 20, get_byte(sealed_value, 20) # 1) where ${key} = '${id}'`,
      );
    await spoil('agent_secrets', 'id');
    await spoil('agent_secret_revisions', 'agent_secret_id');
    const rotation = await rotateDataKeys(app.services, { environmentId });
    expect(rotation).toMatchObject({ resealed: texts.size, left: 1 });
    expect(rotation.failures).toEqual([
      `revision 0 of agent secret ${id}: value of agent secret ${id} in environment ${environmentId} (data key version 1): ` +
        'it was changed, moved from another row, or sealed under another key',
    ]);
    expect(await retireDataKeys(app.services, AT_ONCE)).not.toContainEqual({ environmentId, version: 1 });
    expect((await owner.remove(id, 0)).status).toBe(200);
  });
});

describe('sealing one value anew', () => {
  const hash = async (bytes: Uint8Array) =>
    new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes)));
  const fresh = Uint8Array.from({ length: 97 }, (_, index) => index);

  async function stored(environmentId: string) {
    return app.services.db.rows(
      statement()(
        { log: computed(sql``, String), current: computed(sql``, String) },
        sql`select encode(r.sealed_value, 'hex') as "log", encode(s.sealed_value, 'hex') as "current" from agent_secrets s
          join agent_secret_revisions r on r.agent_secret_id = s.id where r.environment_id = ${environmentId} order by r.revision`,
      ),
      {},
    );
  }

  async function prepared() {
    const environmentId = await environment();
    const { id } = await owner.made(environmentId, { secretValue: 'some' });
    const page = { environmentId, version: 2, format: 2, after: 0n, limit: 10 };
    const [value] = await findOutdatedValues(app.services.db, page);
    const { id: keysId } = await app.services.keys.keysOf(environmentId);
    const before = await hash(value!.sealedValue);
    const resealing = { ...value!, environmentId, before, sealedValue: fresh, keysId };
    return { environmentId, id, resealing };
  }

  test('changes log and secret together', async () => {
    const { environmentId, resealing } = await prepared();
    expect(await resealValue(app.services.db, resealing)).toBe(true);
    const hex = Buffer.from(fresh).toString('hex');
    expect(await stored(environmentId)).toEqual([{ log: hex, current: hex }]);
    expect(await resealValue(app.services.db, resealing), 'a second time').toBe(false);
  });

  test.each([
    [
      'a value destroyed meanwhile stays destroyed',
      'update agent_secret_revisions set sealed_value = null where agent_secret_id = $',
    ],
    [
      'a value that log and secret tell differently is left alone',
      "update agent_secrets set sealed_value = sealed_value || '\\x00' where id = $",
    ],
    [
      'a log row that holds other bytes is left alone',
      "update agent_secret_revisions set sealed_value = sealed_value || '\\x00' where agent_secret_id = $",
    ],
  ])('%s', async (_, change) => {
    const { environmentId, id, resealing } = await prepared();
    await app.services.db.script(change.replace('$', `'${id}'`));
    const before = await stored(environmentId);
    expect(await resealValue(app.services.db, resealing)).toBe(false);
    expect(await stored(environmentId)).toEqual(before);
  });

  test('a value that was replaced meanwhile changes in the log only', async () => {
    const { environmentId, id, resealing } = await prepared();
    await owner.update(id, { currentRevision: 0, secretValue: set('newer') });
    const [, newer] = await stored(environmentId);
    expect(await resealValue(app.services.db, resealing)).toBe(true);
    const [first, second] = await stored(environmentId);
    expect(first!.log).toBe(Buffer.from(fresh).toString('hex'));
    expect(second).toEqual(newer);
    expect((await owner.get(id)).body.secretValue).toBe('newer');
  });
});

describe('removing old data keys', () => {
  test('waits until no value uses them', async () => {
    const environmentId = await environment();
    const { texts, current } = await furnish(environmentId, 5);
    const mine = async (options: object) =>
      (await retireDataKeys(app.services, options)).filter((key) => key.environmentId === environmentId);
    const usage = async () =>
      (await listDataKeyUsage(app.services)).usage.find((of) => of.environmentId === environmentId);
    expect(await mine(AT_ONCE)).toEqual([]);
    const onProgress = () => {
      throw new Error('interrupted');
    };
    await expect(rotateDataKeys(app.services, { environmentId, onProgress })).rejects.toThrow('interrupted');
    expect(await mine(AT_ONCE)).toEqual([]);
    expect(await usage()).toEqual({
      environmentId,
      versions: [
        { version: 1, values: texts.size },
        { version: 2, values: 0 },
      ],
    });
    await rotateDataKeys(app.services, { environmentId });
    const warned: number[] = [];
    expect(await mine({ ...AT_ONCE, onWait: (keys: number) => warned.push(keys) })).toEqual([
      { environmentId, version: 1 },
    ]);
    expect(warned).toEqual([expect.any(Number)]);
    expect(await mine(AT_ONCE)).toEqual([]);
    expect(await usage(), 'one key is left').toBeUndefined();
    await expectReadable(await anotherInstance(), environmentId, current);
    expect(await storedValues(app.services, environmentId)).toEqual({ texts, versions: { 2: texts.size } });
  });

  test('keeps one that seals a former value only', async () => {
    const environmentId = await environment();
    const { id } = await owner.made(environmentId, { secretValue: 'former' });
    const onProgress = () => {
      throw new Error('interrupted');
    };
    await expect(rotateDataKeys(app.services, { environmentId, onProgress })).rejects.toThrow('interrupted');
    await app.services.keys.reload(environmentId);
    await owner.update(id, { currentRevision: 0, secretValue: set('current') });
    expect((await storedValues(app.services, environmentId)).versions).toEqual({ 1: 1, 2: 1 });
    expect(await retireDataKeys(app.services, AT_ONCE)).not.toContainEqual({ environmentId, version: 1 });
    expect((await storedValues(app.services, environmentId)).texts.get(`${id}:0`)).toBe('"former"');
  });

  test('finds no value that was written under it at the last moment, for nobody can write one', async () => {
    const environmentId = await environment();
    const slow = await anotherInstance();
    await slow.made(environmentId, { secretValue: 'warms the cache' });
    await rotateDataKeys(app.services, { environmentId });
    // This instance still holds the old key; its writes of every kind are sealed under the new one all the same.
    const { id } = await slow.made(environmentId, { secretValue: 'late' });
    await slow.update(id, { currentRevision: 0, secretValue: set('later') });
    expect((await storedValues(app.services, environmentId)).versions).toEqual({ 2: 3 });
    expect(await retireDataKeys(app.services, AT_ONCE)).toContainEqual({ environmentId, version: 1 });
    expect((await slow.get(id)).body.secretValue).toBe('later');
    expect((await owner.get(id)).body.secretValue).toBe('later');
  });
});

describe('bytes that were moved by SQL', () => {
  /** A read of the secret is refused with this code; what the log says of it. */
  async function refusedRead(id: string, code: string): Promise<string> {
    const requestId = `moved-${place()}`;
    const cold = await anotherInstance();
    const answer = await cold.call('GET', `/v1/agent-secrets/${id}`, { headers: { 'x-request-id': requestId } });
    expectRefusal(answer, 500, code);
    return app.logs.filter((line) => line.includes(requestId)).join();
  }

  test.each([
    ['from another secret', 'agent_secrets where id', 0],
    ['from a secret of another environment', 'agent_secrets where id', 1],
    ['from an earlier revision', 'agent_secret_revisions where revision = 0 and agent_secret_id', 2],
  ])('do not open as a value %s, and the log names secret and key', async (_, place, donor) => {
    const [here, there] = [await environment(), await environment()];
    const { id } = await owner.made(here, { secretValue: canary() });
    await owner.update(id, { currentRevision: 0, secretValue: set(canary()) });
    const donors = [(await owner.made(here)).id, (await owner.made(there)).id, id];
    await app.services.db.script(
      `update agent_secrets set sealed_value = (select sealed_value from ${place} = '${donors[donor]}') where id = '${id}'`,
    );
    expect(await refusedRead(id, 'AGENT_SECRET_VALUE_UNREADABLE')).toContain(
      `value of agent secret ${id} in environment ${here} (data key version 1): it was changed, moved`,
    );
  });

  test('of an environment whose keys do not open stay as they are, are named, and hinder no other rotation', async () => {
    const [lost, other] = [await environment(), await environment()];
    await owner.made(lost);
    await owner.made(other);
    const ofLost = `environment_id = '${lost}' and purpose = 'data'`;
    await app.services.db.script(`update environment_keys set master_key_id = 'k-lost' where ${ofLost}`);
    app.services.keys.forget(lost);
    const { failures, newKeys } = await rotateDataKeys(app.services);
    expect(failures).toContainEqual(
      `environment ${lost}: master key "k-lost": it is not in the keyring; put the key with this id back into the key file`,
    );
    expect(newKeys).toBeGreaterThan(0);
    const { versions } = await storedValues(app.services, other);
    expect(Object.keys(versions)).toEqual(['2']);
    expect(await findEnvironmentKeys(app.services.db, lost)).toHaveLength(2);
    await app.services.db.script(`delete from environment_keys where ${ofLost}`);
  });

  test('do not open as the data key of another environment, and the log names the environment', async () => {
    const [here, there] = [await environment(), await environment()];
    const { id } = await owner.made(here);
    const key = (environmentId: string) => `environment_id = '${environmentId}' and purpose = 'data'`;
    await app.services.db.script(
      `update environment_keys set wrapped = (select wrapped from environment_keys where ${key(there)}) where ${key(here)}`,
    );
    expect(await refusedRead(id, 'AGENT_SECRET_VALUE_UNREADABLE')).toContain(
      `it does not unwrap the key of \\"environment:${here}:data:1\\"`,
    );
  });
});
