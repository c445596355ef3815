// The lock on the data folder: one owner at a time, whatever the folder is called, and free however its owner ended.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataFolderInUse, lockDataFolder } from '../../src/store/data-folder-lock.js';
import { ensureBuilt } from '../support/server.js';

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await realpath(await mkdtemp(join(tmpdir(), 'agent-secrets-lock-')));
  folder = join(parent, 'data');
});
afterEach(() => rm(parent, { recursive: true, force: true, maxRetries: 3 }));

test('makes the folder, for its owner only, with everything above it', async () => {
  const deep = join(folder, 'a', 'b');
  const release = await lockDataFolder(deep);
  expect(((await stat(deep)).mode & 0o777).toString(8)).toBe('700');
  await release();
});

test('is refused while somebody has it, naming the folder, and free after its release', async () => {
  const release = await lockDataFolder(folder);
  await expect(lockDataFolder(folder)).rejects.toThrow(DataFolderInUse);
  await expect(lockDataFolder(folder)).rejects.toThrow(folder);
  await release();
  await (await lockDataFolder(folder))();
});

test('is the same lock under every spelling of the folder', async () => {
  await mkdir(folder);
  await symlink(folder, join(parent, 'link'));
  const release = await lockDataFolder(folder);
  const spellings = [
    `${folder}/`,
    join(parent, 'link'),
    relative(process.cwd(), folder),
    `${parent}/x/../data`,
    `${parent}/./data`,
  ];
  await mkdir(join(parent, 'x'));
  for (const spelling of spellings) await expect(lockDataFolder(spelling)).rejects.toThrow(DataFolderInUse);
  await rename(folder, join(parent, 'renamed'));
  await expect(lockDataFolder(join(parent, 'renamed'))).rejects.toThrow(DataFolderInUse);
  await release();
});

test('of many who want it at once exactly one gets it', async () => {
  await mkdir(folder);
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataFolder(folder)));
  const [winner, ...others] = outcomes.filter((outcome) => outcome.status === 'fulfilled');
  expect(others).toEqual([]);
  await winner?.value();
});

test('does not concern other folders', async () => {
  const releases = await Promise.all(['a', 'b', 'c'].map((name) => lockDataFolder(join(parent, name))));
  for (const release of releases) await release();
});

test('does not keep a process alive, and ends with a killed one', async () => {
  const module = pathToFileURL(join(await ensureBuilt(), 'store', 'data-folder-lock.js')).href;
  const run = (afterwards: string) =>
    spawn(process.execPath, [
      '--input-type=module',
      '--eval',
      `import { lockDataFolder } from ${JSON.stringify(module)};
       await lockDataFolder(${JSON.stringify(folder)});
       console.log('locked');
       ${afterwards}`,
    ]);
  const idle = run('');
  expect(await once(idle, 'exit')).toEqual([0, null]);

  const busy = run('setInterval(() => {}, 1_000);');
  try {
    await once(busy.stdout, 'data');
    await expect(lockDataFolder(folder)).rejects.toThrow(DataFolderInUse);
  } finally {
    busy.kill('SIGKILL');
    await once(busy, 'exit');
  }
  await (await lockDataFolder(folder))();
});
