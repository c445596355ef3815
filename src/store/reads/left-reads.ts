// Records of opened values that the database did not take before the process ended, in files of a folder.
import { createHash } from 'node:crypto';
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../../ids/new-id.js';
import { makeFolder } from '../engine/folder.js';
import { KEYS, type SecretReadColumns } from './read-audit.js';

const ENDING = '.json';
const WRITABLE_BY_OTHERS = 0o022;

/** Writes a file that only its owner may read, whole or not at all. Returns its path. */
export async function writeLeftReads(folder: string, batches: readonly SecretReadColumns[]): Promise<string> {
  await makeFolder(folder);
  const path = join(folder, `${newId()}${ENDING}`);
  const draft = `${path}.draft`;
  const text = JSON.stringify(batches);
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${hashOf(text)}\n${text}`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  return path;
}

/** The files that were left behind, oldest first. */
export async function findLeftReads(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.endsWith(ENDING))
    .sort()
    .map((name) => join(folder, name));
}

/** The records in a file; undefined if another process has taken it in. Throws if it is not as it was written. */
export async function readLeftReads(path: string): Promise<SecretReadColumns[] | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return undefined;
  if (process.platform !== 'win32' && (found.mode & WRITABLE_BY_OTHERS) !== 0) throw new Error('others may write it');
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (content === undefined) return undefined;
  const [hash, text = ''] = content.split('\n', 2);
  if (hash !== hashOf(text)) throw new Error('its content is not what was written');
  const batches = JSON.parse(text) as SecretReadColumns[];
  for (const batch of batches) {
    if (KEYS.some((column) => batch[column]?.length !== batch.id.length)) throw new Error('its columns do not fit');
  }
  return batches.map((batch) => ({ ...batch, at: batch.at.map((at) => new Date(at)) }));
}

/** Removes a file that was taken in. */
export async function removeLeftReads(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Keeps a file that cannot be taken in, under a name that no start looks at. */
export async function setAsideLeftReads(path: string): Promise<void> {
  await rename(path, `${path}.refused`).catch(() => {});
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
