// What the key file promises: created once, for its owner only, whole or not at all.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createKeyFile, loadKeyFile } from '../../src/crypto/key-file.js';
import { generateKeyring, KeyringError } from '../../src/crypto/local-keyring.js';

const disk = vi.hoisted(() => ({ links: true, beforeWrite: () => Promise.resolve() }));

// Disks without hard links, full ones and slow ones cannot be had in a test run; what they answer can.
vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  const link: typeof real.link = (from, to) =>
    disk.links ? real.link(from, to) : Promise.reject(Object.assign(new Error('no links'), { code: 'EPERM' }));
  const open: typeof real.open = async (...args) => {
    const handle = await real.open(...args);
    const write = handle.writeFile.bind(handle);
    handle.writeFile = async (...content) => {
      await disk.beforeWrite();
      await write(...content);
    };
    return handle;
  };
  return { ...real, link, open };
});

let folder: string;
let path: string;

beforeEach(async () => {
  disk.links = true;
  disk.beforeWrite = () => Promise.resolve();
  folder = await mkdtemp(join(tmpdir(), 'key-file-'));
  path = join(folder, 'master.json');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function refusalOf(promise: Promise<unknown>): Promise<KeyringError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KeyringError);
  return error as KeyringError;
}

describe.each([
  ['with hard links', true],
  ['without hard links', false],
])('createKeyFile %s', (_, supported) => {
  beforeEach(() => {
    disk.links = supported;
  });

  test('creates a file only its owner may open, and nothing beside it', async () => {
    await createKeyFile(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['master.json']);
    const { keyring, warnings } = await loadKeyFile(path);
    expect(warnings).toEqual([]);
    expect(keyring.keys.size).toBe(1);
  });

  test('never overwrites', async () => {
    await writeFile(path, 'precious');
    const error = await refusalOf(createKeyFile(path));
    expect(error.message).toBe(`key file ${path}: it exists already; use it; it is never overwritten`);
    expect(error.reason).toBe('exists');
    expect(await readFile(path, 'utf8')).toBe('precious');
    expect(await readdir(folder)).toEqual(['master.json']);
  });

  test('does not follow a dangling link', async () => {
    await symlink(join(folder, 'elsewhere'), path);
    expect((await refusalOf(createKeyFile(path))).reason).toBe('exists');
    expect(await readdir(folder)).toEqual(['master.json']);
  });

  test('of many creations at once exactly one wins', async () => {
    for (let round = 0; round < 10; round += 1) {
      const target = join(folder, `race-${round}`);
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => createKeyFile(target)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ reason: 'exists' });
      }
    }
  });
});

describe('createKeyFile', () => {
  test('its name appears only after its whole content is written: nobody reads half a file', async () => {
    const seen: string[][] = [];
    disk.beforeWrite = async () => {
      seen.push((await readdir(folder)).filter((name) => name === 'master.json'));
    };
    await createKeyFile(path);
    expect(seen).toEqual([[]]);
  });

  test('a full disk leaves nothing behind', async () => {
    disk.beforeWrite = () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    const error = await refusalOf(createKeyFile(path));
    expect(error.message).toContain('it cannot be created (ENOSPC)');
    expect(await readdir(folder)).toEqual([]);
  });

  test('says why it cannot create', async () => {
    const nowhere = join(folder, 'missing', 'master.json');
    const error = await refusalOf(createKeyFile(nowhere));
    expect(error.message).toBe(
      `key file ${nowhere}: it cannot be created (ENOENT); choose an existing folder this process may write`,
    );
  });
});

describe('loadKeyFile', () => {
  test('a missing file is named, with what to do', async () => {
    const error = await refusalOf(loadKeyFile(path));
    expect(error.message).toBe(
      `key file ${path}: it does not exist; restore it from your backup, or, if nothing is sealed yet, create one: npm run master-key -- FILE`,
    );
    expect(error.reason).toBe('missing');
  });

  test('a folder is named as what cannot be read', async () => {
    await mkdir(path);
    const error = await refusalOf(loadKeyFile(path));
    expect(error.message).toBe(
      `key file ${path}: it cannot be read (EISDIR); give this process a regular file it may read`,
    );
  });

  test('a malformed file is named, its content is not', async () => {
    await writeFile(path, 'canary', { mode: 0o600 });
    const error = await refusalOf(loadKeyFile(path));
    expect(error.message).toBe(`key file ${path}: it is not valid JSON; restore it from your backup`);
  });

  test.each([0o640, 0o604, 0o620, 0o777])('warns of mode %o and still loads', async (mode) => {
    await writeFile(path, generateKeyring());
    await chmod(path, mode);
    const { keyring, warnings } = await loadKeyFile(path);
    expect(warnings).toEqual([exposed(mode)]);
    expect(warnings[0]).not.toContain(keyring.keys.get(keyring.current)?.export().toString('base64'));
  });

  test.each([0o640, 0o604, 0o620, 0o777])('refuses mode %o where only the owner may open it', async (mode) => {
    await writeFile(path, generateKeyring());
    await chmod(path, mode);
    const error = await refusalOf(loadKeyFile(path, { ownerOnly: true }));
    expect(error.message).toBe(exposed(mode));
    expect(error.reason).toBe('exposed');
    await chmod(path, 0o600);
    expect((await loadKeyFile(path, { ownerOnly: true })).warnings).toEqual([]);
  });

  function exposed(mode: number): string {
    return `key file ${path}: it is open to group or others (mode 0${mode.toString(8)}); restrict it: chmod 600 ${path}`;
  }
});
