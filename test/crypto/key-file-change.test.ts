// What a change of the key file promises: nothing lost, never half a file, and a running provider that notices.
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKeyFile, loadKeyFile } from '../../src/crypto/key-file.js';
import { addMasterKey, useMasterKey } from '../../src/crypto/key-file-change.js';
import { type Keyring, KeyringError, localKeyProvider } from '../../src/crypto/local-keyring.js';

let folder: string;
let path: string;
let first: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'key-file-change-'));
  path = join(folder, 'master.json');
  await createKeyFile(path);
  first = (await keyring()).current;
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function keyring(): Promise<Keyring> {
  return (await loadKeyFile(path)).keyring;
}

async function refusalOf(promise: Promise<unknown>): Promise<KeyringError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KeyringError);
  return error as KeyringError;
}

describe('a changed key file', () => {
  test('has a fresh key beside the old ones, which stay as they were; the current one stays current', async () => {
    const before = await keyring();
    const id = await addMasterKey(path);
    const after = await keyring();
    expect(after.current).toBe(first);
    expect([...after.keys.keys()]).toEqual([first, id]);
    expect(after.keys.get(first)?.equals(before.keys.get(first) as never)).toBe(true);
    expect(after.keys.get(id)?.equals(before.keys.get(first) as never)).toBe(false);
  });

  test('makes another key current, and loses none', async () => {
    const id = await addMasterKey(path);
    await useMasterKey(path, id);
    expect((await keyring()).current).toBe(id);
    expect([...(await keyring()).keys.keys()]).toEqual([first, id]);
  });

  test('is open to its owner only, and nothing is left beside it', async () => {
    await chmod(path, 0o644);
    await addMasterKey(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['master.json']);
  });

  test('stays where a link points to', async () => {
    const link = join(folder, 'link.json');
    await symlink(path, link);
    const id = await addMasterKey(link);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect([...(await keyring()).keys.keys()]).toEqual([first, id]);
  });

  test('of several changes at once none is lost: each is in the file, or was refused', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => addMasterKey(path)));
    const added = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(added.length).toBeGreaterThan(0);
    expect([...(await keyring()).keys.keys()].sort()).toEqual([first, ...added].sort());
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason.message).toMatch(/^key file .*\.new: another change/);
    }
  });

  test('is left alone when the draft of a change that was cut short is in the way', async () => {
    await writeFile(`${path}.new`, 'half');
    const before = await readFile(path, 'utf8');
    expect((await refusalOf(addMasterKey(path))).message).toContain('or was cut short');
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(await readFile(`${path}.new`, 'utf8')).toBe('half');
  });

  test('refuses an id it does not have, naming those it has, and stays as it was', async () => {
    const before = await readFile(path, 'utf8');
    const error = await refusalOf(useMasterKey(path, 'k-none'));
    expect(error.message).toBe(`key file ${path}: it has no master key "k-none"; it has ${first}`);
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(await readdir(folder)).toEqual(['master.json']);
  });

  test('that does not exist is not made', async () => {
    const missing = join(folder, 'missing.json');
    expect((await refusalOf(addMasterKey(missing))).reason).toBe('missing');
    expect(await readdir(folder)).toEqual(['master.json']);
  });
});

describe('a provider whose key file changes while it runs', () => {
  const dataKey = randomBytes(32);

  async function running() {
    let reads = 0;
    const provider = localKeyProvider(await keyring(), () => {
      reads += 1;
      return keyring();
    });
    return { provider, reads: () => reads };
  }

  test('unwraps what another instance has wrapped under a key that was added since', async () => {
    const { provider } = await running();
    await useMasterKey(path, await addMasterKey(path));
    const wrapped = await localKeyProvider(await keyring()).wrap(dataKey, 'c');
    expect(wrapped.masterKeyId).not.toBe(first);
    expect(Buffer.from(await provider.unwrap(wrapped, 'c')).equals(dataKey)).toBe(true);
  });

  test('wraps under the key that is current now, never under one that is on its way out', async () => {
    const { provider } = await running();
    const id = await addMasterKey(path);
    expect((await provider.wrap(dataKey, 'c')).masterKeyId).toBe(first);
    await useMasterKey(path, id);
    expect((await provider.wrap(dataKey, 'c')).masterKeyId).toBe(id);
    expect(await provider.currentKeyId()).toBe(id);
    expect(await provider.keyIds()).toEqual([first, id]);
  });

  test('reads the file once for many unwraps of a key that is not there, and none at all for those it has', async () => {
    const { provider, reads } = await running();
    const wrapped = await localKeyProvider(await keyring()).wrap(dataKey, 'c');
    const elsewhere = { ...wrapped, masterKeyId: 'k-elsewhere' };
    await Promise.all(Array.from({ length: 50 }, () => refusalOf(provider.unwrap(elsewhere, 'c'))));
    expect((await refusalOf(provider.unwrap(elsewhere, 'c'))).reason).toBe('unknown-master-key');
    await provider.unwrap(wrapped, 'c');
    expect(reads()).toBe(1);
  });

  test('seals nothing new when the file is gone: a restart could not open it', async () => {
    const { provider } = await running();
    const wrapped = await provider.wrap(dataKey, 'c');
    await rm(path);
    expect((await refusalOf(provider.wrap(dataKey, 'c'))).reason).toBe('missing');
    expect(Buffer.from(await provider.unwrap(wrapped, 'c')).equals(dataKey)).toBe(true);
  });
});
