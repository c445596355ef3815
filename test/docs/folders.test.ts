// The folders of the source: as docs/architecture.md lists them, and none too full or too empty to find anything in.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, read } from './pages.js';

const MOST_FILES = 15;

interface Folder {
  path: string;
  files: number;
  folders: number;
}

function foldersBelow(path: string): Folder[] {
  const entries = readdirSync(join(ROOT, path), { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).length;
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${path}/${name}`);
  return [{ path, files, folders: below.length }, ...below.flatMap(foldersBelow)];
}

const FOLDERS = foldersBelow('src').filter(({ path }) => path !== 'src');

test('every folder of the source has its line in the architecture page, and no other has', () => {
  const table = /<!-- table: folders -->\n([\s\S]*?)<!-- \/table -->/.exec(read('docs/architecture.md'))?.[1] ?? '';
  const listed = [...table.matchAll(/^\| `(\S+)` /gm)].map(([, path]) => path as string);
  expect(listed.sort()).toEqual(FOLDERS.map(({ path }) => path).sort());
});

test.each(FOLDERS)('$path has not too many files, and more than one', ({ files, folders }) => {
  expect(files).toBeLessThanOrEqual(MOST_FILES);
  if (folders === 0) expect(files).toBeGreaterThan(1);
});

test('only main.ts stands beside the folders of the source', () => {
  const loose = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isFile());
  expect(loose.map(({ name }) => name)).toEqual(['main.ts']);
});
