// Rotating the master key under a running service: every key is wrapped anew, nothing becomes unreadable, nothing is lost.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyFile, loadKeyFile } from '../../../src/crypto/key-file.js';
import { addMasterKey, useMasterKey } from '../../../src/crypto/key-file-change.js';
import type { KeyProvider } from '../../../src/crypto/key-provider.js';
import { localKeyProvider, printKeyring } from '../../../src/crypto/local-keyring.js';
import { openTransitKeyProvider } from '../../../src/crypto/transit-key-provider.js';
import { rotateDataKeys } from '../../../src/domain/keys/data-key.js';
import { listMasterKeyUsage } from '../../../src/domain/keys/key-usage.js';
import { rotateMasterKey } from '../../../src/domain/keys/master-key.js';
import { servicesOn } from '../../../src/start/services.js';
import { startTransitServer, type TransitServer } from '../../support/external/transit-server.js';
import { type Client, clientOf, createRestApp, type RestApp } from '../../support/rest/app.js';
import { createEnvironment } from '../../support/world.js';

let folder: string;
let path: string;
let first: string;
let app: RestApp;
let owner: Client;
let transit: TransitServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-keys-'));
  path = join(folder, 'master-keys.json');
  await createKeyFile(path);
  first = (await keyring()).current;
  app = await createRestApp({}, await fileProvider());
  owner = app.as('owner');
  transit = await startTransitServer();
  await transit.admin('keys/agent-secrets');
});
afterAll(async () => {
  await app?.close();
  await transit?.close();
  await rm(folder, { recursive: true, force: true });
});

const keyring = async () => (await loadKeyFile(path)).keyring;
const fileProvider = async () => localKeyProvider(await keyring(), keyring);
const servicesWith = (provider: KeyProvider) => servicesOn(app.services.db, provider, app.services.log);
const environment = () => createEnvironment(app, app.world.people.owner.token, app.world.applicationId);

/** A process of its own, as far as keys are concerned. */
async function instanceWith(provider: KeyProvider): Promise<Client> {
  return clientOf(await app.variant({}, servicesWith(provider)), app.world.people.owner.token);
}

/** How many keys each master key wraps; those that wrap none are left out. */
async function inUse(services = app.services): Promise<Record<string, number>> {
  const usage = await listMasterKeyUsage(services);
  const counts = usage.map(({ id, dataKeys, digestKeys }) => [id, dataKeys + digestKeys] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

async function newMasterKey(): Promise<string> {
  const id = await addMasterKey(path);
  await useMasterKey(path, id);
  return id;
}

describe('a rotation', () => {
  test('wraps every key anew, of every version and environment, and the old master key is not needed any more', async () => {
    const environmentId = await environment();
    const { id } = await owner.made(environmentId, { secretValue: 'kept' });
    await rotateDataKeys(app.services, { environmentId });
    await app.services.db.script(`update environments set deleted_at = now() where id = '${await environment()}'`);
    const total = Object.values(await inUse()).reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThan(5);
    const next = await newMasterKey();
    const progress: number[] = [];
    const onProgress = (done: number, of: number) => progress.push(done / of);
    expect(await rotateMasterKey(app.services, { to: next, onProgress })).toEqual({
      masterKeyId: next,
      rewrapped: total,
      failures: [],
    });
    expect(progress.at(-1)).toBe(1);
    expect(await inUse()).toEqual({ [next]: total });
    // A key file without the old one.
    const { keys } = await keyring();
    await writeFile(path, printKeyring({ current: next, keys: new Map([[next, keys.get(next)!]]) }));
    expect((await (await instanceWith(await fileProvider())).get(id)).body.secretValue).toBe('kept');
    expect((await owner.get(id)).body.secretValue).toBe('kept');
    expect(await rotateMasterKey(app.services)).toMatchObject({ rewrapped: 0, failures: [] });
  });

  test('that is interrupted goes on where it stopped', async () => {
    // More than a batch.
    for (let made = 0; made < 55; made += 1) await environment();
    const next = await newMasterKey();
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('interrupted'));
    await expect(rotateMasterKey(app.services, { onProgress, signal: stop.signal })).rejects.toThrow('interrupted');
    const half = await inUse();
    expect(half[next]).toBe(100);
    expect(Object.keys(half)).toHaveLength(2);
    const { rewrapped } = await rotateMasterKey(app.services);
    expect(await inUse()).toEqual({ [next]: 100 + rewrapped });
  });

  test('running twice at once does everything once, and everything stays readable', async () => {
    const { id } = await owner.made(await environment(), { secretValue: 'kept' });
    const next = await newMasterKey();
    const total = Object.values(await inUse()).reduce((sum, count) => sum + count, 0);
    const both = await Promise.all([
      rotateMasterKey(app.services),
      rotateMasterKey(servicesWith(await fileProvider())),
    ]);
    expect(both[0].rewrapped + both[1].rewrapped).toBe(total);
    expect(await inUse()).toEqual({ [next]: total });
    expect((await (await instanceWith(await fileProvider())).get(id)).body.secretValue).toBe('kept');
  });

  test('is refused where another master key is current than the operator expects, naming both', async () => {
    const { current } = await keyring();
    await expect(rotateMasterKey(app.services, { to: first })).rejects.toThrow(
      `the current master key is ${current}, not ${first}; npm run master-key -- use FILE ${first}`,
    );
  });

  test('leaves what it cannot unwrap as it is, names it, and goes on', async () => {
    const lost = await environment();
    await app.services.db.script(
      `update environment_keys set master_key_id = 'k-lost' where environment_id = '${lost}' and purpose = 'data'`,
    );
    const { current } = await keyring();
    const next = await newMasterKey();
    const { failures } = await rotateMasterKey(app.services);
    expect(failures).toEqual([
      'master key "k-lost": it is not in the keyring; put the key with this id back into the key file',
    ]);
    expect(Object.keys(await inUse()).sort()).toEqual([next, 'k-lost'].sort());
    await app.services.db.script(
      `update environment_keys set master_key_id = '${current}' where master_key_id = 'k-lost'`,
    );
    expect(await rotateMasterKey(app.services)).toMatchObject({ rewrapped: 1, failures: [] });
  });
});

describe('a fleet', () => {
  test('whose one instance learns of the new key from another’s environment reads it without a restart', async () => {
    const other = await instanceWith(await fileProvider());
    await newMasterKey();
    const { id } = await owner.made(await environment(), { secretValue: 'new' });
    expect((await other.get(id)).body.secretValue).toBe('new');
  });

  test('moves into Transit and, after a rotation there, on to the next version, while it runs', async () => {
    const { id } = await owner.made(await environment(), { secretValue: 'kept' });
    const token = async () => transit.token;
    const inTransit = await openTransitKeyProvider({ url: transit.url, mount: 'transit', key: 'agent-secrets', token });
    const local = await fileProvider();
    const both: KeyProvider = {
      ...inTransit,
      unwrap: (key, context) => (key.masterKeyId.startsWith('transit:') ? inTransit : local).unwrap(key, context),
    };
    expect((await rotateMasterKey(servicesWith(both))).failures).toEqual([]);
    expect(Object.keys(await inUse())).toEqual(['transit:transit/agent-secrets:v1']);
    expect((await owner.get(id)).body.secretValue, 'an instance that has the keys').toBe('kept');
    expect((await (await instanceWith(inTransit)).get(id)).body.secretValue).toBe('kept');
    await transit.admin('keys/agent-secrets/rotate');
    await rotateMasterKey(servicesWith(inTransit));
    await transit.admin('keys/agent-secrets/config', { min_decryption_version: 2 });
    expect(Object.keys(await inUse())).toEqual(['transit:transit/agent-secrets:v2']);
    expect((await (await instanceWith(inTransit)).get(id)).body.secretValue).toBe('kept');
  });
});
