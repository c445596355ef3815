// The lock on the data folder: one owner at a time, whatever the folder is called, and free however its owner ended.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataFolderInUse, lockDataFolder } from '../../../src/store/engine/data-folder-lock.js';
import { ensureBuilt } from '../../support/server.js';

/** Only root may, and not in every sandbox. */
const canUnshare = spawnSync('unshare', ['-n', 'true']).status === 0;
/** The same answer (EPERM) as from a file system that knows no sockets. */
const canForbid = (() => {
  const probe = mkdtempSync(join(tmpdir(), 'agent-secrets-immutable-'));
  const able = spawnSync('chattr', ['+i', probe]).status === 0;
  spawnSync('chattr', ['-i', probe]);
  rmSync(probe, { recursive: true });
  return able;
})();

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
  const module = pathToFileURL(join(await ensureBuilt(), 'store', 'engine', 'data-folder-lock.js')).href;
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

/** Processes that each lock the folder at the same moment; answers what each of them said, and ends them. */
async function rivals(count: number): Promise<string[]> {
  const module = pathToFileURL(join(await ensureBuilt(), 'store', 'engine', 'data-folder-lock.js')).href;
  const script = `
    import { lockDataFolder } from ${JSON.stringify(module)};
    console.log('ready');
    process.stdin.once('data', () => lockDataFolder(${JSON.stringify(folder)}).then(
      () => console.log('locked'), ({ name }) => console.log(name)));`;
  const processes = Array.from({ length: count }, () =>
    spawn('unshare', ['-n', process.execPath, '--input-type=module', '--eval', script]),
  );
  try {
    await Promise.all(processes.map(({ stdout }) => once(stdout, 'data')));
    const said = processes.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim());
    for (const { stdin } of processes) stdin.write('go');
    return await Promise.all(said);
  } finally {
    for (const rival of processes) rival.kill('SIGKILL');
    await Promise.all(processes.map((rival) => rival.exitCode ?? rival.signalCode ?? once(rival, 'exit')));
  }
}

test.skipIf(!canUnshare)('of several containers that find a killed one’s folder exactly one gets it', async () => {
  // Each round leaves what the next one finds: the winner is killed.
  for (let round = 0; round < 6; round += 1) {
    const said = await rivals(6);
    expect(said.sort()).toEqual([...Array(5).fill('DataFolderInUse'), 'locked']);
  }
});

test.skipIf(!canForbid)('on a file system without sockets it still holds on this machine', async () => {
  await mkdir(folder);
  spawnSync('chattr', ['+i', folder]);
  try {
    const release = await lockDataFolder(folder);
    await expect(lockDataFolder(folder)).rejects.toThrow(DataFolderInUse);
    await release();
    await (await lockDataFolder(folder))();
  } finally {
    spawnSync('chattr', ['-i', folder]);
  }
});
